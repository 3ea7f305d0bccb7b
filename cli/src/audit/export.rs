//! `registry audit export`: writes the audit log, or a part of it, to a file.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use tempfile::NamedTempFile;
use tenant_registry_client::Client;

use super::export_format::ExportFormat;
use super::progress::Progress;
use super::walk::Walk;
use super::without_places;
use crate::failure::Failure;
use crate::generated::audit::AuditList;
use crate::output;

/// What is exported, and where it goes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    filters: AuditList,
    /// How events are written.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: ExportFormat,
    /// Write to this file, whole or not at all; what it was before is replaced at the end. Its owner alone may read it.
    #[arg(long, value_name = "PATH")]
    output_file: Option<PathBuf>,
}

impl Export {
    /// The name of the command.
    pub(crate) const NAME: &str = "export";

    /// The command as it is typed.
    pub(crate) fn command() -> Command {
        without_places(Self::augment_args(Command::new(Self::NAME)))
            .about("Write all events that the filters let through, newest first")
            .long_about(
                "Write all events that the filters let through, newest first, to standard output or a file. Every event \
                 that stood when the export began is in it, once. On a terminal, standard error shows how far it is.",
            )
    }

    /// Writes the events.
    pub(crate) async fn run(self, client: &Client) -> Result<(), Failure> {
        tokio::select! {
            written = self.write(client) => written,
            pressed = tokio::signal::ctrl_c() => Err(pressed.map_or_else(Failure::System, |()| Failure::Interrupted)),
        }
    }

    async fn write(self, client: &Client) -> Result<(), Failure> {
        let mut target = Target::open(self.output_file.as_deref())?;
        let is_watched = target.is_apart_from_terminal() && io::stderr().is_terminal();
        let mut progress = Progress::start(is_watched, self.filters.since);
        target.write(&self.format.start()?)?;
        let mut walk = Walk::new(client, self.filters);
        while let Some(events) = walk.page().await? {
            progress.advance(&events);
            target.write(&self.format.page(events)?)?;
        }
        progress.finish();
        target.finish()
    }
}

/// Where the export goes.
enum Target {
    Output,
    /// A file beside the one that was asked for, until it is whole. It is gone when this is dropped.
    File {
        draft: NamedTempFile,
        path: PathBuf,
    },
}

impl Target {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Ok(Self::Output);
        };
        let directory = match path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory,
            Some(_) | None => Path::new("."),
        };
        let draft = NamedTempFile::new_in(directory).map_err(unwritable(path))?;
        Ok(Self::File {
            draft,
            path: path.to_owned(),
        })
    }

    /// Can a terminal show something else meanwhile?
    fn is_apart_from_terminal(&self) -> bool {
        match self {
            Self::Output => !io::stdout().is_terminal(),
            Self::File { .. } => true,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Output => output::bytes(bytes),
            Self::File { draft, path } => draft.write_all(bytes).map_err(unwritable(path)),
        }
    }

    fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Output => Ok(()),
            Self::File { draft, path } => {
                draft.as_file().sync_all().map_err(unwritable(&path))?;
                let persisted = draft.persist(&path);
                persisted.map_err(|error| unwritable(&path)(error.error))?;
                Ok(())
            }
        }
    }
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let place = path.display().to_string();
    move |source| Failure::Unwritable { place, source }
}
