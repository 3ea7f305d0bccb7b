//! What HTTP demands of every request (RFC 9110, RFC 9112). The coverage gate checks the headers of every response.

use crate::harness::cases::cases;
use crate::harness::polling::{DEADLINE, until};
use crate::harness::raw_connection::{exchange, request};
use crate::harness::{RawResponse, Settings, StoreUnderTest, TestServer};
use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::Method;
use serde_json::json;
use std::io;
use std::time::Duration;
use tenant_registry_client::types::ErrorCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

cases![
    a_request_that_is_not_http_gets_an_error_of_the_spec,
    a_path_that_is_not_utf8_gets_an_error_of_the_spec,
    a_request_names_one_valid_host,
    http_2_without_tls_gets_the_same_responses,
    a_connection_of_http_2_has_a_bounded_number_of_streams,
    a_connection_whose_response_is_not_read_is_closed,
    a_connection_of_http_2_whose_response_is_not_read_is_closed,
    chunked_is_the_only_transfer_coding,
    a_compressed_body_is_rejected_with_the_accepted_coding,
    the_nearest_untrusted_address_is_the_source_whatever_bytes_precede_it,
    a_user_agent_beyond_ascii_is_recorded,
    a_change_is_made_even_if_its_caller_disconnects,
];

const HOST: &str = "Host: localhost\r\n";

async fn a_request_that_is_not_http_gets_an_error_of_the_spec(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for bytes in [
        "GET /v1/audit?action=\"x\" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/audit?action=<x> HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/audit HTTP/1.1\r\nHost localhost\r\n\r\n",
        "GET /v1/audit HTTP/9\r\nHost: localhost\r\n\r\n",
        "hello\r\n\r\n",
        "POST /v1/audit HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
        "POST /v1/audit HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
    ] {
        let response = exchange(service.address, bytes).await;
        let message = response.assert_error(400, ErrorCode::InvalidInput);
        assert!(message.contains("not valid HTTP"), "{bytes:?}: {message}");
    }
    // The response to the request before it is not affected.
    let valid = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let response = exchange(service.address, format!("{valid}hello\r\n\r\n")).await;
    assert_eq!(response.status(), 200);
    assert!(response.body.contains("\"error\":\"invalid_input\""), "{response:?}");
}

async fn a_path_that_is_not_utf8_gets_an_error_of_the_spec(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for path in ["/%ff", "/v1/tenants/%ff", "/v1/%c3%28/catalog"] {
        let response = request(service.address, &format!("GET {path}"), HOST, "").await;
        let message = response.assert_error(400, ErrorCode::InvalidInput);
        assert!(message.contains("UTF-8"), "{path}: {message}");
    }
}

async fn a_request_names_one_valid_host(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for fields in [
        "",
        "Host:\r\n",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: localhost\r\nHost: other.example\r\n",
        "Host: local host\r\n",
        "Host: http://localhost\r\n",
        "Host: localhost/\r\n",
        "Host: user@localhost\r\n",
        "Host: localhost:port\r\n",
        "Host: localhost:99999\r\n",
    ] {
        let response = request(service.address, "GET /v1/catalog", fields, "").await;
        let message = response.assert_error(400, ErrorCode::InvalidInput);
        assert!(message.contains("`Host`"), "{fields:?}: {message}");
    }
    for fields in [
        "Host: localhost\r\n",
        "host: LOCALHOST:8090\r\n",
        "Host: 127.0.0.1:1\r\n",
        "Host: [::1]:8090\r\n",
    ] {
        let response = request(service.address, "GET /v1/catalog", fields, "").await;
        assert_eq!(response.status(), 200, "{fields:?}: {response:?}");
    }
    // HTTP/1.0 has no `Host`.
    let response = exchange(service.address, "GET /v1/catalog HTTP/1.0\r\n\r\n").await;
    assert_eq!(response.status(), 200, "{response:?}");
}

async fn http_2_without_tls_gets_the_same_responses(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let stream = TcpStream::connect(service.address).await.unwrap();
    let (sender, connection) = http2::handshake::<_, _, Empty<Bytes>>(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let paths = [
        "/v1/catalog",
        "/v1/tenants/not-an-id",
        "/v1/catalog?page=2",
        "/v1/nothing",
    ];
    // All at once, on one connection.
    let responses = join_all(paths.map(|path| {
        let mut sender = sender.clone();
        let request = Request::get(format!("http://localhost{path}"))
            .body(Empty::new())
            .unwrap();
        async move {
            let response = sender.send_request(request).await.unwrap();
            let status = response.status().as_u16();
            (status, response.into_body().collect().await.unwrap().to_bytes())
        }
    }))
    .await;
    for (path, (status, body)) in paths.into_iter().zip(responses) {
        let expected = service.raw.get(path).await;
        assert_eq!((status, &*body), (expected.status, expected.text.as_bytes()), "{path}");
    }
    drop(sender);
    connection.await.unwrap().unwrap();
}

async fn a_connection_of_http_2_has_a_bounded_number_of_streams(store: StoreUnderTest) {
    const SETTINGS: u8 = 4;
    const MAX_CONCURRENT_STREAMS: u8 = 3;
    let service = TestServer::start(store).await;
    let mut connection = TcpStream::connect(service.address).await.unwrap();
    let no_settings = [0, 0, 0, SETTINGS, 0, 0, 0, 0, 0];
    connection.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    connection.write_all(&no_settings).await.unwrap();
    let mut head = [0; 9];
    connection.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], SETTINGS);
    let mut settings = vec![0; usize::from(head[2])];
    connection.read_exact(&mut settings).await.unwrap();
    let bound = settings.chunks(6).find(|it| it[..2] == [0, MAX_CONCURRENT_STREAMS]);
    assert_eq!(bound.map(|it| &it[2..]), Some(&200_u32.to_be_bytes()[..]));
}

/// How long a caller may take to receive a response.
fn in_a_hurry() -> Settings {
    Settings {
        body_time: Duration::from_millis(50),
        ..Settings::default()
    }
}

async fn a_connection_whose_response_is_not_read_is_closed(store: StoreUnderTest) {
    let service = TestServer::start_with(store, in_a_hurry()).await;
    let connection = TcpStream::connect(service.address).await.unwrap();
    let request = format!("GET /openapi.json HTTP/1.1\r\n{HOST}\r\n");
    // Requests without end, so that the responses fill all buffers on the way.
    let error = until("the connection is closed", async || {
        match connection.try_write(request.as_bytes()) {
            Ok(_) => None,
            Err(error) => (error.kind() != io::ErrorKind::WouldBlock).then_some(error),
        }
    })
    .await;
    let kinds = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
    assert!(kinds.contains(&error.kind()), "{error}");
}

async fn a_connection_of_http_2_whose_response_is_not_read_is_closed(store: StoreUnderTest) {
    let service = TestServer::start_with(store, in_a_hurry()).await;
    let stream = TcpStream::connect(service.address).await.unwrap();
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(16)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get("http://localhost/openapi.json")
        .body(Empty::new())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let ended = timeout(DEADLINE, connection).await;
    assert!(ended.is_ok(), "the connection is open");
    assert!(
        response.into_body().collect().await.is_err(),
        "the response is incomplete"
    );
}

async fn chunked_is_the_only_transfer_coding(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let body = "12\r\n{\"action\": \"slow\"}\r\n0\r\n\r\n";
    let fields = |coding: &str| format!("{HOST}Content-Type: application/json\r\n{coding}");
    for coding in [
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let response = request(service.address, "POST /v1/audit", fields(coding), body).await;
        let message = response.assert_error(501, ErrorCode::InvalidInput);
        assert!(message.contains("`chunked`"), "{coding}: {message}");
    }
    let chunked = fields("Transfer-Encoding: chunked\r\n");
    let response = request(service.address, "POST /v1/audit", chunked, body).await;
    assert_eq!(response.status(), 201, "{response:?}");
}

async fn a_compressed_body_is_rejected_with_the_accepted_coding(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let send = |coding: &str| {
        let request = service.raw.request(Method::POST, "/v1/audit");
        let request = request.header("content-encoding", coding);
        RawResponse::from_request(request.json(&json!({ "action": "a" })))
    };
    for coding in ["gzip", "br", "identity, gzip"] {
        let response = send(coding).await;
        let message = response.assert_error(415, ErrorCode::UnsupportedMediaType);
        assert!(message.contains("Content-Encoding"), "{message}");
        assert_eq!(response.header("accept-encoding"), "identity");
    }
    assert_eq!(send("Identity").await.status, 201);
}

async fn the_nearest_untrusted_address_is_the_source_whatever_bytes_precede_it(store: StoreUnderTest) {
    let settings = Settings {
        trusted_proxies: &["127.0.0.0/8", "10.0.0.0/8"],
        ..Settings::default()
    };
    let service = TestServer::start_with(store, settings).await;
    let body = r#"{"action": "a"}"#;
    let head = format!(
        "{HOST}Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (lines, source) in [
        (&[&b"6.6.6.6"[..], b"\xff, 203.0.113.9"][..], "203.0.113.9"),
        (&[b"6.6.6.6", b"203.0.113.9, \xff"], "127.0.0.1"),
        (&[b"\xff", b"203.0.113.9", b"10.1.1.1"], "203.0.113.9"),
        (&[b"6.6.6.6", b"\xff, 10.1.1.1"], "10.1.1.1"),
    ] {
        let mut fields = head.clone().into_bytes();
        for line in lines {
            fields.extend_from_slice(b"X-Forwarded-For: ");
            fields.extend_from_slice(line);
            fields.extend_from_slice(b"\r\n");
        }
        let response = request(service.address, "POST /v1/audit", fields, body).await;
        assert_eq!(response.json()["source_ip"], source, "{lines:?}");
    }
}

async fn a_user_agent_beyond_ascii_is_recorded(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let body = r#"{"action": "a"}"#;
    let head = format!(
        "{HOST}Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (sent, recorded) in [
        ("Bücher/1.0".as_bytes(), "Bücher/1.0"),
        (b"B\xfccher/1.0", "B\u{fffd}cher/1.0"),
    ] {
        let mut fields = head.clone().into_bytes();
        fields.extend_from_slice(b"User-Agent: ");
        fields.extend_from_slice(sent);
        fields.extend_from_slice(b"\r\n");
        let response = request(service.address, "POST /v1/audit", fields, body).await;
        assert_eq!(response.json()["user_agent"], recorded);
    }
}

async fn a_change_is_made_even_if_its_caller_disconnects(store: StoreUnderTest) {
    use crate::harness::polling::until;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpStream;

    let service = TestServer::start(store).await;
    let body = r#"{"slug": "gone-away", "name": "Gone"}"#;
    let head = format!(
        "POST /v1/tenants HTTP/1.1\r\n{HOST}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(service.address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    drop(connection);
    until("the tenant exists", async || {
        let tenant = service.raw.get("/v1/tenants/by-slug/gone-away").await;
        (tenant.status == 200).then_some(())
    })
    .await;
}
