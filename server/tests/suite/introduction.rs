//! The promises in the introduction of the spec. Each of its sentences has a test, here or in another file.

use crate::harness::cases::cases;
use crate::harness::openapi::SPEC;
use crate::harness::{StoreUnderTest, TestServer};
use reqwest::Method;
use serde_json::{Value, json};
use std::fs;
use tenant_registry_client::types::ErrorCode;
use uuid::Uuid;

cases![
    every_sentence_has_a_test,
    ids_are_uuids_of_version_7,
    every_response_has_a_request_id,
    errors_have_a_code_and_a_message,
    repeating_other_changes_creates_a_second_record,
];

/// The sentences, each with the file and the name of its tests. A sentence that promises nothing has none.
const SENTENCES: [(&str, &[(&str, &str)]); 32] = [
    (
        "The Tenant Registry stores the tenants of a multi-tenant platform, their projects, product entitlements and API \
         keys, and the audit log.",
        &[],
    ),
    (
        "IDs of tenants, projects and API keys are UUIDs (version 7).",
        &[("introduction", "ids_are_uuids_of_version_7")],
    ),
    (
        "Timestamps are in UTC, in the format of RFC 3339, with six digits after the second and years from 0001 to 9999.",
        &[
            ("audit_pages", "times_have_six_digits_after_the_second"),
            ("audit_pages", "a_time_is_in_the_years_0001_to_9999"),
            ("activation", "a_day_is_in_the_years_0001_to_9999"),
        ],
    ),
    (
        "Optional properties without a value are omitted; nullable properties without a value are `null`.",
        &[("tenants", "omits_absent_properties_and_returns_null_for_nullable_ones")],
    ),
    (
        "Every response has an `x-request-id` header.",
        &[("introduction", "every_response_has_a_request_id")],
    ),
    ("Include its value when you report a problem.", &[]),
    (
        "Send an access token from the deployment's OpenID Connect provider.",
        &[],
    ),
    (
        "If the token is missing or invalid, the response is 401.",
        &[
            ("admission", "every_operation_requires_its_scope"),
            ("admission", "invalid_tokens_are_rejected"),
        ],
    ),
    (
        "If the token does not allow the operation, the response is 403.",
        &[("admission", "every_operation_requires_its_scope")],
    ),
    (
        "Operations return errors as an `Error`: `error` is a stable code for programs, and `message` tells people what \
         to change.",
        &[("introduction", "errors_have_a_code_and_a_message")],
    ),
    (
        "If members of the body are invalid, `errors` lists all of them.",
        &[("invalid_bodies", "reports_the_errors_of_all_members_at_once")],
    ),
    (
        "5xx responses contain no internal details.",
        &[
            ("failures", "every_operation_returns_503_with_retry_after"),
            ("failures", "every_operation_returns_500_without_the_cause"),
        ],
    ),
    (
        "The service logs them with the request ID.",
        &[("database_troubles", "the_cause_of_a_500_is_logged_with_the_request_id")],
    ),
    (
        "A request with a query parameter or a body member that the operation does not have is rejected with 400. The \
         message names it and the one that was probably meant.",
        &[
            ("invalid_requests", "every_operation_rejects_an_unknown_parameter"),
            ("invalid_requests", "names_the_parameter_that_was_probably_meant"),
            ("invalid_bodies", "rejects_an_unknown_member_and_names_the_nearest"),
        ],
    ),
    (
        "Responses may get new members in later versions; clients must ignore members that they do not know.",
        &[],
    ),
    (
        "Texts have at most 1,024 characters; keys and other texts that are searched for have at most 256, and names what \
         their schema says.",
        &[
            ("bounds", "everything_in_a_request_has_a_bound"),
            ("boundaries", "checks_every_property_of_every_body_against_its_schema"),
        ],
    ),
    (
        "Lists in a request have at most 100 items, except a batch of 500 audit events, and free-form JSON has at most 65,536 \
         bytes and 32 levels.",
        &[
            ("bounds", "a_list_has_at_most_100_items"),
            ("audit_batches", "a_batch_has_from_1_to_500_events"),
            ("bounds", "free_form_json_has_at_most_64_kib"),
            ("bounds", "free_form_json_has_at_most_32_levels"),
        ],
    ),
    (
        "`x-max-bytes` and `x-max-levels` state the limits that JSON Schema has no keyword for: the bytes of JSON without \
         white space between the tokens, and the nested levels of objects and lists.",
        &[("bounds", "white_space_between_tokens_is_not_kept")],
    ),
    (
        "Responses may contain longer values that were stored before contract 2.0.",
        &[("old_rows", "rows_beyond_the_bounds_can_be_read_and_changed")],
    ),
    (
        "Responses with one tenant, project, entitlement or API key have an `ETag`, which identifies its version.",
        &[("conditions", "every_response_with_a_version_of_a_tenant_has_its_tag")],
    ),
    (
        "Send it in `If-Match` to change exactly this version: if the record has changed in the meantime, the response is \
         412 and nothing changes.",
        &[
            ("conditions", "a_change_applies_only_to_the_expected_version"),
            ("conditions", "one_of_two_changes_to_the_same_version_applies"),
        ],
    ),
    (
        "Without `If-Match`, the change applies to whatever is stored.",
        &[("races", "concurrent_activation_and_cancellation_leave_the_last_state")],
    ),
    (
        "Send it in `If-None-Match` to read the record only if it has changed; otherwise the response is 304.",
        &[("conditions", "a_read_returns_304_for_the_current_version")],
    ),
    (
        "It is safe to repeat a request that updates, activates, cancels or archives a tenant, updates a project, sets or \
         revokes an entitlement, or updates or revokes an API key: if it already took effect, it changes nothing and writes \
         no second audit event.",
        &[
            ("tenant_updates", "the_same_state_changes_nothing_and_writes_no_event"),
            (
                "activation",
                "repeating_an_activation_changes_nothing_and_writes_no_event",
            ),
            (
                "cancellation",
                "repeating_a_cancellation_changes_nothing_and_writes_no_event",
            ),
            (
                "cancellation",
                "repeating_a_pending_cancellation_changes_nothing_and_writes_no_event",
            ),
            ("projects", "the_same_values_change_nothing_and_write_no_event"),
            ("entitlement_changes", "setting_the_same_state_again_changes_nothing"),
            ("entitlement_changes", "a_revocation_can_be_repeated"),
            ("api_keys", "updates_what_the_body_contains"),
            ("api_keys", "repeating_a_revocation_changes_nothing_and_writes_no_event"),
        ],
    ),
    (
        "With an `Idempotency-Key`, it is safe to repeat any `POST` that creates or changes something. A repeated request \
         changes nothing and gets the response to the first one, with `Idempotency-Replayed: true`.",
        &[
            ("idempotency", "every_operation_repeats_its_response"),
            ("idempotency", "many_requests_with_one_key_have_one_effect"),
            ("idempotency", "the_response_of_an_unchanged_record_is_repeated"),
        ],
    ),
    (
        "The key belongs to the caller and to the operation.",
        &[
            ("idempotency", "the_key_of_another_caller_is_another_key"),
            ("idempotency", "the_key_of_another_operation_is_another_key"),
        ],
    ),
    (
        "Another request with the same key gets 422.",
        &[("idempotency", "another_request_with_the_same_key_is_rejected")],
    ),
    (
        "While the first one is running, the response is 409 with `Retry-After`.",
        &[("idempotency", "a_request_waits_for_the_first_one_with_its_key")],
    ),
    (
        "Errors are not stored: after an error, a request with the same key is processed again.",
        &[("idempotency", "errors_are_not_repeated")],
    ),
    (
        "Responses are stored for 24 hours, unless the deployment chooses another time.",
        &[("idempotency", "an_old_response_is_deleted")],
    ),
    (
        "A plaintext is not stored either: repeating `api_key_create` or `api_key_rotate` returns \
         409, and the message names the key that was created.",
        &[
            ("idempotency", "every_operation_repeats_its_response"),
            ("database", "it_contains_no_plaintext_of_a_key"),
        ],
    ),
    (
        "Without an `Idempotency-Key`, repeating a successful `tenant_create`, `project_create`, `catalog_trial_request` or \
         `api_key_rotate` returns 409, and repeating `api_key_create`, `catalog_request`, `audit_append` or `audit_append_batch` \
         creates second records. Repeating `project_delete` returns 404.",
        &[
            ("tenants", "a_slug_in_use_is_a_conflict_and_changes_nothing"),
            ("projects", "a_slug_in_use_is_a_conflict_and_changes_nothing"),
            ("projects", "a_deleted_project_is_not_found"),
            ("entitlements", "a_tenant_can_try_a_product_once"),
            ("api_keys", "a_key_can_be_rotated_once"),
            ("introduction", "repeating_other_changes_creates_a_second_record"),
        ],
    ),
];

async fn every_sentence_has_a_test(_: StoreUnderTest) {
    let introduction = SPEC.document["info"]["description"].as_str().unwrap();
    // Headings are between asterisks.
    let text: String = introduction.split("**").step_by(2).collect();
    let words: Vec<_> = text.split_whitespace().collect();
    let sentences = SENTENCES.map(|(sentence, _)| sentence);
    assert_eq!(words.join(" "), sentences.join(" "));
    for (sentence, tests) in SENTENCES {
        for (file, test) in tests {
            let path = format!("{}/tests/suite/{file}.rs", env!("CARGO_MANIFEST_DIR"));
            let code = fs::read_to_string(path).unwrap();
            assert!(
                code.contains(&format!("async fn {test}(")),
                "{sentence}: {file}::{test}"
            );
        }
    }
}

async fn ids_are_uuids_of_version_7(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("identified").await;
    let created = service.api_key(tenant.id).await;
    let project = service.project(tenant.id, "website").await;
    for id in [
        Uuid::from(tenant.id),
        Uuid::from(project.id),
        Uuid::from(created.api_key.id),
    ] {
        assert_eq!(id.get_version_num(), 7, "{id}");
    }
}

async fn every_response_has_a_request_id(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for (method, path) in [
        (Method::GET, "/healthz"),
        (Method::GET, "/v1/catalog"),
        (Method::HEAD, "/v1/catalog"),
        (Method::GET, "/v1/tenants/x"),
        (Method::GET, "/v1/tenants/by-slug/nobody"),
        (Method::POST, "/v1/tenants"),
        (Method::DELETE, "/v1/catalog"),
        (Method::GET, "/v1/nothing"),
    ] {
        let response = service.raw.request(method.clone(), path).send().await.unwrap();
        let id = response.headers().get("x-request-id");
        assert!(id.is_some_and(|id| !id.is_empty()), "{method} {path}: {response:?}");
    }
}

async fn errors_have_a_code_and_a_message(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let invalid = service.raw.get("/v1/tenants/x").await;
    let missing = service.raw.get("/v1/tenants/by-slug/nobody").await;
    let tenant = json!({ "slug": "taken", "name": "n" });
    assert_eq!(service.raw.post_json("/v1/tenants", &tenant).await.status, 201);
    let conflict = service.raw.post_json("/v1/tenants", &tenant).await;
    for (response, status, code) in [
        (invalid, 400, ErrorCode::InvalidInput),
        (missing, 404, ErrorCode::NotFound),
        (conflict, 409, ErrorCode::Conflict),
    ] {
        let message = response.assert_error(status, code);
        assert!(message.contains('`'), "it names what to change: {message}");
    }
}

async fn repeating_other_changes_creates_a_second_record(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("repeating").await;
    let requests = [
        (
            "/v1/api-keys",
            json!({ "tenant_id": tenant.id, "name": "ci" }),
            "api_key.created",
        ),
        (
            "/v1/catalog/request",
            json!({ "tenant_id": tenant.id, "product": "insights" }),
            "catalog.requested",
        ),
        (
            "/v1/audit",
            json!({ "tenant_id": tenant.id, "action": "report.exported" }),
            "report.exported",
        ),
        (
            "/v1/audit/batch",
            json!({ "events": [{ "tenant_id": tenant.id, "action": "report.viewed" }] }),
            "report.viewed",
        ),
    ];
    for (path, body, action) in requests {
        for _ in 0..2 {
            let response = service.raw.post_json(path, &body).await;
            assert!((200..300).contains(&response.status), "{response:?}");
        }
        let path = format!("/v1/audit?tenant_id={}&action={action}", tenant.id);
        let log: Value = service.raw.get(&path).await.json();
        assert_eq!(log["items"].as_array().unwrap().len(), 2, "{action}");
    }
    let list = service.client.api_key_list().tenant_id(tenant.id).send().await.unwrap();
    assert_eq!(list.items.len(), 2);
}
