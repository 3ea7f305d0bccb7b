//! The text of what is generated for small specs. The golden files are crates of the workspace, so they are compiled too.
//!
//! After an intended change: `EXPECTORATE=overwrite cargo test -p tenant-registry-codegen --test golden`.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tenant_registry_codegen::generate;

fn assert_golden(name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let spec = fs::read_to_string(root.join("spec/openapi.yaml")).unwrap();
    let files = generate(&spec).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut expected = BTreeSet::new();
    for file in files {
        let path = root.join("generated").join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        expectorate::assert_contents(&path, &file.text);
        expected.insert(path);
    }
    assert_eq!(
        files_below(&root.join("generated")),
        expected,
        "files that are not generated any more"
    );
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
fn admission() {
    assert_golden("admission");
}
