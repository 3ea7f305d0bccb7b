//! The settings of the standbys from which pages of lists are read.

use super::DatabaseConfiguration;
use super::parsers::whole_number;
use super::secret::Secret;
use crate::store::postgres::{DatabaseUrl, DatabaseUrlError, StandbySettings};
use clap::Args;
use std::time::Duration;
use thiserror::Error;

/// The standbys of the database.
#[derive(Args, Clone, Debug)]
pub struct StandbyConfiguration {
    /// Standbys of the database, from which pages of lists may be read: a URL like DATABASE_URL, to the same database, of one or
    /// more hosts or of a proxy that leads to standbys. Hosts that accept changes are skipped. All other reads, such as
    /// verifying a key, use the primary, and so do pages when no standby is new enough or one fails. Each replica opens
    /// DATABASE_SHARED_CONNECTIONS connections. If not set, all pages are read from the primary.
    #[arg(
        long,
        env = "DATABASE_READ_URL",
        value_name = "DATABASE_READ_URL",
        hide_env_values = true
    )]
    pub database_read_url: Option<Secret>,

    /// File with the value of DATABASE_READ_URL, instead of that setting. A line break at the end is ignored.
    #[arg(
        long,
        env = "DATABASE_READ_URL_FILE",
        value_name = "DATABASE_READ_URL_FILE",
        value_parser = Secret::read_file,
        conflicts_with = "database_read_url"
    )]
    pub database_read_url_file: Option<Secret>,

    /// Maximum age in seconds of a page that is read from a standby, from 3 to 300: it has every change that was acknowledged
    /// earlier than that. Has no effect without DATABASE_READ_URL. Too low: pages are read from the primary whenever a
    /// standby is a little behind. Too high: callers do not see their own changes in lists.
    #[arg(
        long,
        env = "DATABASE_READ_MAX_STALENESS",
        value_name = "DATABASE_READ_MAX_STALENESS",
        default_value_t = 10,
        value_parser = whole_number::<u64>("seconds", 3, 300, 10)
    )]
    pub database_read_max_staleness: u64,
}

/// Why the settings of the standbys cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StandbyConfigurationError {
    /// The URL is invalid.
    #[error("--database-read-url <DATABASE_READ_URL> {0}")]
    Url(#[from] DatabaseUrlError),
    /// There is no database.
    #[error(
        "--database-read-url <DATABASE_READ_URL> has no effect without --database-url <DATABASE_URL>: set it, or remove \
         --database-read-url"
    )]
    NoDatabase,
}

impl StandbyConfiguration {
    /// Returns how the standbys of this database are used. `None` if they are not.
    ///
    /// # Errors
    /// If the URL is invalid, or if there is no database.
    pub fn settings(
        &self,
        database: &DatabaseConfiguration,
    ) -> Result<Option<StandbySettings>, StandbyConfigurationError> {
        let given = self.database_read_url.as_ref().or(self.database_read_url_file.as_ref());
        let Some(url) = given.map(Secret::expose).filter(|url| !url.is_empty()) else {
            return Ok(None);
        };
        let url: DatabaseUrl = url.parse()?;
        if !database.is_set() {
            return Err(StandbyConfigurationError::NoDatabase);
        }
        Ok(Some(StandbySettings {
            url: url.for_standbys()?,
            max_staleness: Duration::from_secs(self.database_read_max_staleness),
        }))
    }
}
