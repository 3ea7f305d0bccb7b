//! Database errors: the service repeats transient ones, respects its timeouts, and reports unknown outcomes.

use crate::harness::RawResponse;
use crate::harness::cases::process_cases;
use crate::harness::postgres::TestDatabase;
use crate::harness::process::ServiceProcess;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tenant_registry_client::types::ErrorCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::{Client, NoTls};

process_cases![
    ; postgres:
    repeats_transient_errors,
    reports_permanent_errors_at_once_with_their_sqlstate,
    the_cause_of_a_500_is_logged_with_the_request_id,
    gives_up_after_repeated_errors_and_changes_nothing,
    requests_do_not_wait_longer_than_the_timeouts,
    an_unknown_commit_outcome_is_reported_as_unknown,
    finds_a_commit_whose_response_was_lost,
];

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn serve(url: &str) -> ServiceProcess {
    ServiceProcess::serve(&|command| {
        command
            .env("DATABASE_URL", url)
            .env("DATABASE_POOL_SIZE", "2")
            .env("DATABASE_POOL_TIMEOUT", "1")
            .env("DATABASE_STATEMENT_TIMEOUT", "1")
    })
    .await
}

async fn create_tenant(process: &ServiceProcess, slug: &str) -> RawResponse {
    process
        .raw
        .post_json("/v1/tenants", &json!({ "slug": slug, "name": "n" }))
        .await
}

async fn events(process: &ServiceProcess) -> usize {
    let log: Value = process.raw.get("/v1/audit?action=tenant.created").await.json();
    log["items"].as_array().unwrap().len()
}

/// Makes the first attempts to insert an event fail. A sequence counts them, since a rollback does not reset it.
async fn fail(client: &Client, code: &str, attempts: u32) {
    let failing = format!(
        "CREATE SEQUENCE IF NOT EXISTS attempts; SELECT setval('attempts', 1, false); \
         CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('attempts') <= {attempts} THEN RAISE EXCEPTION 'made to fail' USING ERRCODE = '{code}'; END IF; \
             RETURN NEW; \
         END $$; \
         CREATE OR REPLACE TRIGGER fail BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION fail()"
    );
    client.batch_execute(&failing).await.unwrap();
}

async fn attempts(client: &Client) -> i64 {
    let row = client.query_one("SELECT last_value FROM attempts", &[]).await.unwrap();
    row.get(0)
}

async fn repeats_transient_errors() {
    let database = TestDatabase::create_empty().await;
    let process = serve(database.url()).await;
    let client = connect(database.url()).await;
    // A serialization failure, a deadlock, a shutdown, a full disk, a lock timeout, a cancelled statement, a standby, and
    // a broken connection.
    let codes = ["40001", "40P01", "57P01", "53100", "55P03", "57014", "25006", "08006"];
    for (number, code) in codes.into_iter().enumerate() {
        fail(&client, code, 2).await;
        let response = create_tenant(&process, &format!("tenant-{number}")).await;
        assert_eq!(response.status, 201, "{code}: {response:?}");
        assert_eq!(attempts(&client).await, 3);
        assert_eq!(events(&process).await, number + 1);
    }
}

async fn reports_permanent_errors_at_once_with_their_sqlstate() {
    let database = TestDatabase::create_empty().await;
    let process = serve(database.url()).await;
    let client = connect(database.url()).await;
    // A text that the encoding of the database cannot hold, an index row that is too large, a violated CHECK, a missing
    // privilege, a missing table, a function that does not exist, a corrupt page, and a code that no one knows.
    let codes = ["22P05", "54000", "23514", "42501", "42P01", "42883", "XX001", "ZZ999"];
    for code in codes {
        fail(&client, code, 1000).await;
        let response = create_tenant(&process, "never").await;
        response.assert_error(500, ErrorCode::Internal);
        assert!(response.headers.get("retry-after").is_none(), "{code}");
        assert_eq!(attempts(&client).await, 1, "{code}");
        let appended = process.raw.post_json("/v1/audit", &json!({ "action": "a.b" })).await;
        appended.assert_error(500, ErrorCode::Internal);
        assert_eq!(attempts(&client).await, 2, "{code}");
        process.logged(&format!("SQLSTATE {code}: made to fail")).await;
    }
    assert_eq!(events(&process).await, 0);
}

async fn the_cause_of_a_500_is_logged_with_the_request_id() {
    let database = TestDatabase::create_empty().await;
    let process = serve(database.url()).await;
    fail(&connect(database.url()).await, "42501", 1000).await;
    let response = create_tenant(&process, "never").await;
    response.assert_error(500, ErrorCode::Internal);
    assert!(!response.text.contains("made to fail"), "{response:?}");
    let log = process.stop().await.stderr;
    let id = response.header("x-request-id");
    let is_cause = |line: &str| line.contains("made to fail") && line.contains(id);
    assert!(log.lines().any(is_cause), "{id}: {log}");
}

async fn gives_up_after_repeated_errors_and_changes_nothing() {
    let database = TestDatabase::create_empty().await;
    let process = serve(database.url()).await;
    let client = connect(database.url()).await;
    fail(&client, "40001", 1000).await;
    let response = create_tenant(&process, "never").await;
    response.assert_error(503, ErrorCode::Unavailable);
    assert!(!response.header("retry-after").is_empty());
    assert!((2..10).contains(&attempts(&client).await));
    assert_eq!(process.raw.get("/v1/tenants/by-slug/never").await.status, 404);
    assert_eq!(events(&process).await, 0);
}

async fn requests_do_not_wait_longer_than_the_timeouts() {
    let database = TestDatabase::create_empty().await;
    let process = serve(database.url()).await;
    let client = connect(database.url()).await;
    assert_eq!(create_tenant(&process, "before").await.status, 201);
    client
        .batch_execute("BEGIN; LOCK TABLE tenants IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    // More requests than connections, for both kinds of connection.
    let begin = Instant::now();
    let reads = join_all((0..6).map(|_| process.raw.get("/v1/tenants/by-slug/before")));
    let slugs = ["one", "two", "three", "four"];
    let writes = join_all(slugs.map(|slug| create_tenant(&process, slug)));
    let (reads, writes) = tokio::join!(reads, writes);
    for response in reads.iter().chain(&writes) {
        response.assert_error(503, ErrorCode::Unavailable);
    }
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");

    client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(process.raw.get("/v1/tenants/by-slug/before").await.status, 200);
    for slug in slugs {
        assert_eq!(
            create_tenant(&process, slug).await.status,
            201,
            "nothing of it was done before"
        );
    }
}

async fn an_unknown_commit_outcome_is_reported_as_unknown() {
    let database = TestDatabase::create_empty().await;
    let process = serve(database.url()).await;
    let client = connect(database.url()).await;
    let fatal = "CREATE FUNCTION fatal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                     PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; \
                 END $$; \
                 CREATE CONSTRAINT TRIGGER fatal AFTER INSERT ON audit_log DEFERRABLE INITIALLY DEFERRED \
                     FOR EACH ROW EXECUTE FUNCTION fatal()";
    client.batch_execute(fatal).await.unwrap();
    let response = create_tenant(&process, "unsure").await;
    let message = response.assert_error(500, ErrorCode::Internal);
    assert!(message.contains("may or may not have been made"), "{message}");
    assert!(
        response.headers.get("retry-after").is_none(),
        "callers must not repeat the request"
    );
    client.batch_execute("DROP TRIGGER fatal ON audit_log").await.unwrap();
    assert_eq!(create_tenant(&process, "unsure").await.status, 201);
    assert_eq!(events(&process).await, 1);
}

/// Forwards a connection. Once `cuts` is set, it drops the response to the next COMMIT and everything after it.
async fn proxy(mut client: TcpStream, server: SocketAddr, cuts: Arc<AtomicBool>) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut request, mut response) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let Ok(length @ 1..) = read else { return };
                let question = &request[..length];
                if server.write_all(question).await.is_err() {
                    return;
                }
                let is_commit = question.windows(7).any(|window| window == b"COMMIT\0");
                if is_commit && cuts.load(Ordering::Relaxed) {
                    // When the server responds, it has committed. Only the response is lost.
                    let _ = server.read(&mut response).await;
                    return;
                }
            }
            read = server.read(&mut response) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&response[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn finds_a_commit_whose_response_was_lost() {
    let database = TestDatabase::create_empty().await;
    let url: tokio_postgres::Config = database.url().parse().unwrap();
    let server = SocketAddr::from(([127, 0, 0, 1], url.get_ports()[0]));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxied = database.url().replace(
        &format!(":{}/", server.port()),
        &format!(":{}/", listener.local_addr().unwrap().port()),
    );
    let cuts = Arc::new(AtomicBool::new(false));
    let is_cutting = Arc::clone(&cuts);
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            tokio::spawn(proxy(client, server, Arc::clone(&is_cutting)));
        }
    });
    let process = serve(&format!("{proxied}?sslmode=disable")).await;
    cuts.store(true, Ordering::Relaxed);
    let response = create_tenant(&process, "lucky").await;
    assert_eq!(response.status, 201, "{response:?}");
    let appended = process.raw.post_json("/v1/audit", &json!({ "action": "a.b" })).await;
    assert_eq!(appended.status, 201, "{appended:?}");
    cuts.store(false, Ordering::Relaxed);
    let log: Value = process.raw.get("/v1/audit").await.json();
    assert_eq!(log["items"].as_array().unwrap().len(), 2, "{log}");
}
