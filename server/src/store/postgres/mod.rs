//! The store on Postgres 15 and later: one file for each concern, as in every store, and the rooms that they share.
//!
//! A change runs in one transaction with its audit event (`transaction` says what happens when the database does not
//! do as it should). What a violated constraint means is told by its name, at the statement that can violate it.

mod api_key_look_ups;
mod api_keys;
mod appender;
mod audit;
mod audit_filter;
mod batches;
mod database;
pub mod database_url;
mod entitlements;
mod fault;
mod insert_events;
mod list_events;
pub mod migrations;
mod pool;
pub mod retention;
mod schema;
mod shared;
mod span;
mod stored;
mod tenants;
mod tls;
mod transaction;

pub use pool::{PoolSettings, Recycling};

use crate::records::ConnectionCounts;
use crate::store::{StoreError, StoreHealth};
use api_key_look_ups::ApiKeyLookUps;
use appender::Appender;
use database::Database;
use database_url::DatabaseUrl;
use deadpool::Status;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use fault::DbError;
use std::sync::Arc;
use thiserror::Error;

/// Tenants, entitlements, API keys and the audit log in a Postgres database.
pub struct PostgresStore {
    database: Arc<Database>,
    api_key_look_ups: ApiKeyLookUps,
    appender: Appender,
}

/// Why the store cannot be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The roots of trust for TLS cannot be read.
    #[error("DATABASE_URL: {0}")]
    Tls(#[from] tls::TlsError),
    /// The pool refuses its settings.
    #[error("the connection pool: {0}")]
    Pool(#[from] diesel_async::pooled_connection::deadpool::BuildError),
}

impl PostgresStore {
    /// A store on a database whose schema is that of this binary ([`migrations`]). ConnectionCounts are made when they are
    /// needed.
    ///
    /// # Errors
    /// When the settings cannot be used; that the database cannot be reached shows later.
    ///
    /// # Panics
    /// Outside a tokio runtime: the tasks that look up keys and commit audit events start here.
    pub fn new(url: &DatabaseUrl, settings: &PoolSettings) -> Result<Self, SetupError> {
        let database = Arc::new(Database::new(url, settings)?);
        Ok(Self {
            api_key_look_ups: ApiKeyLookUps::start(&database, settings.shared),
            appender: Appender::start(&database),
            database,
        })
    }
}

diesel::define_sql_function! {
    /// Is this server a standby, which cannot be written to?
    fn pg_is_in_recovery() -> Bool;
}

impl StoreHealth for PostgresStore {
    fn connections(&self) -> Option<ConnectionCounts> {
        let Status {
            max_size,
            size,
            available,
            waiting,
        } = self.database.pool.status();
        Some(ConnectionCounts {
            open: size,
            max: max_size,
            idle: available,
            waiting,
        })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let is_standby = self
            .database
            .read(async |connection: &mut AsyncPgConnection| {
                diesel::select(pg_is_in_recovery()).get_result::<bool>(connection).await
            })
            .await?;
        if is_standby {
            // Whoever was the primary when these connections were made is not any more.
            self.database.disconnect();
            return Err(DbError::Unavailable("the database is a standby: read-only".to_owned()).into());
        }
        let missing = self
            .database
            .read(async |connection: &mut AsyncPgConnection| migrations::missing(connection).await)
            .await?;
        match missing {
            None => Ok(()),
            // A backup was restored under the service, say. A newer schema serves: steps are made for that.
            Some(steps) => {
                Err(DbError::Unavailable(format!("the schema lacks {steps}: run `tenant-registry migrate`")).into())
            }
        }
    }
}
