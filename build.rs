//! Keeps `generated/` in step with `spec/openapi.yaml`.
//!
//! What is already as it should be is not touched, so that an unchanged spec rebuilds nothing. Where writing would be
//! wrong (under `CI`, which must see what was committed) or cannot be done, the build fails and says how to repair it.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use tenant_registry_codegen::{GeneratedFile, generate};

const SPEC: &str = "spec/openapi.yaml";
const OUTPUT: &str = "generated";
const REPAIR: &str = "run `make generate` and commit what it changes";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Cargo shows these lines above its own report of the failed build script.
            for line in error.to_string().lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SPEC}");
    println!("cargo::rerun-if-env-changed=CI");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let spec = fs::read_to_string(root.join(SPEC)).map_err(|error| format!("{SPEC}: {error}"))?;
    let files = generate(&spec).map_err(|error| format!("{SPEC}:{error}"))?;
    let output = root.join(OUTPUT);
    for file in &files {
        println!("cargo::rerun-if-changed={OUTPUT}/{}", file.path);
    }
    let edited = fs::metadata(root.join(SPEC))?.modified()?;
    let stale: Vec<&GeneratedFile> = files
        .iter()
        .filter(|file| fs::read_to_string(output.join(&file.path)).ok().as_ref() != Some(&file.text))
        .collect();
    let strangers = strangers(&output, &files)?;
    let may_write = !env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false");
    if may_write {
        for file in stale {
            write(&output.join(&file.path), &file.text, edited).map_err(|error| {
                format!(
                    "{OUTPUT}/{} is out of date and cannot be written ({error}); {REPAIR}",
                    file.path
                )
            })?;
        }
        for path in strangers {
            fs::remove_file(&path).map_err(|error| {
                format!(
                    "{} is not generated any more and cannot be removed ({error}); {REPAIR}",
                    path.display()
                )
            })?;
        }
        return Ok(());
    }
    let complaints: Vec<String> = stale
        .iter()
        .map(|file| format!("{OUTPUT}/{} does not follow from {SPEC}; {REPAIR}", file.path))
        .chain(
            strangers
                .iter()
                .map(|path| format!("{} is not generated any more; {REPAIR}", path.display())),
        )
        .collect();
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints.join("\n").into())
    }
}

/// Rust files under the output directory that the generator does not write.
fn strangers(output: &Path, files: &[GeneratedFile]) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut strangers = Vec::new();
    let mut open = vec![output.to_owned()];
    while let Some(directory) = open.pop() {
        if !directory.exists() {
            continue;
        }
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !files.iter().any(|file| output.join(&file.path) == path)
            {
                strangers.push(path);
            }
        }
    }
    strangers.sort();
    Ok(strangers)
}

/// Writes beside the file and moves into place, so that a concurrent compiler sees the old text or the new. The file gets
/// the time of the spec's edit: a later one would look to Cargo like a change behind its back, and run this again.
fn write(path: &Path, text: &str, edited: SystemTime) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let draft = path.with_extension("rs.new");
    fs::write(&draft, text)?;
    fs::File::options().write(true).open(&draft)?.set_modified(edited)?;
    fs::rename(&draft, path)
}
