//! Databases that are created for a test and dropped after it.

use super::Error;
use crate::processes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::{Client, NoTls};

/// The prefix of their names; the id of the process and a number follow.
const PREFIX: &str = "tenant_registry_test_";

/// Creates databases on a server.
#[derive(Clone, Debug)]
pub struct Databases {
    url: Arc<str>,
    serial: Arc<AtomicU32>,
}

/// A database for a test.
#[derive(Clone, Debug)]
pub struct Database {
    /// Its name on the server.
    pub name: String,
    /// Its URL.
    pub url: String,
}

impl Databases {
    /// Connects to the server of this URL, whose user may create databases, and drops those that killed test runs have
    /// left behind.
    ///
    /// # Errors
    /// If the server does not respond.
    pub async fn new(url: &str) -> Result<Self, Error> {
        let databases = Self {
            url: url.into(),
            serial: Arc::default(),
        };
        databases.sweep(|owner| !processes::is_alive(owner)).await?;
        Ok(databases)
    }

    /// Creates a database: empty, or a copy of a template without connections.
    ///
    /// # Errors
    /// If the server rejects it.
    pub async fn create(&self, template: Option<&Database>) -> Result<Database, Error> {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}_{serial}", std::process::id());
        let template = template.map_or("template0", |template| &template.name);
        self.execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .await?;
        Ok(Database {
            url: with_database(&self.url, &name)?,
            name,
        })
    }

    /// Drops a database and closes its connections.
    ///
    /// # Errors
    /// If the server rejects it.
    pub async fn remove(&self, database: &Database) -> Result<(), Error> {
        self.drop_database(&database.name).await
    }

    /// Drops all databases of this process.
    ///
    /// # Errors
    /// If the server rejects it.
    pub async fn remove_all(&self) -> Result<(), Error> {
        self.sweep(|owner| u32::try_from(owner) == Ok(std::process::id())).await
    }

    async fn sweep(&self, is_unused: impl Fn(i32) -> bool) -> Result<(), Error> {
        let names = self
            .connect()
            .await?
            .query("SELECT datname::text FROM pg_database", &[])
            .await?;
        for row in names {
            let name: String = row.try_get(0)?;
            let owner = name
                .strip_prefix(PREFIX)
                .and_then(|rest| rest.split('_').next()?.parse().ok());
            if owner.is_some_and(&is_unused) {
                self.drop_database(&name).await?;
            }
        }
        Ok(())
    }

    async fn drop_database(&self, name: &str) -> Result<(), Error> {
        self.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .await
    }

    async fn execute(&self, statement: &str) -> Result<(), Error> {
        Ok(self.connect().await?.batch_execute(statement).await?)
    }

    async fn connect(&self) -> Result<Client, Error> {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await?;
        // The client's calls return its errors.
        tokio::spawn(connection);
        Ok(client)
    }
}

/// Replaces the database in a URL.
fn with_database(url: &str, database: &str) -> Result<String, Error> {
    let (address, query) = url
        .split_once('?')
        .map_or((url, None), |(address, query)| (address, Some(query)));
    let (server, _) = address.rsplit_once('/').ok_or(Error::Url)?;
    if server.ends_with('/') {
        return Err(Error::Url);
    }
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Ok(format!("{server}/{database}{query}"))
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn the_database_of_a_url_is_replaced() {
        assert_eq!(
            with_database("postgres://u:p@h:1/one?sslmode=require", "two").unwrap(),
            "postgres://u:p@h:1/two?sslmode=require"
        );
        assert!(with_database("postgres://h", "two").is_err());
    }
}
