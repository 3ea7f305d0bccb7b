//! The share of each caller: requests that run, and the memory of bodies.

use crate::admission::{Guarded, secured, token};
use crate::harness::cases::cases;
use crate::harness::polling::{DEADLINE, until};
use crate::harness::{RETRY_AFTER_SECONDS, RawResponse, Settings, StoreUnderTest, TestServer};
use crate::process::started_request;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tenant_registry_client::types::ErrorCode;
use tenant_registry_contract::server::Scope;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

cases![
    a_caller_beyond_its_share_is_rejected_and_others_are_not,
    a_caller_without_running_requests_is_told_if_there_is_no_room,
    a_request_takes_a_permit_when_its_body_has_arrived,
    bodies_that_do_not_arrive_take_only_the_share_of_their_caller,
    callers_of_one_tenant_have_one_share,
];

const UNAVAILABLE: &str = r#"{"valid":false,"reason":"unavailable"}"#;

/// A server on which a caller can have 15 requests and the bodies of 15 requests.
async fn guarded(store: StoreUnderTest) -> Guarded {
    let settings = Settings {
        max_requests: 16,
        body_limit: 8 * 1024,
        max_memory: 16 * 8 * 1024,
        ..Settings::default()
    };
    Guarded::start_within(store, settings, |_| {}).await
}

/// The token of another caller, with all scopes.
async fn another(guarded: &Guarded) -> String {
    let claims = json!({ "sub": "another", "realm_access": { "roles": ["operator"] } });
    token(&guarded.issuer, claims).await
}

/// As many changes as the caller can have at the same time. Each is repeated while another request has its permit.
async fn changes(guarded: &Guarded, number: usize, token: &str) -> Vec<RawResponse> {
    let body = json!({ "action": "waiting" });
    let change = async || {
        until("a permit is free", async || {
            let response = guarded.send(Method::POST, "/v1/audit", Some(&body), Some(token)).await;
            (response.status != 429).then_some(response)
        })
        .await
    };
    join_all((0..number).map(|_| change())).await
}

async fn read_catalog(guarded: &Guarded, token: &str) -> RawResponse {
    guarded.send(Method::GET, "/v1/catalog", None, Some(token)).await
}

async fn verify(guarded: &Guarded, key: &str, token: &str) -> String {
    let (path, body) = ("/v1/internal/api-keys/verify", json!({ "key": key }));
    guarded.send(Method::POST, path, Some(&body), Some(token)).await.text
}

async fn a_caller_beyond_its_share_is_rejected_and_others_are_not(store: StoreUnderTest) {
    let guarded = guarded(store).await;
    let subject = guarded.subject().await;
    let (busy, other) = (guarded.operator.as_str(), another(&guarded).await);
    let pause = guarded.service.operator.pause_changes();
    let meanwhile = async {
        until("the share is used", async || {
            (read_catalog(&guarded, busy).await.status == 429).then_some(())
        })
        .await;
        for operation in secured() {
            let response = guarded.call(operation, &subject, Some(busy)).await;
            if operation.id == "api_key_verify" {
                assert_eq!(response.text, UNAVAILABLE);
                continue;
            }
            let message = response.assert_error(429, ErrorCode::RateLimited);
            assert!(message.contains("your whole share of the service"), "{message}");
            for (name, value) in [
                ("retry-after", RETRY_AFTER_SECONDS.to_string().as_str()),
                ("ratelimit-limit", "1000000"),
                ("ratelimit-remaining", "0"),
                ("ratelimit-reset", "1"),
            ] {
                assert_eq!(response.header(name), value, "{name}");
            }
        }
        assert_eq!(read_catalog(&guarded, &other).await.status, 200);
        let verified = verify(&guarded, &subject.plaintext, &other).await;
        assert!(verified.contains(r#""valid":true"#), "{verified}");
        drop(pause);
    };
    let (responses, ()) = tokio::join!(changes(&guarded, 15, busy), meanwhile);
    assert!(responses.iter().all(|it| it.status == 201), "{responses:?}");
    assert_eq!(
        read_catalog(&guarded, busy).await.status,
        200,
        "the permits are returned"
    );
}

async fn a_caller_without_running_requests_is_told_if_there_is_no_room(store: StoreUnderTest) {
    let settings = Settings {
        max_requests: 1,
        ..Settings::default()
    };
    let guarded = Guarded::start_within(store, settings, |_| {}).await;
    let (busy, other) = (guarded.operator.as_str(), another(&guarded).await);
    let pause = guarded.service.operator.pause_changes();
    let meanwhile = async {
        until("the permit is taken", async || {
            (read_catalog(&guarded, busy).await.status == 429).then_some(())
        })
        .await;
        let response = read_catalog(&guarded, &other).await;
        response.assert_error(503, ErrorCode::Unavailable);
        assert_eq!(response.header("retry-after"), RETRY_AFTER_SECONDS.to_string());
        assert_eq!(verify(&guarded, "bp_Zm9vYmFyYmF6cXV4MTIzNA", &other).await, UNAVAILABLE);
        for probe in ["/healthz", "/readyz"] {
            assert_eq!(guarded.service.raw.get(probe).await.status, 200, "{probe}");
        }
        drop(pause);
    };
    let (responses, ()) = tokio::join!(changes(&guarded, 1, busy), meanwhile);
    assert_eq!(responses[0].status, 201);
    assert_eq!(read_catalog(&guarded, &other).await.status, 200);
}

async fn a_request_takes_a_permit_when_its_body_has_arrived(store: StoreUnderTest) {
    let settings = Settings {
        max_requests: 1,
        ..Settings::default()
    };
    let service = TestServer::start_with(store, settings).await;
    let body = r#"{"action":"slow"}"#;
    let waiting = join_all((0..20).map(|_| started_request(service.address, body.len()))).await;
    assert_eq!(service.raw.get("/v1/catalog").await.status, 200);
    for mut connection in waiting {
        connection.write_all(body.as_bytes()).await.unwrap();
        let mut response = [0; 12];
        connection.read_exact(&mut response).await.unwrap();
        assert_eq!(&response, b"HTTP/1.1 201");
    }
}

/// Sends the head of a request with a body of this length, and returns its connection and the status of the response: 100
/// if the service waits for the body.
async fn head(address: SocketAddr, token: &str, length: usize) -> (TcpStream, u16) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/audit HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut response = [0; 12];
    let reading = connection.read_exact(&mut response);
    timeout(DEADLINE, reading).await.expect("a response").unwrap();
    let status = std::str::from_utf8(&response[9..]).unwrap().parse().unwrap();
    (connection, status)
}

async fn bodies_that_do_not_arrive_take_only_the_share_of_their_caller(store: StoreUnderTest) {
    let guarded = guarded(store).await;
    let (address, slow, other) = (guarded.service.address, &guarded.operator, another(&guarded).await);
    let mut waiting = Vec::new();
    for _ in 0..15 {
        let (connection, status) = head(address, slow, 8 * 1024).await;
        assert_eq!(status, 100);
        waiting.push(connection);
    }
    let (_rejected, status) = head(address, slow, 8 * 1024).await;
    assert_eq!(status, 429);
    // The others notice nothing.
    let body = json!({ "action": "seen", "target_name": "a".repeat(1000) });
    let response = guarded.send(Method::POST, "/v1/audit", Some(&body), Some(&other)).await;
    assert_eq!(response.status, 201, "{response:?}");
    drop(waiting);
    until("the memory is returned", async || {
        (head(address, slow, 8 * 1024).await.1 == 100).then_some(())
    })
    .await;
}

async fn callers_of_one_tenant_have_one_share(store: StoreUnderTest) {
    let guarded = guarded(store).await;
    let subject = guarded.subject().await;
    let caller = async |name: &str| {
        let roles: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        let claims = json!({ "sub": name, "realm_access": { "roles": roles }, "tenant_id": subject.tenant });
        token(&guarded.issuer, claims).await
    };
    let (one, another) = (caller("one").await, caller("another").await);
    let address = guarded.service.address;
    let mut waiting = Vec::new();
    for _ in 0..15 {
        let (connection, status) = head(address, &one, 8 * 1024).await;
        assert_eq!(status, 100);
        waiting.push(connection);
    }
    assert_eq!(head(address, &another, 8 * 1024).await.1, 429);
    assert_eq!(head(address, &guarded.operator, 8 * 1024).await.1, 100);
    let page: Value = guarded
        .send(Method::GET, "/v1/tenants", None, Some(&guarded.operator))
        .await
        .json();
    assert!(page["items"].is_array(), "{page}");
}
