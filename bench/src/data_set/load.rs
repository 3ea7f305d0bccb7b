//! Loads a data set and restores it before a run.

use tokio_postgres::Client;

use super::{PLAIN_LOG, secrets, with_numbers};
use crate::error::Error;

/// The number of events in one statement: large enough to be fast, small enough to show progress.
const EVENTS_AT_ONCE: u64 = 1_000_000;

/// The load is not measured, so it skips syncs, foreign keys and triggers.
const SESSION: &str = "\
    SET synchronous_commit = off;\
    SET session_replication_role = replica;\
    SET maintenance_work_mem = '1GB';";

/// A fixed seed, so that every load is the same.
const SEED: &str = "SELECT setseed(0.5)";

/// The additional tables of the bench.
const OWN_TABLES: &str = "\
    CREATE SCHEMA bench;\
    CREATE TABLE bench.api_key_secrets (number bigint PRIMARY KEY, plaintext text NOT NULL);\
    CREATE TABLE bench.data_set (\
        parameters text NOT NULL,\
        last_event bigint NOT NULL,\
        event_bytes double precision NOT NULL,\
        plain_event_bytes double precision NOT NULL\
    );";

/// The tables of events, which the measurements append to.
const LOGS: [&str; 2] = ["audit_log", PLAIN_LOG];

/// Loads a migrated, empty database.
pub(super) async fn load(client: &Client, events: u64, parameters: &str) -> Result<(), Error> {
    client.batch_execute(SESSION).await?;
    client.batch_execute(OWN_TABLES).await?;
    client.batch_execute(SEED).await?;
    client
        .batch_execute(&with_numbers(include_str!("../../sql/tenants.sql")))
        .await?;
    secrets::load(client).await?;
    client
        .batch_execute(&with_numbers(include_str!("../../sql/api_keys.sql")))
        .await?;
    load_events(client, events).await?;
    eprintln!("  {PLAIN_LOG}");
    client.batch_execute(include_str!("../../sql/plain_log.sql")).await?;
    client.batch_execute("VACUUM (ANALYZE)").await?;
    client.batch_execute("CHECKPOINT").await?;
    client
        .execute(include_str!("../../sql/data_set.sql"), &[&parameters])
        .await?;
    Ok(())
}

async fn load_events(client: &Client, events: u64) -> Result<(), Error> {
    let indexes = client
        .query(include_str!("../../sql/secondary_indexes.sql"), &[&"audit_log"])
        .await?;
    let mut definitions = Vec::new();
    for index in indexes {
        client
            .batch_execute(&format!("DROP INDEX {}", index.try_get::<_, &str>(0)?))
            .await?;
        definitions.push(index.try_get::<_, String>(1)?);
    }
    let ends_at: String = client.query_one("SELECT now()::text", &[]).await?.try_get(0)?;
    let insert = with_numbers(include_str!("../../sql/events.sql"))
        .replace("{events}", &events.to_string())
        .replace("{ends_at}", &ends_at);
    let mut first = 1;
    while first <= events {
        let last = (first + EVENTS_AT_ONCE - 1).min(events);
        let insert = insert
            .replace("{first}", &first.to_string())
            .replace("{last}", &last.to_string());
        client.batch_execute(&insert).await?;
        eprintln!("  {last} of {events}");
        first = last + 1;
    }
    for definition in definitions {
        eprintln!("  {definition}");
        client.batch_execute(&definition).await?;
    }
    Ok(())
}

/// Removes the events that earlier runs have appended.
pub(super) async fn restore(client: &Client) -> Result<(), Error> {
    client.batch_execute(SESSION).await?;
    let last_event: i64 = client
        .query_one("SELECT last_event FROM bench.data_set", &[])
        .await?
        .try_get(0)?;
    for log in LOGS {
        let appended = client
            .execute(&format!("DELETE FROM {log} WHERE id > $1"), &[&last_event])
            .await?;
        if appended > 0 {
            client
                .execute(
                    "SELECT setval(pg_get_serial_sequence($1, 'id'), $2)",
                    &[&log, &last_event],
                )
                .await?;
            client.batch_execute(&format!("VACUUM {log}")).await?;
        }
    }
    client.batch_execute("CHECKPOINT").await?;
    Ok(())
}
