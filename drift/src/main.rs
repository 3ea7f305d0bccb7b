//! `tenant-registry-drift`: a mutation test of the contract.
//!
//! It mutates the spec or the hand-written code, one change at a time, so that they no longer match. For each mutant it
//! reports whether the build breaks, the generated code follows the change, the change is harmless, or it was missed.
#![expect(clippy::print_stdout, reason = "the program prints its report")]

mod batch;
mod code_mutants;
mod error;
mod judge;
mod mutant;
mod probe;
mod probing;
mod report;
mod sample;
mod server;
mod spec;
mod spec_mutants;
mod stripped_code;
mod subject;
mod verdict;
mod worker;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use fs4::fs_std::FileExt;
use mimalloc::MiMalloc;

use error::Error;
use judge::Judge;
use mutant::{Kind, Mutant};
use spec::Spec;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Mutate the spec and the code, and report which mutants are detected.
#[derive(Debug, Parser)]
struct Arguments {
    /// Test only this many mutants, spread over all kinds.
    #[arg(long, value_name = "COUNT")]
    sample: Option<usize>,
    /// Test only the kinds whose name contains this text.
    #[arg(long, value_name = "TEXT")]
    kind: Option<String>,
    /// List the mutants without testing them.
    #[arg(long)]
    list: bool,
    /// Number of mutants to test in parallel. Each needs a core and a copy of the workspace.
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    workers: usize,
    /// Workspace to test.
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    workspace: PathBuf,
    /// Directory for copies of the workspace, build output and the report, relative to the workspace. Parallel runs
    /// need different directories.
    #[arg(long, value_name = "DIRECTORY", default_value = "target/drift")]
    directory: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Returns whether every mutant was detected.
fn run(arguments: &Arguments) -> Result<bool, Error> {
    let workspace = arguments
        .workspace
        .canonicalize()
        .map_err(Error::file(&arguments.workspace))?;
    let (spec, mutants) = select(arguments, &workspace)?;
    if arguments.list {
        // A reader such as `head` may close the pipe before the end.
        let mut output = io::stdout().lock();
        for mutant in mutants {
            if writeln!(output, "{} | {} | {}", mutant.kind, mutant.place, mutant.description).is_err() {
                break;
            }
        }
        return Ok(true);
    }
    let start = Instant::now();
    let directory = workspace.join(&arguments.directory);
    let _lock = lock(&directory)?;
    let judge = Judge {
        spec: &spec,
        workspace: &workspace,
        directory: &directory,
        workers: arguments.workers.max(1),
    };
    let judged = judge.all(mutants, &|line| println!("[{:>4} s] {line}", start.elapsed().as_secs()))?;
    let table = report::table(&judged);
    let missed: Vec<_> = judged.iter().filter(report::is_missed).collect();
    let path = directory.join("report.txt");
    fs::write(&path, format!("{table}\n{}", report::list(&judged))).map_err(Error::file(&path))?;
    println!("\n{table}");
    print!("{}", report::list(missed.iter().copied()));
    println!(
        "{} missed; see {} for the list of all mutants",
        missed.len(),
        path.display()
    );
    Ok(missed.is_empty())
}

/// Locks the directory, because two runs would overwrite each other's files. The lock ends with the process.
fn lock(directory: &Path) -> Result<File, Error> {
    fs::create_dir_all(directory).map_err(Error::file(directory))?;
    let path = directory.join("lock");
    let file = File::create(&path).map_err(Error::file(&path))?;
    if file.try_lock_exclusive().map_err(Error::file(&path))? {
        Ok(file)
    } else {
        Err(Error::Occupied(directory.to_owned()))
    }
}

fn select(arguments: &Arguments, workspace: &Path) -> Result<(Spec, Vec<Mutant>), Error> {
    let path = workspace.join("spec/openapi.yaml");
    let spec = Spec::read(fs::read_to_string(&path).map_err(Error::file(&path))?)?;
    let mut mutants = spec_mutants::all(&spec);
    mutants.extend(code_mutants::all(&spec, workspace)?);
    if let Some(text) = &arguments.kind {
        if !Kind::ALL.iter().any(|kind| kind.as_str().contains(text)) {
            return Err(Error::Kind(text.clone()));
        }
        mutants.retain(|mutant| mutant.kind.as_str().contains(text));
    }
    if let Some(count) = arguments.sample {
        mutants = sample::spread(mutants, count);
    }
    Ok((spec, mutants))
}
