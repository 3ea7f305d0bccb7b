//! Errors of the mutation test itself.

use std::path::PathBuf;

/// An error of the test or its environment. The effects of a mutant are never errors.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("the unchanged spec: {0}")]
    Spec(#[from] tenant_registry_codegen::Error),
    #[error("the unchanged spec does not contain {0}")]
    Shape(String),
    #[error("{program}: {source}")]
    Program { program: String, source: std::io::Error },
    #[error("{path}: {source}")]
    Source { path: PathBuf, source: syn::Error },
    #[error("the unchanged sources do not build: {0}")]
    Baseline(String),
    #[error("the server did not start: {0}")]
    Server(String),
    #[error("{0}: cannot copy the compiled dependencies there; remove the directory and try again")]
    Copy(PathBuf),
    #[error("a worker thread panicked")]
    Worker,
    #[error("another run is using {0}; wait for it, or set another --directory")]
    Occupied(PathBuf),
    #[error("unknown kind `{0}`; use --list to show the kinds")]
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
