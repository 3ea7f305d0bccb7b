//! Unpacks and compresses the files of the API reference at build time, which keeps the start of the service fast.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::borrow::Cow;
use std::env;
use std::error::Error;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

const FILES: [&str; 4] = [
    "swagger-ui-bundle.js",
    "swagger-ui.css",
    "index.css",
    "favicon-32x32.png",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let output = env::var("OUT_DIR")?;
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for file in FILES {
        // The folder's name contains the version.
        let ending = format!("/dist/{file}");
        let name = archive
            .file_names()
            .filter_map(Result::ok)
            .find(|name| name.ends_with(&ending))
            .map(Cow::into_owned);
        let name = name.ok_or_else(|| format!("the Swagger UI package contains no {file}"))?;
        let mut bytes = Vec::new();
        archive.by_name(&name)?.read_to_end(&mut bytes)?;
        let output = Path::new(&output);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes)?;
        fs::write(output.join(format!("{file}.gz")), encoder.finish()?)?;
        fs::write(output.join(file), bytes)?;
    }
    Ok(())
}
