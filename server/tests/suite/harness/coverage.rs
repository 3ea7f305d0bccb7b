//! The coverage gate: holds every recorded exchange against the spec, and the spec against what was recorded.

use super::openapi::{Addressed, DeclaredAnswer, Spec};
use super::recorder::Exchange;
use flate2::read::GzDecoder;
use hyper::header::{ACCESS_CONTROL_ALLOW_METHODS, ALLOW, CONTENT_ENCODING, CONTENT_TYPE};
use jsonschema::Validator;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// What the gate found.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    pub(crate) declared: usize,
    pub(crate) observed: usize,
    /// At operations of the spec.
    pub(crate) exchanges: usize,
    /// At paths and methods that are no operation.
    pub(crate) outside: usize,
    pub(crate) bodies: usize,
    /// Sorted, each once.
    pub(crate) complaints: BTreeSet<String>,
}

impl fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            declared,
            observed,
            exchanges,
            outside,
            bodies,
            complaints: _,
        } = self;
        write!(
            formatter,
            "{observed} of {declared} declared pairs observed, {exchanges} exchanges (and {outside} at paths or \
             methods that are no operation), {bodies} bodies validated"
        )
    }
}

impl Coverage {
    pub(crate) fn new(spec: &Spec, exchanges: &[Exchange]) -> Self {
        let mut coverage = Self::default();
        let error = spec.schema_validator("Error");
        let mut observed = BTreeSet::new();
        for exchange in exchanges {
            let what = format!("{} {} answered {}", exchange.method, exchange.path, exchange.status);
            let mut faults = Faults::default();
            faults.check(exchange.headers.contains_key("x-request-id"), || {
                "no x-request-id".to_owned()
            });
            match spec.addressed(&exchange.method, &exchange.path) {
                Addressed::Operation(operation) => {
                    coverage.exchanges += 1;
                    if exchange.method == operation.method {
                        observed.insert((operation.id.as_str(), exchange.status));
                    }
                    match operation.answers.get(&exchange.status) {
                        Some(declared) => coverage.bodies += faults.check_declared(exchange, declared),
                        None => faults.add(format!("the status is not declared by {}", operation.id)),
                    }
                }
                Addressed::OtherMethod { allowed } => {
                    coverage.outside += 1;
                    // The answer to a browser that asks what a page may send is no refusal.
                    let is_preflight = exchange.headers.contains_key(ACCESS_CONTROL_ALLOW_METHODS);
                    let name = if is_preflight {
                        faults.check(
                            exchange.method == "OPTIONS" && exchange.status == 204 && exchange.body.is_empty(),
                            || "it should be OPTIONS, 204 and without a body".to_owned(),
                        );
                        ACCESS_CONTROL_ALLOW_METHODS
                    } else {
                        coverage.bodies += faults.check_refusal(exchange, 405, &error);
                        ALLOW
                    };
                    let listed = exchange.headers.get(&name).and_then(|value| value.to_str().ok());
                    let listed: BTreeSet<&str> = listed.unwrap_or_default().split(", ").collect();
                    let allowed = BTreeSet::from_iter(allowed);
                    faults.check(listed == allowed, || format!("{name} is {listed:?}, not {allowed:?}"));
                }
                Addressed::Nothing { status } => {
                    coverage.outside += 1;
                    faults.check(exchange.status == status, || format!("the status should be {status}"));
                }
            }
            coverage
                .complaints
                .extend(faults.0.into_iter().map(|fault| format!("{what}: {fault}")));
        }
        for operation in &spec.operations {
            for status in operation.answers.keys() {
                coverage.declared += 1;
                if observed.contains(&(operation.id.as_str(), *status)) {
                    coverage.observed += 1;
                } else {
                    let missing = format!("{} declares {status}, which was not observed", operation.id);
                    coverage.complaints.insert(missing);
                }
            }
        }
        coverage
    }
}

/// What is wrong with one exchange.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, fault: String) {
        self.0.push(fault);
    }

    fn check(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.add(fault());
        }
    }

    /// Returns how many bodies were validated.
    fn check_declared(&mut self, exchange: &Exchange, declared: &DeclaredAnswer) -> usize {
        for (name, schema) in &declared.headers {
            match exchange.headers.get(name).map(|value| value.to_str()) {
                // A header is text; what reads as JSON is the value of that type.
                Some(Ok(text)) => {
                    let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
                    self.check_value(&format!("header {name}"), &value, schema);
                }
                Some(Err(error)) => self.add(format!("header {name}: {error}")),
                None => self.add(format!("header {name} is missing")),
            }
        }
        // The answer to HEAD has no body, whatever its status (RFC 9110, section 9.3.2).
        match declared.body.as_ref().filter(|_| exchange.method != "HEAD") {
            Some(schema) => self.check_body(exchange, schema),
            None => {
                self.check(exchange.body.is_empty(), || "a body where none is declared".to_owned());
                0
            }
        }
    }

    fn check_refusal(&mut self, exchange: &Exchange, status: u16, error: &Validator) -> usize {
        self.check(exchange.status == status, || format!("the status should be {status}"));
        if exchange.method == "HEAD" {
            0
        } else {
            self.check_body(exchange, error)
        }
    }

    fn check_body(&mut self, exchange: &Exchange, schema: &Validator) -> usize {
        let media_type = exchange.headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
        self.check(media_type == Some(b"application/json"), || {
            format!("Content-Type is {media_type:?}")
        });
        let body = match exchange.headers.get(CONTENT_ENCODING) {
            Some(_) => serde_json::from_reader(GzDecoder::new(&exchange.body[..])),
            None => serde_json::from_slice(&exchange.body),
        };
        match body {
            Ok(body) => self.check_value("body", &body, schema),
            Err(error) => self.add(format!("the body is not JSON: {error}")),
        }
        1
    }

    fn check_value(&mut self, what: &str, value: &Value, schema: &Validator) {
        let errors: Vec<_> = schema
            .iter_errors(value)
            .map(|error| format!("{} at `{}`", error.masked(), error.instance_path()))
            .collect();
        for error in errors {
            self.add(format!("{what}: {error}"));
        }
    }
}
