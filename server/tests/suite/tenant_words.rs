//! Postgres splits and folds words as the service does, also those of tenants from before they were stored.

use crate::harness::cases::process_cases;
use crate::harness::postgres::TestDatabase;
use std::fmt::Write;
use tenant_registry_server::records::search_words;
use tokio_postgres::{Client, NoTls};

process_cases![
    ; postgres:
    the_database_splits_and_folds_every_character_as_the_service_does,
    the_words_of_old_tenants_are_stored,
];

/// A text of 256 characters before each part, so that a difference names few of them.
const CHARACTERS: u32 = 256;

/// The step that stores the words of old tenants.
const BACKFILL: &str = include_str!("../../../migrations/2026-11-27-001311_tenant_words_backfill/up.sql");

async fn connect(database: &TestDatabase) -> Client {
    let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn words(client: &Client, text: &str) -> Vec<String> {
    let row = client
        .query_one("SELECT search_words(ARRAY[$1])", &[&text])
        .await
        .unwrap();
    let mut words: Vec<String> = row.get(0);
    words.sort();
    words
}

async fn the_database_splits_and_folds_every_character_as_the_service_does() {
    let database = TestDatabase::create().await;
    let client = connect(&database).await;
    // The planes with letters, and the last characters. Nothing between them has a case or separates words.
    let characters = (0..0x2_0000).chain(0x10_FF00..=u32::from(char::MAX));
    for first in characters.step_by(CHARACTERS as usize) {
        let characters = (first..first + CHARACTERS).filter_map(char::from_u32);
        let mut text = String::new();
        // U+0000 cannot be stored.
        for character in characters.filter(|character| *character != '\0') {
            // A word for each letter, and two for each separator.
            write!(text, " x{character}y").unwrap();
        }
        let expected: Vec<String> = search_words([text.as_str()]).into_iter().collect();
        assert_eq!(words(&client, &text).await, expected, "from U+{first:04X}");
    }
    let long = format!("{} {}", "ü".repeat(300), "late ".repeat(300));
    for text in ["", " ", "Blue-Sky Ltd. (2026)", long.as_str()] {
        let expected: Vec<String> = search_words([text]).into_iter().collect();
        assert_eq!(words(&client, text).await, expected, "{text}");
    }
}

async fn the_words_of_old_tenants_are_stored() {
    let database = TestDatabase::create().await;
    let client = connect(&database).await;
    let tenants = "ALTER TABLE tenants DISABLE TRIGGER tenants_store_words_insert; \
        INSERT INTO tenants (id, slug, name, status, kind, plan, created_at, updated_at) \
        SELECT gen_random_uuid(), 'old-' || n, 'Müller', 'active', 'customer', 'p', now(), now() \
        FROM generate_series(1, 2500) AS n; \
        ALTER TABLE tenants ENABLE TRIGGER tenants_store_words_insert";
    client.batch_execute(tenants).await.unwrap();
    let stored = async || {
        let count = "SELECT count(*) FROM tenant_words WHERE word IN ('old', 'müller')";
        client.query_one(count, &[]).await.unwrap().get::<_, i64>(0)
    };
    assert_eq!(stored().await, 0);
    // It can be repeated.
    for _ in 0..2 {
        client.batch_execute(BACKFILL).await.unwrap();
        assert_eq!(stored().await, 5000);
    }
}
