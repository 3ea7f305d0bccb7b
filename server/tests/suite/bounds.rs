//! The bounds of texts, lists, free-form JSON and pages.

use crate::harness::cases::cases;
use crate::harness::openapi::SPEC;
use crate::harness::{Settings, StoreUnderTest, TestServer};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tenant_registry_client::types::{AuditEventPage, ErrorCode};

cases![
    free_form_json_comes_back_as_it_was_written,
    white_space_between_tokens_is_not_kept,
    free_form_json_has_at_most_32_levels,
    free_form_json_has_at_most_64_kib,
    free_form_json_has_no_lone_surrogates,
    free_form_json_has_no_infinite_numbers,
    a_deep_member_that_is_not_free_form_is_named,
    a_list_has_at_most_100_items,
    a_long_user_agent_is_cut,
    a_page_of_large_events_ends_early,
    everything_in_a_request_has_a_bound,
];

/// A server that accepts bodies which are larger than any bound.
async fn start(store: StoreUnderTest) -> TestServer {
    let settings = Settings {
        body_limit: 2 * 1024 * 1024,
        ..Settings::default()
    };
    TestServer::start_with(store, settings).await
}

/// A body of `audit_append`.
fn event(metadata: &str) -> String {
    format!(r#"{{"action":"a.b","metadata":{metadata}}}"#)
}

/// Lists, nested in each other.
fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

async fn free_form_json_comes_back_as_it_was_written(store: StoreUnderTest) {
    let service = start(store).await;
    for metadata in [
        r#"{"v":115792089237316195423570985008687907853269984665640564039457584007913129639935}"#,
        r#"{"v":18446744073709551616,"w":-0,"x":1e-400,"y":1.0E+300,"z":1.50}"#,
        r#"{"z":1,"a":2,"z":3,"":{"b":[],"b":null}}"#,
        r#"{"a":"\u0000\/\u00e4ä\ud834\udd1e\t","\u0062":" , : "}"#,
        "{}",
    ] {
        let expected = format!(r#""metadata":{metadata},"#);
        let response = service.raw.post("/v1/audit", event(metadata)).await;
        assert_eq!(response.status, 201, "{response:?}");
        assert!(response.text.contains(&expected), "{}", response.text);
        let page = service.raw.get("/v1/audit?limit=1").await.text;
        assert!(page.contains(&expected), "{page}");
        // Every page can be read by the client, and the value written as it was.
        let page = service.client.audit_list().limit(1).send().await.unwrap().into_inner();
        assert_eq!(page.items[0].metadata.as_ref().unwrap().as_str(), metadata);
        let again = serde_json::to_string(&page.items[0]).unwrap();
        assert!(again.contains(&expected), "{again}");
    }
}

async fn white_space_between_tokens_is_not_kept(store: StoreUnderTest) {
    let service = start(store).await;
    let metadata = "{\n \"a b\" :\t[ 1 , \" \\\" \" , \"\\\\\" ] ,\r\n \"c\" : { } }";
    let response = service.raw.post("/v1/audit", event(metadata)).await;
    let expected = r#""metadata":{"a b":[1," \" ","\\"],"c":{}},"#;
    assert!(response.text.contains(expected), "{}", response.text);
    // White space does not count.
    let padded = event(&format!("{{{}}}", " ".repeat(100_000)));
    let response = service.raw.post("/v1/audit", padded).await;
    assert!(response.text.contains(r#""metadata":{},"#), "{response:?}");
}

async fn free_form_json_has_at_most_32_levels(store: StoreUnderTest) {
    let service = start(store).await;
    let deepest = format!(r#"{{"x":{}}}"#, nested(31));
    let response = service.raw.post("/v1/audit", event(&deepest)).await;
    assert_eq!(response.status, 201, "{response:?}");
    service.client.audit_list().send().await.unwrap();
    // Up to a body that is full of brackets.
    for depth in [32, 124, 127, 128, 30_000] {
        let response = service
            .raw
            .post("/v1/audit", event(&format!(r#"{{"x":{}}}"#, nested(depth))))
            .await;
        let message = response.assert_error(400, ErrorCode::InvalidInput);
        let levels = depth + 1;
        let expected = format!("`metadata`: must have at most 32 nested levels of objects and lists, but has {levels}");
        assert_eq!(message, expected);
    }
}

async fn free_form_json_has_at_most_64_kib(store: StoreUnderTest) {
    let service = start(store).await;
    let of_bytes = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
    let response = service.raw.post("/v1/audit", event(&of_bytes(65_536))).await;
    assert_eq!(response.status, 201, "{}", response.text.len());
    let many_zeros = format!(r#"{{"a":[{}]}}"#, vec!["0"; 520_000].join(","));
    for metadata in [of_bytes(65_537), many_zeros] {
        let response = service.raw.post("/v1/audit", event(&metadata)).await;
        let message = response.assert_error(400, ErrorCode::InvalidInput);
        let actual = metadata.len();
        assert_eq!(
            message,
            format!("`metadata`: must have at most 65536 bytes as JSON without white space, but has {actual}")
        );
    }
}

async fn free_form_json_has_no_lone_surrogates(store: StoreUnderTest) {
    let service = start(store).await;
    for text in [r"\ud800", r"\udc00", r"\ud834\u0041", r"\udd1e\ud834", r"\ud834x"] {
        for metadata in [format!(r#"{{"a":"{text}"}}"#), format!(r#"{{"{text}":1}}"#)] {
            let response = service.raw.post("/v1/audit", event(&metadata)).await;
            let message = response.assert_error(400, ErrorCode::InvalidInput);
            assert!(
                message.starts_with("`metadata`: must not have a lone surrogate"),
                "{message}"
            );
        }
    }
}

async fn free_form_json_has_no_infinite_numbers(store: StoreUnderTest) {
    let service = start(store).await;
    for number in ["1e400", "-1E+309", "9999999e999999999"] {
        for metadata in [
            format!(r#"{{"a":{number}}}"#),
            format!(r#"{{"a":"\\\"1","b":[1,{number}]}}"#),
        ] {
            let response = service.raw.post("/v1/audit", event(&metadata)).await;
            let message = response.assert_error(400, ErrorCode::InvalidInput);
            let expected =
                format!("`metadata`: must not have numbers beyond those of 64-bit floating point, such as `{number}`");
            assert_eq!(message, expected);
        }
    }
    let text = event(r#"{"a":"\"1e400,","1e400":1}"#);
    assert_eq!(service.raw.post("/v1/audit", text).await.status, 201);
}

async fn a_deep_member_that_is_not_free_form_is_named(store: StoreUnderTest) {
    let service = start(store).await;
    let deep = nested(100_000);
    let unknown = service
        .raw
        .post("/v1/audit", format!(r#"{{"action":"a","actoin":{deep}}}"#))
        .await;
    assert_eq!(
        unknown.assert_error(400, ErrorCode::InvalidInput),
        "`actoin`: unknown member; did you mean `action`?"
    );
    let typed = service.raw.post("/v1/audit", format!(r#"{{"action":{deep}}}"#)).await;
    let message = typed.assert_error(400, ErrorCode::InvalidInput);
    assert!(message.starts_with("`action`: "), "{message}");
    let whole = service.raw.post("/v1/audit", deep).await;
    let message = whole.assert_error(400, ErrorCode::InvalidInput);
    assert!(message.contains("not a JSON object"), "{message}");
}

async fn a_list_has_at_most_100_items(store: StoreUnderTest) {
    let service = start(store).await;
    let tenant = service.customer("scoped").await;
    for (count, status) in [(100, 201), (101, 400), (340_000, 400)] {
        let body = json!({ "tenant_id": tenant.id, "name": "n", "scopes": vec![""; count] });
        let response = service.raw.post_json("/v1/api-keys", &body).await;
        assert_eq!(response.status, status, "{count}");
        if status == 400 {
            let message = response.assert_error(400, ErrorCode::InvalidInput);
            assert_eq!(message, "`scopes`: must have at most 100 items");
        }
    }
}

async fn a_long_user_agent_is_cut(store: StoreUnderTest) {
    let service = start(store).await;
    let request = service.raw.request(reqwest::Method::POST, "/v1/audit");
    let response = request
        .header("user-agent", "x".repeat(5000))
        .json(&json!({ "action": "a" }))
        .send()
        .await
        .unwrap();
    let stored: Value = response.json().await.unwrap();
    assert_eq!(stored["user_agent"], "x".repeat(1024));
}

async fn a_page_of_large_events_ends_early(store: StoreUnderTest) {
    let service = start(store).await;
    let count = 150;
    for number in 0..count {
        // Large and small ones, and some that are larger as JSON than as they are stored.
        let large = match number % 3 {
            0 => "x".repeat(65_000),
            1 => "\u{1}".repeat(10_000),
            _ => String::new(),
        };
        let body = json!({ "action": "a", "target_id": number.to_string(), "metadata": { "a": large } });
        let response = service.raw.post_json("/v1/audit", &body).await;
        assert_eq!(response.status, 201);
    }
    let (mut seen, mut sizes, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let text = service.raw.get(&format!("/v1/audit?limit=500{cursor}")).await.text;
        let page: AuditEventPage = serde_json::from_str(&text).unwrap();
        sizes.push(text.len());
        for event in &page.items {
            let number: usize = event.target_id.as_ref().unwrap().as_str().parse().unwrap();
            seen.push(number);
        }
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<_> = (0..count).rev().collect();
    assert_eq!(seen, expected);
    // As full as the limit allows, but for the last one.
    let last = sizes.pop().unwrap();
    let full = 1024 * 1024 - 66_000..=1024 * 1024;
    assert!(last <= *full.end() && sizes.len() > 1, "{last} {sizes:?}");
    assert!(sizes.iter().all(|size| full.contains(size)), "{sizes:?}");
}

/// Every text, list and free-form object that a client can send.
async fn everything_in_a_request_has_a_bound(_: StoreUnderTest) {
    let mut open: Vec<&Value> = Vec::new();
    for (_, _, operation) in SPEC.operation_objects() {
        open.extend(SPEC.body_schema(operation));
        open.extend(SPEC.parameters(operation).map(|parameter| &parameter["schema"]));
    }
    let mut seen = BTreeSet::new();
    while let Some(schema) = open.pop() {
        let schema = SPEC.resolve(schema);
        if !seen.insert(schema.to_string()) {
            continue;
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            open.push(&choices[0]);
            continue;
        }
        let kind = schema["type"].as_array().map_or(&schema["type"], |types| &types[0]);
        match kind.as_str().unwrap() {
            "string" => {
                // A key to verify may be any text: whatever is wrong with it, it is not valid.
                let is_bounded = ["maxLength", "enum", "format"]
                    .iter()
                    .any(|keyword| schema.get(*keyword).is_some())
                    || schema["pattern"].as_str().is_some_and(|it| it.contains("{1,38}"));
                assert!(is_bounded, "{schema}");
            }
            "array" => {
                let is_batch = schema["items"]["$ref"] == "#/components/schemas/AuditAppend";
                let most = if is_batch { 500 } else { 100 };
                assert!(schema["maxItems"].as_u64().is_some_and(|it| it <= most), "{schema}");
                open.push(&schema["items"]);
            }
            "object" if schema["additionalProperties"] == true => {
                assert_eq!(
                    (&schema["x-max-bytes"], &schema["x-max-levels"]),
                    (&json!(65_536), &json!(32))
                );
            }
            "object" => open.extend(schema["properties"].as_object().unwrap().values()),
            _ => {}
        }
    }
    assert!(seen.len() > 20, "{}", seen.len());
}
