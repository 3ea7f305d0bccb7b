//! Invalid bodies, for every operation that has a body and declares 400.

use crate::harness::cases::cases;
use crate::harness::{RawResponse, StoreUnderTest, TestServer};
use http_body_util::{BodyDataStream, Full};
use hyper::body::Bytes;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tenant_registry_client::types::{Error, ErrorCode, Project, Tenant};

cases![
    rejects_invalid_json,
    rejects_json_that_is_not_an_object,
    names_a_missing_property,
    names_a_property_of_the_wrong_type,
    a_list_is_not_read_as_an_object,
    null_differs_from_absent,
    rejects_an_absent_body_if_one_is_required,
    rejects_an_unknown_member_and_names_the_nearest,
    rejects_a_repeated_member,
    reports_the_errors_of_all_members_at_once,
    reports_a_hundred_errors_at_most,
    accepts_a_body_of_the_maximum_size,
    rejects_a_larger_body,
    rejects_a_larger_body_without_a_content_length,
    rejects_other_content_types,
    accepts_every_spelling_of_the_json_content_type,
    a_rejected_body_changes_nothing,
    changes_of_a_key_reject_larger_bodies_and_other_types,
];

/// The body limit of [`crate::harness::Settings`].
const BODY_LIMIT: usize = 64 * 1024;

/// An operation with a body: its path, a valid body, and the required properties.
struct Operation {
    path: String,
    body: Value,
    required: &'static [&'static str],
}

fn operations(tenant: &Tenant, project: &Project) -> Vec<Operation> {
    let id = tenant.id;
    let product = json!({ "tenant_id": id, "product": "insights" });
    let operation = |path: &str, body, required| Operation {
        path: path.to_owned(),
        body,
        required,
    };
    let activate = json!({
        "plan": "p", "contract_start": "2027-01-01", "contract_end": "2027-12-31", "erp_customer_id": "e",
    });
    let create_key = json!({
        "tenant_id": id, "name": "n", "product": "p", "scopes": ["s"], "created_by": "c",
        "project_id": project.id, "expires_at": "2099-12-31T00:00:00Z",
    });
    let append = json!({
        "tenant_id": id, "project_id": id, "actor_id": "a", "actor_name": "a", "actor_type": "a", "action": "a",
        "target_id": "t", "target_type": "t", "target_name": "t",
        "targets": [{ "id": "t", "type": "t", "name": "t" }], "product": "p", "occurred_at": "2026-11-23T09:29:58Z",
        "metadata": {},
    });
    vec![
        operation(
            "/v1/tenants",
            json!({ "slug": "slug", "name": "n", "plan": "p", "kind": "demo", "sales_owner": "s" }),
            &["slug", "name"],
        ),
        operation(&format!("/v1/tenants/{id}/activate"), activate, &[]),
        operation(
            "/v1/projects",
            json!({ "tenant_id": id, "slug": "slug", "name": "n", "description": "d" }),
            &["tenant_id", "slug", "name"],
        ),
        operation("/v1/catalog/request", product.clone(), &["tenant_id", "product"]),
        operation("/v1/catalog/trial-request", product, &["tenant_id", "product"]),
        operation("/v1/api-keys", create_key, &["tenant_id", "name"]),
        operation(
            "/v1/internal/api-keys/verify-batch",
            json!({ "keys": [{ "key": "bp_" }] }),
            &["keys"],
        ),
        operation("/v1/audit/batch", json!({ "events": [append] }), &["events"]),
        operation("/v1/audit", append, &["action"]),
        // Last, since other operations reject a frozen tenant.
        operation(
            &format!("/v1/tenants/{id}/cancel"),
            json!({ "reason": "r", "at_period_end": false }),
            &[],
        ),
    ]
}

/// A server, and the operations on a tenant of it.
async fn start(store: StoreUnderTest) -> (TestServer, Vec<Operation>) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("unharmed").await;
    let project = service.project(tenant.id, "mobile-app").await;
    let operations = operations(&tenant, &project);
    (service, operations)
}

async fn rejects_invalid_json(store: StoreUnderTest) {
    let (service, operations) = start(store).await;
    let bodies: [&[u8]; 7] = [
        b"{",
        b"{\"name\": }",
        b"{'slug': 'a'}",
        b"nonsense",
        b" ",
        b"{\"name\": \"\xff\"}",
        b"\0",
    ];
    for operation in operations {
        for body in bodies {
            let response = service.raw.post(&operation.path, body.to_vec()).await;
            let message = response.assert_error(400, ErrorCode::InvalidInput);
            assert!(message.contains("JSON"), "{}: {message}", operation.path);
        }
    }
}

async fn rejects_json_that_is_not_an_object(store: StoreUnderTest) {
    let (service, operations) = start(store).await;
    for operation in operations {
        for body in [
            json!(null),
            json!([]),
            json!("text"),
            json!(1),
            json!(true),
            json!([{}]),
        ] {
            let response = service.raw.post_json(&operation.path, &body).await;
            response.assert_error(400, ErrorCode::InvalidInput);
        }
    }
}

async fn names_a_missing_property(store: StoreUnderTest) {
    let (service, operations) = start(store).await;
    for operation in operations {
        for name in operation.required {
            let mut body = operation.body.clone();
            body.as_object_mut().unwrap().remove(*name);
            let response = service.raw.post_json(&operation.path, &body).await;
            let message = response.assert_error(400, ErrorCode::InvalidInput);
            assert!(message.contains(&format!("`{name}`")), "{}: {message}", operation.path);
        }
    }
}

async fn names_a_property_of_the_wrong_type(store: StoreUnderTest) {
    let (service, operations) = start(store).await;
    for operation in operations {
        for (name, good) in operation.body.as_object().unwrap() {
            for wrong in [json!(1), json!(true), json!("text"), json!([1]), json!({ "a": 1 })] {
                let fits_by_type = std::mem::discriminant(&wrong) == std::mem::discriminant(good);
                if fits_by_type {
                    continue;
                }
                let mut body = operation.body.clone();
                body[name] = wrong;
                let response = service.raw.post_json(&operation.path, &body).await;
                let message = response.assert_error(400, ErrorCode::InvalidInput);
                assert!(
                    message.contains(&format!("`{name}")),
                    "{}: {body}: {message}",
                    operation.path
                );
            }
        }
    }
}

async fn null_differs_from_absent(store: StoreUnderTest) {
    let (service, operations) = start(store).await;
    for operation in operations {
        for name in operation.body.as_object().unwrap().keys() {
            let mut body = operation.body.clone();
            body[name] = Value::Null;
            let response = service.raw.post_json(&operation.path, &body).await;
            let message = response.assert_error(400, ErrorCode::InvalidInput);
            assert!(message.contains(&format!("`{name}`")), "{}: {message}", operation.path);
        }
    }
}

async fn rejects_an_absent_body_if_one_is_required(store: StoreUnderTest) {
    let (service, operations) = start(store).await;
    for operation in operations
        .into_iter()
        .filter(|operation| !operation.required.is_empty())
    {
        let responses = [
            service.raw.post(&operation.path, "").await,
            RawResponse::from_request(service.raw.request(Method::POST, &operation.path)).await,
        ];
        for response in responses {
            let message = response.assert_error(400, ErrorCode::InvalidInput);
            assert!(message.contains("body"), "{message}");
        }
    }
}

async fn rejects_an_unknown_member_and_names_the_nearest(store: StoreUnderTest) {
    let (service, operations) = start(store).await;
    let log = service.raw.get("/v1/audit").await.text;
    for operation in operations {
        let members = operation.body.as_object().unwrap();
        let known: Vec<_> = members.keys().map(|name| format!("`{name}`")).collect();
        let known = known.join(", ");
        for name in members.keys() {
            // A typing error, also in the name of a required member.
            let mut body = operation.body.clone();
            let wrong = format!("{name}s");
            body[&wrong] = body.as_object_mut().unwrap().remove(name).unwrap();
            let message = service.raw.post_json(&operation.path, &body).await;
            let message = message.assert_error(400, ErrorCode::InvalidInput);
            let expected = format!("`{wrong}`: unknown member; did you mean `{name}`?");
            assert!(message.starts_with(&expected), "{message}");
        }
        for (name, shown) in [
            ("zzzzz", "`zzzzz`".to_owned()),
            ("", "``".to_owned()),
            ("a\nb\u{0}", r"`a\nb\0`".to_owned()),
            (&"z".repeat(10_000), format!("`{}…`", "z".repeat(64))),
        ] {
            let mut body = operation.body.clone();
            body[name] = json!({ "a": [1] });
            let message = service.raw.post_json(&operation.path, &body).await;
            let message = message.assert_error(400, ErrorCode::InvalidInput);
            assert_eq!(message, format!("{shown}: unknown member; known are {known}"));
        }
    }
    // An invalid key is no error here.
    let body = json!({ "key": "bp_0000000000000000000000", "products": "insights" });
    let verified = service.raw.post_json("/v1/internal/api-keys/verify", &body).await;
    assert_eq!(verified.text, r#"{"valid":false,"reason":"malformed"}"#);
    assert_eq!(service.raw.get("/v1/audit").await.text, log);
}

async fn rejects_a_repeated_member(store: StoreUnderTest) {
    let (service, operations) = start(store).await;
    for operation in operations {
        for (name, value) in operation.body.as_object().unwrap() {
            let text = operation.body.to_string();
            let text = text.replacen('{', &format!("{{{}:{value},", json!(name)), 1);
            let response = service.raw.post(&operation.path, text).await;
            let message = response.assert_error(400, ErrorCode::InvalidInput);
            assert_eq!(message, format!("`{name}`: is given more than once; give it once"));
        }
    }
}

async fn reports_the_errors_of_all_members_at_once(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let body = json!({ "name": "", "plan": 1, "kind": "trial", "sales_owners": "Ada", "contract": null });
    let response = service.raw.post_json("/v1/tenants", &body).await;
    let message = response.assert_error(400, ErrorCode::InvalidInput);
    assert_eq!(
        message,
        "`name`: must have at least 1 character, but has 0 (5 more in `errors`)"
    );
    let errors: Error = response.json();
    let errors = errors.errors.unwrap_or_default();
    let fields: Vec<_> = errors
        .iter()
        .map(|it| (it.field.as_str(), it.message.as_str()))
        .collect();
    assert_eq!(fields[0], ("name", "must have at least 1 character, but has 0"));
    assert_eq!(
        fields[3],
        ("sales_owners", "unknown member; did you mean `sales_owner`?")
    );
    assert_eq!(fields[5], ("slug", "is missing"));
    let fields: Vec<_> = fields.iter().map(|(field, _)| *field).collect();
    assert_eq!(fields, ["name", "plan", "kind", "sales_owners", "contract", "slug"]);

    // A place below a member.
    let id = service.customer("places").await.id;
    let body = json!({ "tenant_id": id, "name": "n", "scopes": ["a", 1, "b", 2], "created_by": false });
    let errors: Error = service.raw.post_json("/v1/api-keys", &body).await.json();
    let errors = errors.errors.unwrap_or_default();
    let fields: Vec<_> = errors.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["scopes[1]", "created_by"]);

    // One error is in the message only once, and errors of the body as a whole have no member.
    let body = json!({ "slug": "no-name" });
    let error: Error = service.raw.post_json("/v1/tenants", &body).await.json();
    assert_eq!(error.message, "`name`: is missing");
    assert_eq!(error.errors.map(|errors| errors.len()), Some(1));
    let error: Error = service.raw.post("/v1/tenants", "{\"slug\":").await.json();
    assert_eq!(error.errors, None);
}

async fn changes_of_a_key_reject_larger_bodies_and_other_types(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("keyed").await;
    let id = service.api_key(tenant.id).await.api_key.id;
    for (method, path) in [
        (Method::POST, format!("/v1/api-keys/{id}/rotate")),
        (Method::PATCH, format!("/v1/api-keys/{id}")),
    ] {
        let send = |body: String, ty: &str| {
            let request = service.raw.request(method.clone(), &path).header(CONTENT_TYPE, ty);
            RawResponse::from_request(request.body(body))
        };
        let response = send(" ".repeat(BODY_LIMIT + 1), "application/json").await;
        response.assert_error(413, ErrorCode::PayloadTooLarge);
        let response = send("{}".to_owned(), "text/plain").await;
        response.assert_error(415, ErrorCode::UnsupportedMediaType);
    }
}

async fn a_list_is_not_read_as_an_object(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let verify = "/v1/internal/api-keys/verify-batch";
    let list = "invalid type: sequence, expected an object";
    for (path, body, field, reason) in [
        (verify, json!({ "keys": [["bp_x"]] }), "keys[0]", list),
        (verify, json!({ "keys": ["bp_x"] }), "keys[0]", "expected an object"),
        (verify, json!({ "keys": { "key": "bp_x" } }), "keys", "expected a list"),
        (
            "/v1/audit",
            json!({ "action": "a", "targets": [["t"]] }),
            "targets[0]",
            list,
        ),
        ("/v1/audit/batch", json!({ "events": [["a"]] }), "events[0]", list),
        (
            "/v1/audit/batch",
            json!({ "events": [{ "action": "a", "targets": [["t"]] }] }),
            "events[0].targets[0]",
            list,
        ),
    ] {
        let response = service.raw.post_json(path, &body).await;
        let message = response.assert_error(400, ErrorCode::InvalidInput);
        assert!(message.starts_with(&format!("`{field}`: ")), "{message}");
        assert!(message.contains(reason), "{message}");
    }
}

async fn reports_a_hundred_errors_at_most(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let members: serde_json::Map<_, _> = (0..5_000).map(|number| (format!("m{number}"), json!(0))).collect();
    let error: Error = service.raw.post_json("/v1/tenants", &Value::from(members)).await.json();
    assert_eq!(error.errors.map(|errors| errors.len()), Some(100));
}

/// A valid body, padded with spaces to this size.
fn padded(body: &Value, size: usize) -> String {
    let text = body.to_string();
    let blanks = " ".repeat(size - text.len());
    text + &blanks
}

async fn accepts_a_body_of_the_maximum_size(store: StoreUnderTest) {
    let (service, operations) = start(store).await;
    for operation in operations {
        let response = service
            .raw
            .post(&operation.path, padded(&operation.body, BODY_LIMIT))
            .await;
        assert!(response.status < 300, "{}: {response:?}", operation.path);
    }
    let event = in_chunks(padded(&json!({ "action": "a" }), BODY_LIMIT));
    assert_eq!(service.raw.post("/v1/audit", event).await.status, 201);
}

async fn rejects_a_larger_body(store: StoreUnderTest) {
    let (service, operations) = start(store).await;
    for operation in operations {
        for size in [BODY_LIMIT + 1, 4 * BODY_LIMIT] {
            let response = service.raw.post(&operation.path, padded(&operation.body, size)).await;
            let message = response.assert_error(413, ErrorCode::PayloadTooLarge);
            assert!(message.contains(&BODY_LIMIT.to_string()), "{message}");
        }
    }
}

/// A body that is sent in chunks, without Content-Length.
fn in_chunks(text: String) -> reqwest::Body {
    let chunks = BodyDataStream::new(Full::new(Bytes::from(text)));
    reqwest::Body::wrap_stream(chunks)
}

async fn rejects_a_larger_body_without_a_content_length(store: StoreUnderTest) {
    let (service, operations) = start(store).await;
    for operation in operations {
        let body = in_chunks(padded(&operation.body, BODY_LIMIT + 1));
        service
            .raw
            .post(&operation.path, body)
            .await
            .assert_error(413, ErrorCode::PayloadTooLarge);
    }
}

async fn rejects_other_content_types(store: StoreUnderTest) {
    let (service, operations) = start(store).await;
    let media_types = [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/",
        "json",
        "",
        "text/json",
        "application/merge-patch+json",
    ];
    for operation in operations {
        for media_type in media_types {
            let request = service
                .raw
                .request(Method::POST, &operation.path)
                .header(CONTENT_TYPE, media_type);
            let response = RawResponse::from_request(request.body(operation.body.to_string())).await;
            let message = response.assert_error(415, ErrorCode::UnsupportedMediaType);
            assert!(message.contains("application/json"), "{message}");
        }
    }
}

async fn accepts_every_spelling_of_the_json_content_type(store: StoreUnderTest) {
    let (service, operations) = start(store).await;
    let append = operations
        .iter()
        .find(|operation| operation.path == "/v1/audit")
        .unwrap();
    for media_type in [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json ;charset=UTF-8",
    ] {
        let request = service
            .raw
            .request(Method::POST, &append.path)
            .header(CONTENT_TYPE, media_type);
        let response = RawResponse::from_request(request.body(append.body.to_string())).await;
        assert_eq!(response.status, 201, "{media_type}: {response:?}");
    }
}

async fn a_rejected_body_changes_nothing(store: StoreUnderTest) {
    let (service, operations) = start(store).await;
    let log = service.raw.get("/v1/audit").await.text;
    for operation in operations {
        let response = service
            .raw
            .post(&operation.path, format!("{} trailing", operation.body))
            .await;
        assert_eq!(response.status, 400);
        let request = service
            .raw
            .request(Method::POST, &operation.path)
            .header(CONTENT_TYPE, "text/plain");
        assert_eq!(
            RawResponse::from_request(request.body(operation.body.to_string()))
                .await
                .status,
            415
        );
    }
    assert_eq!(service.raw.get("/v1/audit").await.text, log);
}
