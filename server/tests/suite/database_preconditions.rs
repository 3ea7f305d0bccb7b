//! What the service relies on in the database is checked at the start, with one line that says what to change.

use crate::harness::cases::process_cases;
use crate::harness::postgres::TestDatabase;
use crate::harness::process::run;
use std::process::{Command, Output};
use test_support::postgres::{Cluster, ClusterSettings};
use tokio::task::spawn_blocking;
use tokio_postgres::{Client, NoTls};

process_cases![
    ; postgres:
    other_encodings_than_utf8_are_rejected,
    settings_of_the_session_that_break_the_service_are_rejected,
    all_problems_are_reported_together,
    a_standby_is_rejected,
];

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn output_of(url: &str, arguments: &[&str]) -> Output {
    run(&|command: &mut Command| command.args(arguments).env("DATABASE_URL", url)).await
}

/// Expects that each way to start fails with one line that contains these texts.
async fn assert_rejected(url: &str, expected: &[&str]) {
    for arguments in [&["serve"][..], &["serve", "--no-migrate"], &["migrate"]] {
        let output = output_of(url, arguments).await;
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with("error: the database cannot be used: "), "{text}");
        for part in expected {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

fn name(url: &str) -> &str {
    url.rsplit_once('/').unwrap().1
}

async fn other_encodings_than_utf8_are_rejected() {
    let database = TestDatabase::create_empty().await;
    let client = connect(database.url()).await;
    for encoding in ["LATIN1", "SQL_ASCII"] {
        // The prefix makes the harness drop it at the end.
        let other = format!("{}_{}", name(database.url()), encoding.to_lowercase());
        let create = format!("CREATE DATABASE {other} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0");
        client.batch_execute(&create).await.unwrap();
        let url = database.url().replace(name(database.url()), &other);
        assert_rejected(
            &url,
            &[&format!(
                "its encoding is {encoding}; create a database with ENCODING 'UTF8'"
            )],
        )
        .await;
    }
}

async fn settings_of_the_session_that_break_the_service_are_rejected() {
    let database = TestDatabase::create().await;
    let client = connect(database.url()).await;
    let settings = [
        (
            "default_transaction_read_only",
            "on",
            "`default_transaction_read_only` is on",
        ),
        (
            "default_transaction_isolation",
            "serializable",
            "`default_transaction_isolation` is `serializable`",
        ),
        (
            "session_replication_role",
            "replica",
            "`session_replication_role` is `replica`, which disables triggers",
        ),
        ("search_path", "no_such_schema", "no schema of the `search_path` exists"),
    ];
    for (setting, value, expected) in settings {
        let database_name = name(database.url());
        let set = format!("ALTER DATABASE {database_name} SET {setting} = {value}");
        client.batch_execute(&set).await.unwrap();
        assert_rejected(database.url(), &[expected]).await;
        let reset = format!("ALTER DATABASE {database_name} RESET {setting}");
        client.batch_execute(&reset).await.unwrap();
    }
    let output = output_of(database.url(), &["migrate"]).await;
    assert!(output.status.success(), "{output:?}");
}

async fn all_problems_are_reported_together() {
    let database = TestDatabase::create().await;
    let options = "options=-c%20default_transaction_read_only%3Don%20-c%20search_path%3Dnowhere";
    assert_rejected(
        &format!("{}?{options}", database.url()),
        &[
            "`default_transaction_read_only` is on",
            "; no schema of the `search_path`",
        ],
    )
    .await;
}

async fn a_standby_is_rejected() {
    let (primary, standby) = spawn_blocking(|| {
        let primary = Cluster::start(ClusterSettings::default()).unwrap();
        let standby = primary.standby("standby", ClusterSettings::default()).unwrap();
        (primary, standby)
    })
    .await
    .unwrap();
    assert_rejected(
        &standby.url("postgres"),
        &["the server is a standby", "a proxy that always leads to it"],
    )
    .await;
    drop((standby, primary));
}
