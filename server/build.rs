//! Compresses the script of the API reference at build time, because that takes seconds.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::env;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let script = scalar_api_reference::get_asset("scalar.js").ok_or("the Scalar package contains no scalar.js")?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&script)?;
    let output = Path::new(&env::var("OUT_DIR")?).join("scalar.js.gz");
    fs::write(output, encoder.finish()?)?;
    Ok(())
}
