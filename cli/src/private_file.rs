//! Files that only their owner can read.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// A temporary file in the directory of `path`. Unless `finish` renames it to `path`, dropping this removes it. A temporary
/// file has mode 600, and renaming keeps it.
pub(crate) struct PrivateFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl PrivateFile {
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let directory = match path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory,
            Some(_) | None => Path::new("."),
        };
        let file = NamedTempFile::new_in(directory).map_err(unwritable(path))?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(unwritable(&self.path))
    }

    /// Replaces the file at the path.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let Self { file, path } = self;
        file.as_file().sync_all().map_err(unwritable(&path))?;
        let persisted = file.persist(&path);
        persisted.map_err(|error| unwritable(&path)(error.error))?;
        Ok(())
    }

    /// Creates the file at the path, where there must be none.
    pub(crate) fn finish_new(self) -> Result<(), Failure> {
        let Self { file, path } = self;
        file.as_file().sync_all().map_err(unwritable(&path))?;
        let persisted = file.persist_noclobber(&path);
        persisted.map_err(|error| unwritable(&path)(error.error))?;
        Ok(())
    }
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let place = path.display().to_string();
    move |source| Failure::Unwritable { place, source }
}
