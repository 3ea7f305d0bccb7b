//! Generates the code of the contract, the client and the command line from `spec/openapi.yaml`.
//!
//! Files that are up to date are not touched, so that an unchanged spec rebuilds nothing. With `CI` set, the script writes
//! nothing, because CI checks what was committed: the build fails and names each outdated file and the command to run.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use tenant_registry_codegen::{DIRECTORIES, GeneratedFile, generate};

const SPEC: &str = "spec/openapi.yaml";
/// The flags of `registry` itself, which apply to every command.
const FLAGS: [&str; 5] = ["base_url", "columns", "output", "timeout", "token_file"];
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
    let files = generate(&spec, &FLAGS).map_err(|error| {
        let faults = error.faults().iter().map(|fault| format!("{SPEC}:{fault}"));
        faults.collect::<Vec<_>>().join("\n")
    })?;
    for file in &files {
        println!("cargo::rerun-if-changed={}", file.path);
    }
    let outdated: Vec<&GeneratedFile> = files
        .iter()
        .filter(|file| fs::read_to_string(root.join(&file.path)).ok().as_ref() != Some(&file.text))
        .collect();
    let orphans = orphans(&root, &files)?;
    let is_ci = env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false");
    if is_ci {
        return check(&outdated, &orphans);
    }
    let edited = fs::metadata(root.join(SPEC))?.modified()?;
    for file in outdated {
        write(&root.join(&file.path), &file.text, edited)
            .map_err(|error| format!("{} is out of date and cannot be written ({error}); {REPAIR}", file.path))?;
    }
    for path in orphans {
        fs::remove_file(root.join(&path))
            .map_err(|error| format!("{path} is no longer generated and cannot be removed ({error}); {REPAIR}"))?;
    }
    Ok(())
}

/// Fails if anything would have to be written or removed.
fn check(outdated: &[&GeneratedFile], orphans: &[String]) -> Result<(), Box<dyn Error>> {
    let outdated = outdated
        .iter()
        .map(|file| format!("{} does not match {SPEC}; {REPAIR}", file.path));
    let orphans = orphans
        .iter()
        .map(|path| format!("{path} is no longer generated; {REPAIR}"));
    let messages: Vec<String> = outdated.chain(orphans).collect();
    if messages.is_empty() {
        Ok(())
    } else {
        Err(messages.join("\n").into())
    }
}

/// The Rust files in the directories of generated files that the generator does not write, relative to the root.
fn orphans(root: &Path, files: &[GeneratedFile]) -> Result<Vec<String>, Box<dyn Error>> {
    let mut orphans = Vec::new();
    let mut directories: Vec<String> = DIRECTORIES.map(str::to_owned).into();
    while let Some(directory) = directories.pop() {
        if !root.join(&directory).exists() {
            continue;
        }
        for entry in fs::read_dir(root.join(&directory))? {
            let entry = entry?;
            let path = format!("{directory}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                directories.push(path);
            } else if path.ends_with(".rs") && !files.iter().any(|file| file.path == path) {
                orphans.push(path);
            }
        }
    }
    orphans.sort();
    Ok(orphans)
}

/// Writes to a temporary file and renames it, so that a concurrent compiler sees either the old text or the new one. The
/// file gets the modification time of the spec: a later one would look to Cargo like a change made after this script ran,
/// and Cargo would run it again.
fn write(path: &Path, text: &str, edited: SystemTime) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let draft = path.with_extension("new");
    fs::write(&draft, text)?;
    fs::File::options().write(true).open(&draft)?.set_modified(edited)?;
    fs::rename(&draft, path)
}
