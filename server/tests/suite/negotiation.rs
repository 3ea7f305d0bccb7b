//! Compression of responses: used if it pays, but never for a response with a secret.

use crate::harness::cases::cases;
use crate::harness::process::ServiceProcess;
use crate::harness::{StoreUnderTest, TestServer};
use flate2::read::GzDecoder;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use std::fmt::Write;
use std::io::Read;

cases![
    compresses_a_large_response_if_the_caller_accepts_it,
    does_not_compress_a_small_response,
    never_compresses_a_response_with_a_secret,
    each_encoding_of_the_catalog_has_its_own_tag,
];

/// The status, the headers and the bytes of the body as received.
async fn exchange(request: RequestBuilder) -> (u16, HeaderMap, Vec<u8>) {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().await.unwrap().to_vec())
}

fn unzipped(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

async fn compresses_a_large_response_if_the_caller_accepts_it(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for number in 0..20 {
        let event = json!({ "action": format!("something.{number}"), "metadata": { "text": "over and over" } });
        service.raw.post_json("/v1/audit", &event).await;
    }
    let path = "/v1/audit?limit=20";
    let plain = service.raw.get(path).await;
    assert_eq!(plain.header("vary"), "accept-encoding");
    assert!(!plain.headers.contains_key("content-encoding"), "{plain:?}");
    for accepting in ["gzip", "deflate, GZIP;q=0.5, br", "gzip; q=1", "*", "br, *;q=0.1"] {
        for method in [Method::GET, Method::HEAD] {
            let request = service
                .raw
                .request(method.clone(), path)
                .header("accept-encoding", accepting);
            let (status, headers, bytes) = exchange(request).await;
            assert_eq!(
                (status, &headers["content-encoding"]),
                (200, &"gzip".parse().unwrap()),
                "{accepting}"
            );
            assert_eq!(headers["content-type"], "application/json", "{accepting}");
            assert_eq!(headers["vary"], "accept-encoding", "{accepting}");
            let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
            assert!(length < plain.text.len() / 2, "{length}");
            if method == Method::GET {
                assert_eq!(
                    (unzipped(&bytes), bytes.len()),
                    (plain.text.clone(), length),
                    "{accepting}"
                );
            }
        }
    }
    for header in ["", "br", "gzip;q=0", "gzip; q=0.000, *", "gzip;q=x", "xgzip", "*;q=0"] {
        let request = service.raw.request(Method::GET, path).header("accept-encoding", header);
        let (_, headers, bytes) = exchange(request).await;
        assert!(!headers.contains_key("content-encoding"), "{header}");
        assert_eq!(bytes, plain.text.as_bytes(), "{header}");
    }
}

async fn does_not_compress_a_small_response(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for path in ["/healthz", "/v1/tenants/by-slug/nobody", "/v1/catalog"] {
        let request = service.raw.request(Method::GET, path).header("accept-encoding", "gzip");
        let (_, headers, bytes) = exchange(request).await;
        assert!(bytes.len() < 1024, "{path}");
        assert!(
            !headers.contains_key("content-encoding") && !headers.contains_key("vary"),
            "{path}: {headers:?}"
        );
        assert_eq!(bytes, service.raw.get(path).await.text.as_bytes(), "{path}");
    }
}

/// A caller that controls a part of the response could guess the rest from its length (BREACH).
async fn never_compresses_a_response_with_a_secret(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("secretive").await;
    let scopes: Vec<_> = (0..20)
        .map(|number| format!("reports:read:the:same:again:and:again:{number}"))
        .collect();
    let key = json!({ "tenant_id": tenant.id, "name": "n".repeat(100), "scopes": scopes });
    let request = service
        .raw
        .request(Method::POST, "/v1/api-keys")
        .header("accept-encoding", "gzip");
    let (status, headers, bytes) = exchange(request.json(&key)).await;
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(status, 201, "{text}");
    assert!(text.len() > 1024 && text.contains("plaintext"), "{text}");
    assert!(
        !headers.contains_key("content-encoding") && !headers.contains_key("vary"),
        "{headers:?}"
    );
    assert_eq!(headers["cache-control"], "no-store");
}

/// Independent of the store.
async fn each_encoding_of_the_catalog_has_its_own_tag(_: StoreUnderTest) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("catalog.toml");
    let mut catalog = String::new();
    for number in 0..20 {
        let product = format!("[[product]]\nkey = \"product-{number}\"\nname = \"Product {number}\"\n");
        let rest = "description = \"One of many.\"\nplans_required = []\nsupports_trial = true\n";
        write!(catalog, "{product}{rest}").unwrap();
    }
    std::fs::write(&file, catalog).unwrap();
    let process = ServiceProcess::serve(&|command| command.env("CATALOG_FILE", &file)).await;
    let ask = async |coding: &str, known: &str| {
        let request = process.raw.request(Method::GET, "/v1/catalog");
        exchange(request.header("accept-encoding", coding).header("if-none-match", known)).await
    };
    let (_, plain, text) = ask("identity", "").await;
    let (_, compressed, bytes) = ask("gzip", "").await;
    assert_eq!(compressed["content-encoding"], "gzip");
    assert_eq!(unzipped(&bytes).as_bytes(), text);
    let (plain_tag, gzip_tag) = (plain["etag"].to_str().unwrap(), compressed["etag"].to_str().unwrap());
    assert_ne!(plain_tag, gzip_tag);
    for (coding, known, status) in [
        ("identity", plain_tag, 304),
        ("identity", gzip_tag, 200),
        ("gzip", gzip_tag, 304),
        ("gzip", plain_tag, 200),
    ] {
        let (found, headers, bytes) = ask(coding, known).await;
        assert_eq!((found, bytes.is_empty()), (status, status == 304), "{coding} {known}");
        assert_eq!(headers["vary"], "accept-encoding", "{coding} {known}");
        if status == 304 {
            assert_eq!(headers["etag"], known, "{coding}");
            assert!(!headers.contains_key("content-encoding"), "{coding}");
        }
    }
}
