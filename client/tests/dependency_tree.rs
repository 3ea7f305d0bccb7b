//! The dependencies of the client: no generator, no server, no build script.
#![expect(clippy::expect_used, reason = "a failing test panics")]

use std::path::Path;
use std::process::Command;

/// Packages of the generator and the server.
const FOREIGN: [&str; 14] = [
    "dropshot",
    "openapiv3",
    "prettyplease",
    "progenitor",
    "progenitor-impl",
    "progenitor-macro",
    "saphyr",
    "schemars",
    "tenant-registry-codegen",
    "tenant-registry-contract",
    "tenant-registry-server",
    "typify",
    "typify-impl",
    "typify-macro",
];

/// The names of all packages that are compiled for the client.
fn dependencies() -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--offline", "--package", env!("CARGO_PKG_NAME")])
        .args(["--edges", "normal,build", "--target", "all"])
        .args(["--prefix", "none", "--format", "{p}"])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .expect("names are ASCII")
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn does_not_depend_on_the_generator_or_the_server() {
    let dependencies = dependencies();
    for known in ["tenant-registry-client", "progenitor-client", "reqwest"] {
        assert!(dependencies.iter().any(|it| it == known), "the tree has no {known}");
    }
    for foreign in FOREIGN {
        assert!(!dependencies.iter().any(|it| it == foreign), "{foreign} is compiled");
    }
}

#[test]
fn has_no_build_script() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(!directory.join("build.rs").exists());
    let manifest = std::fs::read_to_string(directory.join("Cargo.toml")).expect("there is a manifest");
    for word in ["build =", "[build-dependencies"] {
        assert!(!manifest.contains(word), "Cargo.toml has `{word}`");
    }
}
