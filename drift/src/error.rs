//! Why the test itself could not go on.

use std::path::PathBuf;

/// A fault of the test's surroundings; what a mutant does is never one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("the spec, unchanged: {0}")]
    Spec(#[from] tenant_registry_codegen::Error),
    #[error("the spec, unchanged: {0} is not there")]
    Shape(String),
    #[error("{program}: {source}")]
    Program { program: String, source: std::io::Error },
    #[error("{path}: {source}")]
    Source { path: PathBuf, source: syn::Error },
    #[error("the sources as they are do not build: {0}")]
    Baseline(String),
    #[error("the server said `{0}` in place of where it listens")]
    Server(String),
    #[error("{0}: cannot copy the compiled dependencies there; remove the directory and try again")]
    Copy(PathBuf),
    #[error("a worker's thread stopped")]
    Worker,
    #[error("another run uses {0}; wait for it, or choose another --directory")]
    Occupied(PathBuf),
    #[error("there is no kind `{0}`; --list shows them")]
    Kind(String),
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    pub(crate) fn program(program: &str) -> impl FnOnce(std::io::Error) -> Self {
        let program = program.to_owned();
        move |source| Self::Program { program, source }
    }
}
