//! The coverage gate: every recorded exchange is valid for the spec, and every declared response was recorded.

use super::openapi::{Addressed, DeclaredHeader, DeclaredResponse, Spec};
use super::recorder::Exchange;
use flate2::read::GzDecoder;
use hyper::header::{ACCESS_CONTROL_ALLOW_METHODS, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderValue};
use jsonschema::Validator;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// The result of the gate.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    pub(crate) declared: usize,
    pub(crate) observed: usize,
    /// The number of exchanges of operations.
    pub(crate) exchanges: usize,
    /// The number of exchanges at paths and methods without an operation.
    pub(crate) outside: usize,
    pub(crate) bodies: usize,
    /// The errors.
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
            let what = format!("{} {} returned {}", exchange.method, exchange.path, exchange.status);
            let mut errors = Errors::default();
            errors.check(exchange.headers.contains_key("x-request-id"), || {
                "no x-request-id".to_owned()
            });
            errors.check_caching(exchange);
            match spec.addressed(&exchange.method, &exchange.path) {
                Addressed::Operation(operation) => {
                    coverage.exchanges += 1;
                    if exchange.method == operation.method {
                        observed.insert((operation.id.as_str(), exchange.status));
                    }
                    match operation.responses.get(&exchange.status) {
                        Some(declared) => coverage.bodies += errors.check_declared(exchange, declared),
                        None => errors.add(format!("the status is not declared by {}", operation.id)),
                    }
                }
                Addressed::OtherMethod { allowed } => {
                    coverage.outside += 1;
                    // A CORS preflight response is not an error.
                    let is_preflight = exchange.headers.contains_key(ACCESS_CONTROL_ALLOW_METHODS);
                    let name = if is_preflight {
                        errors.check(
                            exchange.method == "OPTIONS" && exchange.status == 204 && exchange.body.is_empty(),
                            || "it should be OPTIONS, 204 and without a body".to_owned(),
                        );
                        ACCESS_CONTROL_ALLOW_METHODS
                    } else {
                        coverage.bodies += errors.check_error(exchange, 405, &error);
                        ALLOW
                    };
                    let listed = exchange.headers.get(&name).and_then(|value| value.to_str().ok());
                    let listed: BTreeSet<&str> = listed.unwrap_or_default().split(", ").collect();
                    let allowed = BTreeSet::from_iter(allowed);
                    errors.check(listed == allowed, || format!("{name} is {listed:?}, not {allowed:?}"));
                }
                Addressed::Nothing => {
                    coverage.outside += 1;
                    coverage.bodies += errors.check_error(exchange, 404, &error);
                }
            }
            coverage
                .complaints
                .extend(errors.0.into_iter().map(|error| format!("{what}: {error}")));
        }
        for operation in &spec.operations {
            for status in operation.responses.keys() {
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

/// The errors of one exchange.
#[derive(Default)]
struct Errors(Vec<String>);

impl Errors {
    fn add(&mut self, error: String) {
        self.0.push(error);
    }

    fn check(&mut self, holds: bool, error: impl FnOnce() -> String) {
        if !holds {
            self.add(error());
        }
    }

    /// Only a read with an entity tag may be stored, by the caller's own cache, and no browser guesses a type.
    fn check_caching(&mut self, exchange: &Exchange) {
        let value = |name: &str| exchange.headers.get(name).map(HeaderValue::as_bytes);
        let is_read = matches!(exchange.method.as_str(), "GET" | "HEAD");
        let expected: &[u8] = if is_read && exchange.headers.contains_key(ETAG) {
            b"private, no-cache"
        } else {
            b"no-store"
        };
        let found = value("cache-control");
        self.check(found == Some(expected), || format!("Cache-Control is {found:?}"));
        let found = value("x-content-type-options");
        self.check(found == Some(b"nosniff"), || {
            format!("X-Content-Type-Options is {found:?}")
        });
    }

    /// Returns the number of validated bodies.
    fn check_declared(&mut self, exchange: &Exchange, declared: &DeclaredResponse) -> usize {
        for header in &declared.headers {
            let DeclaredHeader {
                name,
                value: schema,
                is_required,
            } = header;
            match exchange.headers.get(name).map(|value| value.to_str()) {
                // A header that parses as JSON is validated as that value, otherwise as a string.
                Some(Ok(text)) => {
                    let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
                    self.check_value(&format!("header {name}"), &value, schema);
                }
                Some(Err(error)) => self.add(format!("header {name}: {error}")),
                None => self.check(!is_required, || format!("header {name} is missing")),
            }
        }
        // A response to HEAD has no body (RFC 9110, section 9.3.2).
        match declared.body.as_ref().filter(|_| exchange.method != "HEAD") {
            Some(schema) => self.check_body(exchange, schema),
            None => {
                self.check(exchange.body.is_empty(), || "a body where none is declared".to_owned());
                0
            }
        }
    }

    fn check_error(&mut self, exchange: &Exchange, status: u16, error: &Validator) -> usize {
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
