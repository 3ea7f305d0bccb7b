//! Compares the code that is generated for small specs with golden files, which are crates of the workspace and compiled.
//!
//! After an intended change: `EXPECTORATE=overwrite cargo test -p tenant-registry-codegen --test golden`.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tenant_registry_codegen::{DIRECTORIES, generate};

fn assert_golden(name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let spec = fs::read_to_string(root.join("spec/openapi.yaml")).unwrap();
    let files = generate(&spec, &[]).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut expected = BTreeSet::new();
    for file in files {
        let path = root.join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        expectorate::assert_contents(&path, &file.text);
        expected.insert(path);
    }
    let actual: BTreeSet<PathBuf> = DIRECTORIES
        .iter()
        .flat_map(|directory| files_below(&root.join(directory)))
        .collect();
    assert_eq!(actual, expected, "files that are no longer generated");
}

fn files_below(directory: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.append(&mut files_below(&path));
        } else {
            files.insert(path);
        }
    }
    files
}

#[test]
fn values() {
    assert_golden("values");
}

#[test]
fn routing() {
    assert_golden("routing");
}

#[test]
fn bodies() {
    assert_golden("bodies");
}

#[test]
fn names() {
    assert_golden("names");
}

#[test]
fn admission() {
    assert_golden("admission");
}
