//! A worker: a copy of the workspace, with a separate target directory, in which mutants are built.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tenant_registry_codegen::DIRECTORIES;

use crate::error::Error;

const SPEC: &str = "spec/openapi.yaml";
/// Where hand-written code is, beside generated code.
pub(crate) const HAND_WRITTEN: [&str; 2] = ["server/src/", "client/src/"];

/// What cargo builds: the service, and the client's library. The tests make cargo enable the features of dev-dependencies,
/// as a build of the whole workspace does. The dependencies are then those that such a build has compiled, and
/// [`Worker::start_from`] reuses them. Neither test uses the contract.
const SERVICE: [&str; 5] = ["--workspace", "--bin", "tenant-registry", "--test", "golden"];
const CLIENT: [&str; 3] = ["--workspace", "--test", "dependency_tree"];

/// A copy of the workspace.
pub(crate) struct Worker {
    root: PathBuf,
    target: PathBuf,
    /// The files that the last mutant changed, with their original text.
    changed: BTreeMap<PathBuf, String>,
    spec: String,
}

/// The result of a build.
#[derive(Clone, Debug)]
pub(crate) enum Check {
    Passed,
    /// It failed with errors in hand-written files.
    Broken {
        first: CompileError,
        others: Vec<CompileError>,
    },
    /// It failed without an error in a hand-written file.
    Failed(String),
}

/// An error of the compiler in a hand-written file.
#[derive(Clone, Debug)]
pub(crate) struct CompileError {
    /// The code and the first line of the message.
    pub(crate) message: String,
    /// The file in the workspace.
    pub(crate) file: PathBuf,
    /// The first line is 1, and so is the first column.
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl CompileError {
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.file.display(), self.line)
    }
}

impl Worker {
    /// Copies all files that git tracks or does not ignore. Unchanged files are not written again.
    pub(crate) fn set_up(workspace: &Path, home: &Path, number: usize, spec: &str) -> Result<Self, Error> {
        let root = home.join(format!("worker-{number}"));
        let listed = Command::new("git")
            .current_dir(workspace)
            .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
            .output()
            .map_err(Error::program("git"))?;
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let files: Vec<&Path> = listed.split('\0').filter(|it| !it.is_empty()).map(Path::new).collect();
        for file in &files {
            copy(&workspace.join(file), &root.join(file))?;
        }
        remove_orphans(&root, &root, &files)?;
        Ok(Self {
            root,
            target: home.join(format!("target-{number}")),
            changed: BTreeMap::new(),
            spec: spec.to_owned(),
        })
    }

    /// Copies the dependencies that another build has compiled, unless an earlier run did. Packages of the workspace are
    /// compiled again, because their paths differ.
    pub(crate) fn start_from(&self, compiled: &Path) -> Result<(), Error> {
        let (from, to) = (compiled.join("debug"), self.target.join("debug"));
        if self.target.exists() || !from.join("deps").exists() {
            return Ok(());
        }
        for directory in [".fingerprint", "build"] {
            copy_with_times(&[from.join(directory)], &to)?;
        }
        let mut libraries = Vec::new();
        for entry in fs::read_dir(from.join("deps")).map_err(Error::file(&from))? {
            let path = entry.map_err(Error::file(&from))?.path();
            if is_library(&path) {
                libraries.push(path);
            }
        }
        copy_with_times(&libraries, &to.join("deps"))
    }

    /// Applies a mutant of the spec. The build script updates the generated files.
    pub(crate) fn mutate_spec(&mut self, text: &str) -> Result<(), Error> {
        self.restore_code()?;
        write_if_different(&self.root.join(SPEC), text)
    }

    /// Applies a mutant of hand-written code.
    pub(crate) fn mutate_code(&mut self, file: &Path, text: &str) -> Result<(), Error> {
        self.restore_code()?;
        let spec = self.spec.clone();
        write_if_different(&self.root.join(SPEC), &spec)?;
        let path = self.root.join(file);
        let original = fs::read_to_string(&path).map_err(Error::file(&path))?;
        self.changed.insert(file.to_owned(), original);
        write_if_different(&path, text)
    }

    fn restore_code(&mut self) -> Result<(), Error> {
        for (file, original) in std::mem::take(&mut self.changed) {
            write_if_different(&self.root.join(file), &original)?;
        }
        Ok(())
    }

    /// Checks the service, which nearly every drift breaks, and then the client.
    pub(crate) fn check(&self) -> Result<Check, Error> {
        for selection in [&SERVICE[..], &CLIENT[..]] {
            match self.cargo("check", selection)? {
                Check::Passed => {}
                failed @ (Check::Broken { .. } | Check::Failed(_)) => return Ok(failed),
            }
        }
        Ok(Check::Passed)
    }

    /// Builds the service; where it passes, the program is at [`Worker::program`].
    pub(crate) fn build(&self) -> Result<Check, Error> {
        self.cargo("build", &SERVICE)
    }

    /// Where the built service is.
    pub(crate) fn program(&self) -> PathBuf {
        self.target.join("debug/tenant-registry")
    }

    fn cargo(&self, command: &str, selection: &[&str]) -> Result<Check, Error> {
        let output = Command::new("cargo")
            .current_dir(&self.root)
            .args([command, "--offline", "--quiet", "--message-format=json"])
            .args(selection)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_INCREMENTAL", "1")
            // With `CI` set, the build script would fail instead of updating generated files.
            .env_remove("CI")
            .output()
            .map_err(Error::program("cargo"))?;
        if output.status.success() {
            return Ok(Check::Passed);
        }
        let errors: Vec<Value> = String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["reason"] == "compiler-message" && message["message"]["level"] == "error")
            .map(|mut message| message["message"].take())
            .collect();
        let mut hand_written = errors.iter().filter_map(hand_written);
        if let Some(first) = hand_written.next() {
            let others = hand_written.collect();
            return Ok(Check::Broken { first, others });
        }
        let said = match errors.first() {
            Some(error) => error["rendered"].as_str().unwrap_or_default().to_owned(),
            None => String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        Ok(Check::Failed(said.chars().take(600).collect()))
    }
}

/// Reads a message of the compiler. `None` if it is not about a hand-written file.
fn hand_written(error: &Value) -> Option<CompileError> {
    let spans = error["spans"].as_array()?;
    let span = spans
        .iter()
        .find(|span| span["is_primary"] == true && is_hand_written(span["file_name"].as_str().unwrap_or_default()))?;
    let code = error["code"]["code"]
        .as_str()
        .map(|code| format!("{code}: "))
        .unwrap_or_default();
    let message = error["message"]
        .as_str()
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default();
    let number = |name: &str| usize::try_from(span[name].as_u64()?).ok();
    Some(CompileError {
        message: format!("{code}{message}"),
        file: PathBuf::from(span["file_name"].as_str()?),
        line: number("line_start")?,
        column: number("column_start")?,
    })
}

fn is_hand_written(file: &str) -> bool {
    HAND_WRITTEN.iter().any(|it| file.starts_with(it)) && !is_generated(file)
}

fn is_generated(file: &str) -> bool {
    DIRECTORIES.iter().any(|it| Path::new(file).starts_with(it))
}

/// Is the file a compiled dependency, or the list of its sources? Test programs are large, and of no use to a worker.
fn is_library(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let kind = path.extension().unwrap_or_default().to_string_lossy();
    matches!(&*kind, "rlib" | "rmeta" | "so" | "d") && !name.contains("tenant_registry")
}

/// Copies into a directory. Cargo compares the times of files, so they stay.
fn copy_with_times(from: &[PathBuf], to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(Error::file(to))?;
    let copied = Command::new("cp")
        .args(["--archive", "--reflink=auto", "--target-directory"])
        .arg(to)
        .args(from)
        .status()
        .map_err(Error::program("cp"))?;
    if copied.success() {
        Ok(())
    } else {
        Err(Error::Copy(to.to_owned()))
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    if !from.exists() {
        // The file is tracked, but was deleted.
        return Ok(());
    }
    if let Some(directory) = to.parent() {
        fs::create_dir_all(directory).map_err(Error::file(directory))?;
    }
    let bytes = fs::read(from).map_err(Error::file(from))?;
    if fs::read(to).ok().as_ref() != Some(&bytes) {
        fs::write(to, bytes).map_err(Error::file(to))?;
    }
    Ok(())
}

/// Removes files of earlier runs that no longer exist in the workspace. The build script manages the generated files.
fn remove_orphans(root: &Path, directory: &Path, files: &[&Path]) -> Result<(), Error> {
    for entry in fs::read_dir(directory).map_err(Error::file(directory))? {
        let path = entry.map_err(Error::file(directory))?.path();
        let relative = path.strip_prefix(root).unwrap_or(&path).to_owned();
        let is_directory = path.is_dir();
        if is_generated(&relative.to_string_lossy()) {
            continue;
        }
        if is_directory {
            remove_orphans(root, &path, files)?;
        } else if !files.contains(&relative.as_path()) {
            fs::remove_file(&path).map_err(Error::file(&path))?;
        }
    }
    Ok(())
}

/// Writes a file only if its text differs, so that cargo does not recompile unchanged files.
fn write_if_different(path: &Path, text: &str) -> Result<(), Error> {
    if fs::read_to_string(path).ok().as_deref() == Some(text) {
        return Ok(());
    }
    fs::write(path, text).map_err(Error::file(path))
}
