//! `tenant-registry-drift`: the mutation test of the contract.
//!
//! It takes the real spec and the real hand-written code, lets them drift apart in every way and at every place, and
//! says of each drift whether it breaks the build, is followed by generated code alone, is harmless, or was missed.
#![expect(clippy::print_stdout, reason = "printing the table is what the program is for")]

mod batch;
mod code_mutants;
mod error;
mod judge;
mod mutant;
mod probe;
mod proof;
mod report;
mod sample;
mod server;
mod spec;
mod spec_mutants;
mod text_only;
mod verdict;
mod worker;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use fs4::fs_std::FileExt;

use error::Error;
use judge::Judge;
use mutant::{Kind, Mutant};
use spec::Spec;

/// Lets spec and code drift apart in every way, and says who notices.
#[derive(Debug, Parser)]
struct Arguments {
    /// Try only so many mutants, spread over all kinds.
    #[arg(long, value_name = "COUNT")]
    sample: Option<usize>,
    /// Try only the kinds that have this in their name.
    #[arg(long, value_name = "WORDS")]
    kind: Option<String>,
    /// Print the mutants and try none.
    #[arg(long)]
    list: bool,
    /// How many mutants are tried at a time; each needs a core and a copy of the workspace.
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    workers: usize,
    /// The workspace whose contract is tried.
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    workspace: PathBuf,
    /// Where copies, what is compiled of them, and the report go, relative to the workspace. Two runs at a time need two.
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

/// Says whether nothing was missed.
fn run(arguments: &Arguments) -> Result<bool, Error> {
    let workspace = arguments
        .workspace
        .canonicalize()
        .map_err(Error::file(&arguments.workspace))?;
    let mutants = chosen(arguments, &workspace)?;
    if arguments.list {
        for mutant in mutants.1 {
            println!("{} | {} | {}", mutant.kind, mutant.place, mutant.description);
        }
        return Ok(true);
    }
    let (spec, mutants) = mutants;
    let start = Instant::now();
    let directory = workspace.join(&arguments.directory);
    let _occupied = occupy(&directory)?;
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
    println!("{} missed; each mutant is in {}", missed.len(), path.display());
    Ok(missed.is_empty())
}

/// Two runs in one directory would judge each other's mutants. The lock ends with the program, however it ends.
fn occupy(directory: &Path) -> Result<File, Error> {
    fs::create_dir_all(directory).map_err(Error::file(directory))?;
    let path = directory.join("lock");
    let file = File::create(&path).map_err(Error::file(&path))?;
    if file.try_lock_exclusive().map_err(Error::file(&path))? {
        Ok(file)
    } else {
        Err(Error::Occupied(directory.to_owned()))
    }
}

fn chosen(arguments: &Arguments, workspace: &Path) -> Result<(Spec, Vec<Mutant>), Error> {
    let path = workspace.join("spec/openapi.yaml");
    let spec = Spec::read(fs::read_to_string(&path).map_err(Error::file(&path))?)?;
    let mut mutants = spec_mutants::all(&spec);
    mutants.extend(code_mutants::all(&spec, workspace)?);
    if let Some(words) = &arguments.kind {
        if !Kind::ALL.iter().any(|kind| kind.as_str().contains(words)) {
            return Err(Error::Kind(words.clone()));
        }
        mutants.retain(|mutant| mutant.kind.as_str().contains(words));
    }
    if let Some(count) = arguments.sample {
        mutants = sample::spread(mutants, count);
    }
    Ok((spec, mutants))
}
