//! For each operation a request that needs no state, and what it is answered: it tells whether the operation is there.

use serde_json::{Value, json};

use crate::probe::{Exchange, Expectation, Probe, Request, exchange};
use crate::spec::Operation;

/// Stands in a path where a variable is, and is never valid.
const INVALID: &str = "NOT%20VALID";

/// An answer of an operation that is known beforehand.
fn answer(operation: &Operation) -> Expectation {
    match operation.id.as_str() {
        // They have nothing that could be invalid, or answer 200 whatever comes.
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
        .find(|it| !it.in_path && it.name != "product")
    {
        path = format!("{path}?{}=NOT%20VALID", parameter.name);
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

/// The operation answers at the new path and method, and no longer at the old.
pub(super) fn moved(operation: &Operation, to_path: &str, to_method: &str) -> Probe {
    let before = request(operation, method(&operation.method), &operation.path);
    let after = request(operation, method(to_method), to_path);
    Probe::new(
        operation.id.clone(),
        vec![
            exchange(before, answer(operation), Expectation::gone()),
            exchange(after, Expectation::gone(), answer(operation)),
        ],
    )
}

/// The message about an invalid value names the path's variable by its new name.
pub(super) fn renamed_variable(operation: &Operation, from: &str, to: &str) -> Probe {
    let request = request(operation, method(&operation.method), &operation.path);
    let invalid = |name: &str| answer(operation).text(format!("`{name}`"));
    Probe::new(
        scope(operation, from),
        vec![exchange(request, invalid(from), invalid(to))],
    )
}

/// The new name is read, the old one is not.
pub(super) fn renamed_filter(operation: &Operation, from: &str, to: &str, required: bool) -> Probe {
    let ask = |name: &str, value: &str| Request::new("GET", format!("{}?{name}={value}", operation.path), None);
    let refused = |name: &str| Expectation::status(400).text(format!("`{name}`"));
    // U+0000 is in no text, and is no number, id or time either.
    let invalid = "%00";
    let exchanges: Vec<Exchange> = if required {
        vec![
            exchange(ask(from, invalid), refused(from), refused(to)),
            exchange(ask(to, "{acme}"), refused(from), Expectation::status(200)),
            exchange(ask(from, "{acme}"), Expectation::status(200), refused(to)),
        ]
    } else {
        vec![
            exchange(ask(from, invalid), refused(from), Expectation::status(200)),
            exchange(ask(to, invalid), Expectation::status(200), refused(to)),
        ]
    };
    Probe::new(scope(operation, from), exchanges)
}

fn scope(operation: &Operation, parameter: &str) -> String {
    format!("{}.{parameter}", operation.id)
}

/// Without the parameter the operation now refuses.
pub(super) fn required_parameter(operation: &Operation, name: &str) -> Probe {
    let request = Request::new("GET", operation.path.clone(), None);
    let refused = Expectation::status(400).text(format!("`{name}`"));
    Probe::new(
        operation.id.clone(),
        vec![exchange(request, Expectation::status(200), refused)],
    )
}

/// The body may or must be there.
pub(super) fn body_presence(operation: &Operation, now_required: bool) -> Probe {
    let path = operation.path.replace("{id}", "{acme}");
    let request = Request::new("POST", path, None);
    let (absent, refused) = (Expectation::status(200), Expectation::status(400));
    let (original, mutant) = if now_required {
        (absent, refused)
    } else {
        (refused, absent)
    };
    Probe::new(operation.id.clone(), vec![exchange(request, original, mutant)])
}

/// A property that has a default must be given now.
pub(super) fn required_field(schema: &str, field: &str) -> Option<Probe> {
    // An id of no tenant, so that nothing is changed by asking.
    let nobody = "01900000-0000-7000-8000-000000000000";
    let (path, body, accepted): (String, Value, u16) = match schema {
        "TenantCreate" => {
            let mut body = json!({"slug": "t-{fresh}", "name": "Required", "plan": "starter", "kind": "customer"});
            body.as_object_mut()?.shift_remove(field);
            ("/v1/tenants".to_owned(), body, 201)
        }
        "TenantCancel" => (format!("/v1/tenants/{nobody}/cancel"), json!({}), 404),
        "APIKeyCreate" => (
            "/v1/api-keys".to_owned(),
            json!({"tenant_id": nobody, "name": "Required"}),
            404,
        ),
        _ => return None,
    };
    let request = Request::new("POST", path, Some(body));
    let refused = Expectation::status(400).text(format!("`{field}`"));
    Some(Probe::new(
        schema,
        vec![exchange(request, Expectation::status(accepted), refused)],
    ))
}
