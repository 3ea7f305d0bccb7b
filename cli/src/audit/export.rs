//! `registry audit export`: writes audit events to standard output or a file.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use tenant_registry_client::Client;

use super::export_format::ExportFormat;
use super::pages::Pages;
use super::progress::Progress;
use super::without_paging;
use crate::failure::Failure;
use crate::generated::audit::AuditList;
use crate::output;
use crate::private_file::PrivateFile;

/// The arguments of the command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    filters: AuditList,
    /// Format of the events.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: ExportFormat,
    /// Write the values of a CSV export unchanged. A spreadsheet that opens the file may run formulas that they contain.
    #[arg(long)]
    raw: bool,
    /// Write to this file instead of standard output. The file is created or replaced only when the export is complete.
    /// Only its owner can read it.
    #[arg(long, value_name = "PATH")]
    output_file: Option<PathBuf>,
}

impl Export {
    /// The name of the command.
    pub(crate) const NAME: &str = "export";

    /// The definition for clap.
    pub(crate) fn command() -> Command {
        without_paging(Self::augment_args(Command::new(Self::NAME)))
            .about("Export all events that match the filters, newest first")
            .long_about(
                "Export all events that match the filters, newest first, to standard output or a file. The export contains \
                 every event that existed when it began exactly once. On a terminal, standard error shows the progress.",
            )
    }

    /// Exports the events.
    pub(crate) async fn run(self, client: &Client) -> Result<(), Failure> {
        tokio::select! {
            written = self.write(client) => written,
            pressed = tokio::signal::ctrl_c() => Err(pressed.map_or_else(Failure::System, |()| Failure::Interrupted)),
        }
    }

    async fn write(self, client: &Client) -> Result<(), Failure> {
        let mut target = Target::open(self.output_file.as_deref())?;
        let shows_progress = !target.is_terminal() && io::stderr().is_terminal();
        let mut progress = Progress::start(shows_progress, self.filters.since);
        target.write(&self.format.start()?)?;
        let mut pages = Pages::new(client, self.filters);
        while let Some(events) = pages.next().await? {
            progress.advance(&events);
            target.write(&self.format.page(events, self.raw)?)?;
        }
        progress.finish();
        target.finish()
    }
}

/// The destination of an export.
enum Target {
    Output,
    File(PrivateFile),
}

impl Target {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        match path {
            None => Ok(Self::Output),
            Some(path) => PrivateFile::create(path).map(Self::File),
        }
    }

    /// Whether the events are written to a terminal.
    fn is_terminal(&self) -> bool {
        match self {
            Self::Output => io::stdout().is_terminal(),
            Self::File(_) => false,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Output => output::bytes(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Output => Ok(()),
            Self::File(file) => file.finish(),
        }
    }
}
