//! The data sets: databases that are loaded once and kept for later runs.

mod load;
pub(crate) mod secrets;

use std::path::Path;

use test_support::postgres::Cluster;
use tokio_postgres::{Client, NoTls};

use crate::error::Error;
use crate::service;

/// The numbers of the tenants, of twelve digits: the last part of their ids.
pub(crate) const FIRST_TENANT: u64 = 100_000_000_001;
pub(crate) const LAST_TENANT: u64 = FIRST_TENANT + 10_000 - 1;

/// The number of API keys, including those with a known secret.
pub(crate) const API_KEYS: u64 = 100_000;

/// The number of keys with a known plaintext.
pub(crate) const SECRETS: u64 = 500;

/// The numbers in the prefixes of those keys, of eight digits, so that a pgbench script can compute a prefix.
pub(crate) const FIRST_SECRET: u64 = 10_000_001;
pub(crate) const LAST_SECRET: u64 = FIRST_SECRET + SECRETS - 1;

/// The action of only ten events.
pub(crate) const RARE_ACTION: &str = "bench.rare";

/// The audit log as rivals have it: the same columns and events, but only three indexes, and no triggers and checks.
pub(crate) const PLAIN_LOG: &str = "bench.plain_log";

/// Increase this when the data changes other than in size.
const FORMAT: u32 = 2;

/// A loaded database.
#[derive(Debug)]
pub(crate) struct DataSet {
    /// Its name in the cluster.
    pub(crate) database: String,
    pub(crate) url: String,
    pub(crate) events: u64,
    /// Bytes on disk for each event, indexes included, as loaded.
    pub(crate) event_bytes: f64,
    /// The same of [`PLAIN_LOG`].
    pub(crate) plain_event_bytes: f64,
    /// The known plaintexts in the order of their numbers.
    pub(crate) plaintexts: Vec<String>,
}

/// Replaces the placeholders in SQL by the numbers of the data sets.
pub(crate) fn with_numbers(sql: &str) -> String {
    sql.replace("{first_tenant}", &FIRST_TENANT.to_string())
        .replace("{last_tenant}", &LAST_TENANT.to_string())
        .replace("{first_key}", &(SECRETS + 1).to_string())
        .replace("{last_key}", &API_KEYS.to_string())
        .replace("{first_secret}", &FIRST_SECRET.to_string())
        .replace("{last_secret}", &LAST_SECRET.to_string())
}

/// The id of the tenant with this number.
pub(crate) fn tenant_id(number: u64) -> String {
    format!("0190b8a5-7b1c-7000-8000-{number}")
}

/// Connects to a database.
pub(crate) async fn connect(url: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // The client's calls return its errors.
    tokio::spawn(connection);
    Ok(client)
}

/// A data set of this size, loaded or restored.
pub(crate) async fn data_set(cluster: &Cluster, service: &Path, events: u64) -> Result<DataSet, Error> {
    let database = format!("bench_{events}");
    let url = cluster.url(&database);
    let schema = schema(cluster, service).await?;
    let parameters = format!(
        "format {FORMAT}, {events} events, {} tenants, {API_KEYS} keys, {SECRETS} secrets, schema {schema}",
        LAST_TENANT - FIRST_TENANT + 1
    );
    if !is_loaded(cluster, &database, &parameters).await? {
        eprintln!("loading {events} audit events; they are kept for later runs");
        recreate(cluster, &database).await?;
        service::migrate(service, &url)?;
        load::load(&connect(&url).await?, events, &parameters).await?;
    }
    let client = connect(&url).await?;
    load::restore(&client).await?;
    let sizes = client
        .query_one("SELECT event_bytes, plain_event_bytes FROM bench.data_set", &[])
        .await?;
    Ok(DataSet {
        event_bytes: sizes.try_get(0)?,
        plain_event_bytes: sizes.try_get(1)?,
        plaintexts: secrets::plaintexts(&client).await?,
        database,
        url,
        events,
    })
}

/// A fingerprint of the schema.
async fn schema(cluster: &Cluster, service: &Path) -> Result<String, Error> {
    const DATABASE: &str = "bench_schema";
    recreate(cluster, DATABASE).await?;
    service::migrate(service, &cluster.url(DATABASE))?;
    let client = connect(&cluster.url(DATABASE)).await?;
    let row = client
        .query_one(include_str!("../../sql/schema_fingerprint.sql"), &[])
        .await?;
    Ok(row.try_get(0)?)
}

async fn recreate(cluster: &Cluster, database: &str) -> Result<(), Error> {
    let client = connect(&cluster.url("postgres")).await?;
    client
        .batch_execute(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"))
        .await?;
    client.batch_execute(&format!("CREATE DATABASE {database}")).await?;
    Ok(())
}

/// Whether the database is loaded with these parameters.
async fn is_loaded(cluster: &Cluster, database: &str, parameters: &str) -> Result<bool, Error> {
    let client = connect(&cluster.url("postgres")).await?;
    let known = client
        .query_opt("SELECT FROM pg_database WHERE datname = $1", &[&database])
        .await?;
    if known.is_none() {
        return Ok(false);
    }
    let client = connect(&cluster.url(database)).await?;
    // The parameters are written last, so an interrupted load has none.
    let row = client
        .query_one("SELECT to_regclass('bench.data_set') IS NOT NULL", &[])
        .await?;
    if !row.try_get::<_, bool>(0)? {
        return Ok(false);
    }
    let marker = client
        .query_opt("SELECT FROM bench.data_set WHERE parameters = $1", &[&parameters])
        .await?;
    Ok(marker.is_some())
}
