//! Probes that show whether an operation exists. Their requests need no stored data.

use serde_json::{Value, json};

use crate::probe::{Expectation, Probe, Request, exchange};
use crate::spec::{Operation, Spec};

/// An invalid value for every parameter.
const INVALID: &str = "NOT%20VALID";

/// The ID of no tenant and no API key, so that a request changes nothing.
pub(super) const UNKNOWN_ID: &str = "01900000-0000-7000-8000-000000000000";

/// A well-formed key that does not exist.
pub(super) const UNKNOWN_KEY: &str = "bp_0123456789abcdefghijkl";

/// The response of an operation to [`request`].
fn response(operation: &Operation) -> Expectation {
    match operation.id.as_str() {
        // These have no parameter that could be invalid, or always return 200.
        "health_get" | "readiness_get" => Expectation::status(200).value("/status", "ok"),
        "catalog_list" => Expectation::status(200).text("\"items\""),
        "api_key_verify" => Expectation::status(200).value("/valid", false),
        _ => Expectation::status(400).value("/error", "invalid_input"),
    }
}

fn request(operation: &Operation, method: &'static str, path: &str) -> Request {
    let path: Vec<&str> = path
        .split('/')
        .map(|segment| if segment.starts_with('{') { INVALID } else { segment })
        .collect();
    let mut path = path.join("/");
    if let Some(parameter) = operation
        .parameters
        .iter()
        .find(|it| it.in_query && it.name != "product")
    {
        path = format!("{path}?{}={INVALID}", parameter.name);
    }
    let has_body = matches!(operation.method.as_str(), "post");
    Request::new(method, path, has_body.then(|| json!({})))
}

fn method(name: &str) -> &'static str {
    match name {
        "post" => "POST",
        "put" => "PUT",
        "patch" => "PATCH",
        "delete" => "DELETE",
        _ => "GET",
    }
}

/// The operation responds at the new path and method, and no longer at the old ones.
pub(super) fn moved(operation: &Operation, to_path: &str, to_method: &str) -> Probe {
    let before = request(operation, method(&operation.method), &operation.path);
    let after = request(operation, method(to_method), to_path);
    Probe::new(
        operation.id.clone(),
        vec![
            exchange(before, response(operation), Expectation::not_routed()),
            exchange(after, Expectation::not_routed(), response(operation)),
        ],
    )
}

/// Other scopes are enough for the operation. The servers run without an issuer, so the served document shows the change;
/// `admission.rs` of the suite holds the service to the scopes of its document.
pub(super) fn scopes(spec: &Spec, operation: &Operation, alternatives: &Value) -> Probe {
    let pointer = format!("{}/security", operation.pointer);
    let original = spec.document.pointer(&pointer).cloned().unwrap_or_default();
    let served = |value: Value| Expectation::status(200).value(pointer.clone(), value);
    Probe::new(
        operation.id.clone(),
        vec![exchange(
            Request::new("GET", "/openapi.json", None),
            served(original),
            served(alternatives.clone()),
        )],
    )
}

/// The path of a read, with what it requires.
fn readable_path(operation: &Operation) -> String {
    let path = operation.path.replace("{id}", "{acme}").replace("{slug}", "acme");
    let required = operation.parameters.iter().filter(|it| it.in_query && it.required);
    let query: Vec<String> = required
        .map(|parameter| {
            let value = if parameter.name == "tenant_id" {
                "{acme}"
            } else {
                "insights"
            };
            format!("{}={value}", parameter.name)
        })
        .collect();
    let separator = if query.is_empty() { "" } else { "?" };
    format!("{path}{separator}{}", query.join("&"))
}

/// The operation now rejects requests without the parameter.
pub(super) fn required_parameter(operation: &Operation, name: &str) -> Probe {
    let request = Request::new("GET", readable_path(operation), None);
    let rejected = Expectation::status(400).text(format!("`{name}`"));
    Probe::new(
        operation.id.clone(),
        vec![exchange(request, Expectation::status(200), rejected)],
    )
}

/// The operation now returns 304 to a caller that has the current response, or no longer does.
pub(super) fn not_modified(operation: &Operation, is_added: bool) -> Probe {
    let request = Request::new("GET", readable_path(operation), None).with_header("If-None-Match", "*");
    let (without, with) = (Expectation::status(200), Expectation::status(304));
    let (original, mutant) = if is_added { (without, with) } else { (with, without) };
    Probe::new(operation.id.clone(), vec![exchange(request, original, mutant)])
}

/// The response to the creation of a record no longer has an `ETag`.
pub(super) fn entity_tag_removed(header: &str) -> Option<Probe> {
    let (path, body) = match header {
        "/paths/~1v1~1tenants/post/responses/201/headers/ETag" => {
            ("/v1/tenants", json!({"slug": "t-{fresh}", "name": "Drift"}))
        }
        "/paths/~1v1~1projects/post/responses/201/headers/ETag" => (
            "/v1/projects",
            json!({"tenant_id": "{acme}", "slug": "p-{fresh}", "name": "Drift"}),
        ),
        _ => return None,
    };
    let created = |has_entity_tag| Expectation::status(201).entity_tag(has_entity_tag);
    let request = Request::new("POST", path, Some(body));
    Some(Probe::new(path, vec![exchange(request, created(true), created(false))]))
}

/// The body has become required or optional.
pub(super) fn body_presence(operation: &Operation, now_required: bool) -> Probe {
    let path = operation.path.replace("{id}", "{acme}");
    let request = Request::new("POST", path, None);
    let (absent, rejected) = (Expectation::status(200), Expectation::status(400));
    let (original, mutant) = if now_required {
        (absent, rejected)
    } else {
        (rejected, absent)
    };
    Probe::new(operation.id.clone(), vec![exchange(request, original, mutant)])
}

/// A property with a default has become required.
pub(super) fn required_field(schema: &str, field: &str) -> Option<Probe> {
    let rejected = Expectation::status(400).text(format!("`{field}`"));
    let (path, body, accepted): (String, Value, u16) = match schema {
        "TenantCreate" => {
            let mut body = json!({"slug": "t-{fresh}", "name": "Required", "plan": "starter", "kind": "customer"});
            body.as_object_mut()?.shift_remove(field);
            ("/v1/tenants".to_owned(), body, 201)
        }
        "TenantCancel" => (format!("/v1/tenants/{UNKNOWN_ID}/cancel"), json!({}), 404),
        "EntitlementSet" => (format!("/v1/entitlements/{UNKNOWN_ID}/insights"), json!({}), 404),
        "APIKeyCreate" => (
            "/v1/api-keys".to_owned(),
            json!({"tenant_id": UNKNOWN_ID, "name": "Required"}),
            404,
        ),
        "APIKeyVerifyRequest" => {
            // This operation returns 200 in any case.
            let request = Request::new(
                "POST",
                "/v1/internal/api-keys/verify",
                Some(json!({"key": UNKNOWN_KEY})),
            );
            let reason = |reason: &str| Expectation::status(200).value("/reason", reason);
            let exchange = exchange(request, reason("unknown"), reason("malformed"));
            return Some(Probe::new(schema, vec![exchange]));
        }
        _ => return None,
    };
    let method = if schema == "EntitlementSet" { "PUT" } else { "POST" };
    let request = Request::new(method, path, Some(body));
    Some(Probe::new(
        schema,
        vec![exchange(request, Expectation::status(accepted), rejected)],
    ))
}
