//! Generates the code of `spec/openapi.yaml`, and writes the files that differ. With `CI` set, it fails instead.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use tenant_registry_codegen::generate;

const SPEC: &str = "spec/openapi.yaml";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SPEC}");
    println!("cargo::rerun-if-env-changed=CI");
    let is_ci = env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false");
    let spec = fs::read_to_string(SPEC)?;
    for file in generate(&spec, &["url"])? {
        let path = Path::new(&file.path);
        if fs::read_to_string(path).ok().as_ref() == Some(&file.text) {
            continue;
        }
        if is_ci {
            return Err(format!(
                "{} does not match {SPEC}; build without CI and commit what changes",
                file.path
            )
            .into());
        }
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        fs::write(path, file.text)?;
    }
    Ok(())
}
