//! Generates the code of the specs in `cases/`, and of random specs.

mod random;

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tenant_registry_codegen::generate;

/// The number of random specs without `RANDOM_SPECS`. They add about two seconds each to a build of this crate.
const RANDOM_SPECS: u64 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let number = |name: &str, default: u64| -> Result<u64, Box<dyn Error>> {
        println!("cargo::rerun-if-env-changed={name}");
        Ok(env::var(name).map_or(Ok(default), |text| text.parse())?)
    };
    let (count, first) = (number("RANDOM_SPECS", RANDOM_SPECS)?, number("RANDOM_SEED", 1)?);
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for path in ["build.rs", "random.rs", "cases", "../golden"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let golden = here.join("../golden");
    let mut root = String::new();
    for entry in fs::read_dir(here.join("cases"))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let spec = fs::read_to_string(&path)?;
        write_case(&out, &golden, &name, &spec).map_err(|error| format!("{}: {error}", path.display()))?;
        writeln!(root, "#[path = {:?}]\npub mod {name};", out.join(&name).join("mod.rs"))?;
    }
    let words = random::words(&golden)?;
    for seed in first..first + count {
        let spec = random::accepted_spec(seed, &words);
        let name = format!("random_{seed}");
        write_case(&out, &golden, &name, &spec).map_err(|error| format!("seed {seed}: {error}"))?;
        writeln!(root, "#[path = {:?}]\npub mod {name};", out.join(&name).join("mod.rs"))?;
    }
    fs::write(out.join("specs.rs"), root)?;
    Ok(())
}

/// Writes the code of a spec as the module `name`: the server's side and the client's, each with its own types. Generated code
/// has paths from the root of its crate, which is a module here.
fn write_case(out: &Path, golden: &Path, name: &str, spec: &str) -> Result<(), Box<dyn Error>> {
    let directory = out.join(name);
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    let write = |path: &str, text: &str| -> Result<(), Box<dyn Error>> {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().ok_or("the path has no directory")?)?;
        Ok(fs::write(path, text)?)
    };
    let files = generate(spec, &[])?;
    let client = fs::read_to_string(golden.join("names/client.rs"))?;
    let harness = fs::read_to_string(golden.join("harness.rs"))?;
    for side in ["server", "client"] {
        let moved = |text: &str| text.replace("crate::", &format!("crate::{name}::{side}::"));
        write(&format!("{side}/spec/openapi.yaml"), spec)?;
        for file in &files {
            write(&format!("{side}/{}", file.path), &moved(&file.text))?;
        }
        write(
            &format!("{side}/client.rs"),
            &moved(&client.replace("include!(\"../harness.rs\");", &harness)),
        )?;
    }
    let root =
        "#[path = \"client/client.rs\"]\npub mod client;\n#[path = \"server/generated/lib.rs\"]\npub mod server;\n";
    write("mod.rs", root)
}
