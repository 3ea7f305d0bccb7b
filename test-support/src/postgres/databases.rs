//! Databases that are created for a test and dropped after it.

use super::Error;
use crate::processes;
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::{Client, NoTls};

/// The prefix of their names; the id of the process and a number follow.
const PREFIX: &str = "tenant_registry_test_";

/// Creates databases on a server, or on all nodes of a Citus cluster.
#[derive(Clone, Debug)]
pub struct Databases {
    /// The server, or the coordinator of the cluster.
    url: Arc<str>,
    workers: Arc<Workers>,
    serial: Arc<AtomicU32>,
}

/// The workers of a Citus cluster.
#[derive(Debug, Default)]
struct Workers {
    urls: Vec<String>,
    /// Makes a cluster of a new database of the coordinator and those of the workers.
    join: String,
}

/// A database for a test.
#[derive(Clone, Debug)]
pub struct Database {
    /// Its name, on every node that has it.
    pub name: String,
    /// Its URL on the server or coordinator.
    pub url: String,
}

impl Databases {
    /// Connects to the server of this URL, whose user may create databases, and drops those that killed test runs have
    /// left behind. If the URL names the coordinator of a Citus cluster, its user is a superuser of all nodes.
    ///
    /// # Errors
    /// If a server does not respond.
    pub async fn new(url: &str) -> Result<Self, Error> {
        let databases = Self {
            url: url.into(),
            workers: Arc::new(Workers::of(url).await?),
            serial: Arc::default(),
        };
        databases.sweep(|owner| !processes::is_alive(owner)).await?;
        Ok(databases)
    }

    /// Creates an empty database, without Citus.
    ///
    /// # Errors
    /// If the server rejects it.
    pub async fn create_empty(&self) -> Result<Database, Error> {
        let database = self.name_database()?;
        create_on(&self.url, &database, "template0").await?;
        Ok(database)
    }

    /// Creates a database for [`Databases::close_template`], empty but for Citus.
    ///
    /// # Errors
    /// If a node rejects it.
    pub async fn create_template(&self) -> Result<Database, Error> {
        let template = self.name_database()?;
        for url in self.urls() {
            create_on(url, &template, "template0").await?;
        }
        if !self.workers.urls.is_empty() {
            for url in self.urls() {
                let url = with_database(url, &template.name)?;
                connect(&url).await?.batch_execute("CREATE EXTENSION citus").await?;
            }
            connect(&template.url).await?.batch_execute(&self.workers.join).await?;
        }
        Ok(template)
    }

    /// Ends the connections of Citus to a database, and allows no others, so that it can be copied.
    ///
    /// # Errors
    /// If a node rejects it.
    pub async fn close_template(&self, template: &Database) -> Result<(), Error> {
        for url in self.urls() {
            self.close_on(url, &template.name).await?;
        }
        Ok(())
    }

    /// Copies a database that is closed. On a Citus cluster, the shards are copied on their workers.
    ///
    /// # Errors
    /// If a node rejects it.
    pub async fn copy(&self, template: &Database) -> Result<Database, Error> {
        let copy = self.name_database()?;
        for url in self.urls() {
            create_on(url, &copy, &template.name).await?;
        }
        Ok(copy)
    }

    fn name_database(&self) -> Result<Database, Error> {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}_{serial}", std::process::id());
        Ok(Database {
            url: with_database(&self.url, &name)?,
            name,
        })
    }

    /// Those of all nodes.
    fn urls(&self) -> impl Iterator<Item = &str> {
        iter::once(&*self.url).chain(self.workers.urls.iter().map(String::as_str))
    }

    /// Drops a database and closes its connections.
    ///
    /// # Errors
    /// If a node rejects it.
    pub async fn remove(&self, database: &Database) -> Result<(), Error> {
        for url in self.urls() {
            self.drop_on(url, &database.name).await?;
        }
        Ok(())
    }

    /// Drops all databases of this process.
    ///
    /// # Errors
    /// If a node rejects it.
    pub async fn remove_all(&self) -> Result<(), Error> {
        self.sweep(|owner| u32::try_from(owner) == Ok(std::process::id())).await
    }

    async fn sweep(&self, is_unused: impl Fn(i32) -> bool) -> Result<(), Error> {
        for url in self.urls() {
            let client = connect(url).await?;
            for row in client.query("SELECT datname::text FROM pg_database", &[]).await? {
                let name: String = row.try_get(0)?;
                let owner = name
                    .strip_prefix(PREFIX)
                    .and_then(|rest| rest.split('_').next()?.parse().ok());
                if owner.is_some_and(&is_unused) {
                    self.drop_on(url, &name).await?;
                }
            }
        }
        Ok(())
    }

    async fn drop_on(&self, url: &str, name: &str) -> Result<(), Error> {
        self.close_on(url, name).await?;
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        Ok(connect(url).await?.batch_execute(&drop).await?)
    }

    /// Citus connects from a database to itself. `DROP DATABASE` blocks this connection, and waits for its other end.
    async fn close_on(&self, url: &str, name: &str) -> Result<(), Error> {
        if self.workers.urls.is_empty() {
            return Ok(());
        }
        let client = connect(url).await?;
        // A database that another connection is dropping has this limit, and cannot be altered.
        let exists = "SELECT FROM pg_database WHERE datname = $1 AND datconnlimit <> -2";
        if client.query_opt(exists, &[&name]).await?.is_some() {
            let allow_none = format!(
                "DO $$ BEGIN ALTER DATABASE {name} ALLOW_CONNECTIONS false; \
                 EXCEPTION WHEN invalid_catalog_name THEN NULL; END $$"
            );
            client.batch_execute(&allow_none).await?;
        }
        let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1";
        client.execute(end, &[&name]).await?;
        Ok(())
    }
}

impl Workers {
    /// Those of the coordinator of this URL. None if its database has no Citus.
    async fn of(coordinator: &str) -> Result<Self, Error> {
        let client = connect(coordinator).await?;
        let has_citus = "SELECT FROM pg_extension WHERE extname = 'citus'";
        let mut workers = Self::default();
        if client.query_opt(has_citus, &[]).await?.is_none() {
            return Ok(workers);
        }
        let nodes = "SELECT groupid = 0, nodename, nodeport, format( \
                         CASE groupid WHEN 0 THEN 'SELECT citus_set_coordinator_host(%L, %s);' \
                             ELSE 'SELECT citus_add_node(%L, %s);' END, \
                         nodename, nodeport \
                     ) FROM pg_dist_node WHERE noderole = 'primary' ORDER BY groupid";
        for row in client.query(nodes, &[]).await? {
            workers.join += row.try_get(3)?;
            if !row.try_get(0)? {
                let (host, port) = (row.try_get(1)?, row.try_get(2)?);
                workers.urls.push(with_server(coordinator, host, port)?);
            }
        }
        Ok(workers)
    }
}

async fn create_on(url: &str, database: &Database, template: &str) -> Result<(), Error> {
    let create = format!("CREATE DATABASE {} TEMPLATE {template}", database.name);
    Ok(connect(url).await?.batch_execute(&create).await?)
}

async fn connect(url: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // The client's calls return its errors.
    tokio::spawn(connection);
    Ok(client)
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

/// Replaces host and port in a URL.
fn with_server(url: &str, host: &str, port: i32) -> Result<String, Error> {
    let (scheme, rest) = url.split_once("://").ok_or(Error::Url)?;
    let (server, database) = rest.split_once('/').ok_or(Error::Url)?;
    let user = server
        .rsplit_once('@')
        .map(|(user, _)| format!("{user}@"))
        .unwrap_or_default();
    Ok(format!("{scheme}://{user}{host}:{port}/{database}"))
}

#[cfg(test)]
mod tests {
    use super::{with_database, with_server};

    #[test]
    fn the_database_of_a_url_is_replaced() {
        assert_eq!(
            with_database("postgres://u:p@h:1/one?sslmode=require", "two").unwrap(),
            "postgres://u:p@h:1/two?sslmode=require"
        );
        assert!(with_database("postgres://h", "two").is_err());
    }

    #[test]
    fn the_server_of_a_url_is_replaced() {
        assert_eq!(
            with_server("postgres://u:p@h:1/one?sslmode=require", "worker", 2).unwrap(),
            "postgres://u:p@worker:2/one?sslmode=require"
        );
        assert_eq!(
            with_server("postgres://h/one", "worker", 2).unwrap(),
            "postgres://worker:2/one"
        );
        assert!(with_server("postgres://h", "worker", 2).is_err());
    }
}
