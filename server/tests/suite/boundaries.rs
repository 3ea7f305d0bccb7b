//! Every constraint of the spec at its limits, over HTTP: valid values are accepted, invalid ones rejected.

use crate::harness::candidates::{admits, candidates};
use crate::harness::cases::cases;
use crate::harness::openapi::SPEC;
use crate::harness::{RawResponse, Settings, StoreUnderTest, TestServer};
use reqwest::Method;
use serde_json::{Value, json};
use tenant_registry_client::types::{ErrorCode, Tenant};

cases![
    checks_every_property_of_every_body_against_its_schema,
    checks_every_parameter_against_its_schema,
];

/// A valid value for a property or parameter that refers to a record. Others may have any value of their schema.
fn good(name: &str, tenant: &Tenant) -> Value {
    match name {
        "id" | "tenant_id" | "project_id" => json!(tenant.id),
        "slug" => json!(tenant.slug),
        "product" => json!("insights"),
        "keys" => json!([{ "key": "bp_" }]),
        "events" => json!([{ "action": "a" }]),
        "targets" => json!([{ "id": "report-17", "type": "report" }]),
        "limit" | "cursor" | "overlap_seconds" => json!(1),
        _ => json!("good"),
    }
}

/// Where a candidate is sent.
struct Target {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    body: Option<Value>,
}

impl Target {
    /// A valid request of an operation on its own tenant, so that requests do not affect each other.
    async fn of(service: &TestServer, serial: &mut u32, path: &str, operation: &Value, method: &str) -> (Self, Tenant) {
        *serial += 1;
        let tenant = service.customer(&format!("tenant-{serial}")).await;
        let mut target = Self {
            method: method.to_uppercase().parse().unwrap(),
            path: path.to_owned(),
            query: Vec::new(),
            body: SPEC.body_schema(operation).map(|schema| {
                let required = schema["required"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str);
                let fresh = |name: &str| {
                    if name == "slug" {
                        json!(format!("{}-fresh", tenant.slug))
                    } else {
                        good(name, &tenant)
                    }
                };
                required.map(|name| (name.to_owned(), fresh(name))).collect()
            }),
        };
        for parameter in SPEC.parameters(operation) {
            let name = parameter["name"].as_str().unwrap();
            if parameter["required"] == true {
                target.set_parameter(parameter, &good(name, &tenant));
            }
        }
        (target, tenant)
    }

    fn set_parameter(&mut self, parameter: &Value, value: &Value) {
        let name = parameter["name"].as_str().unwrap();
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if parameter["in"] == "path" {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            self.path = self.path.replace(&format!("{{{name}}}"), &encoded);
        } else {
            self.query.retain(|(known, _)| known != name);
            self.query.push((name.to_owned(), text));
        }
    }

    /// Sends the request and checks that it is accepted only if the schema admits the value.
    async fn expect(self, service: &TestServer, name: &str, admitted: bool) {
        let what = format!("{} {} {:?} {:?}", self.method, self.path, self.query, self.body);
        let mut request = service.raw.request(self.method, &self.path).query(&self.query);
        if let Some(body) = self.body {
            request = request.json(&body);
        }
        let response = RawResponse::from_request(request).await;
        if admitted && name == "cursor" && response.status == 400 {
            // Only the service makes cursors. The schema admits other texts too.
            let message = response.assert_error(400, ErrorCode::InvalidInput);
            assert!(
                message.starts_with("`cursor`: does not belong to this list"),
                "{what}: {message}"
            );
        } else if admitted {
            // A rule, not the schema, rejects times that have passed.
            let has_passed = response.status == 400 && response.text.contains("must be in the future");
            assert!(
                response.status < 300 || matches!(response.status, 404 | 409) || has_passed,
                "{what}: {response:?}"
            );
        } else {
            assert_eq!(response.status, 400, "{what}: {response:?}");
            let message = response.assert_error(400, ErrorCode::InvalidInput);
            assert!(message.contains(&format!("`{name}")), "{what}: {message}");
        }
    }
}

async fn checks_every_property_of_every_body_against_its_schema(store: StoreUnderTest) {
    // Larger than every property.
    let settings = Settings {
        body_limit: 1024 * 1024,
        ..Settings::default()
    };
    let service = TestServer::start_with(store, settings).await;
    let (mut serial, mut tried) = (0, 0);
    for (method, path, operation) in SPEC.operation_objects() {
        // It accepts every value and reports invalid ones in its response.
        let Some(schema) = SPEC
            .body_schema(operation)
            .filter(|_| operation["operationId"] != "api_key_verify")
        else {
            continue;
        };
        for (name, property) in schema["properties"].as_object().unwrap() {
            let property = SPEC.resolve(property);
            let probe = Target::of(&service, &mut serial, path, operation, method).await.1;
            for candidate in candidates(property, &good(name, &probe)) {
                let (mut target, tenant) = Target::of(&service, &mut serial, path, operation, method).await;
                // An id must be that of an existing tenant.
                let body = target.body.as_mut().unwrap();
                body[name] = candidate;
                let admitted = admits(property, &body[name]);
                assert_ne!(tenant.id, probe.id);
                target.expect(&service, name, admitted).await;
                tried += 1;
            }
        }
    }
    assert!(tried > 500, "{tried}");
}

async fn checks_every_parameter_against_its_schema(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (mut serial, mut tried) = (0, 0);
    for (method, path, operation) in SPEC.operation_objects() {
        for parameter in SPEC.parameters(operation) {
            let name = parameter["name"].as_str().unwrap();
            let schema = SPEC.resolve(&parameter["schema"]);
            let validator = SPEC.validator(schema);
            let probe = Target::of(&service, &mut serial, path, operation, method).await.1;
            for candidate in candidates(schema, &good(name, &probe)) {
                // An empty path parameter makes another path.
                if parameter["in"] == "path" && candidate == "" {
                    continue;
                }
                let (mut target, tenant) = Target::of(&service, &mut serial, path, operation, method).await;
                if parameter["in"] == "path" {
                    target.path = path.to_owned();
                }
                target.set_parameter(parameter, &candidate);
                for other in SPEC.parameters(operation).filter(|other| other["in"] == "path") {
                    target.set_parameter(other, &good(other["name"].as_str().unwrap(), &tenant));
                }
                target.expect(&service, name, validator.is_valid(&candidate)).await;
                tried += 1;
            }
        }
    }
    assert!(tried > 200, "{tried}");
}
