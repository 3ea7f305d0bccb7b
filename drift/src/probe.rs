//! Probes: requests whose responses distinguish a mutant from the original.

use serde_json::Value;

/// Requests to send to both servers, in order. Both must respond as expected, and at least one response must differ.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) exchanges: Vec<Exchange>,
    /// What the probe depends on, such as `TenantName`. Mutants with different scopes can share a server.
    pub(crate) scope: String,
    /// Whether the mutant breaks the service for other probes.
    pub(crate) exclusive: bool,
    /// A start with a setting, for values that come only from settings.
    pub(crate) start: Option<Start>,
}

/// A setting with which only one of the two servers starts.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// The environment variable of the setting.
    pub(crate) name: &'static str,
    pub(crate) value: String,
    /// Whether the mutant rejects the setting, and not the original.
    pub(crate) mutant_rejects: bool,
}

/// A request and the expected responses.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Request,
    pub(crate) original: Expectation,
    pub(crate) mutant: Expectation,
}

/// A request with placeholders: `{acme}` is the ID of the in-memory store's first tenant, `{unique}` is unique to a run
/// of the probe, `{fresh}` is unique to a request, `{created}` is the last `/id` in a response and `{first}` the first one, and
/// `{api_key}` is the first `/api_key/id`.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    /// A header in addition to `Content-Type`.
    pub(crate) header: Option<(&'static str, String)>,
}

/// A response, as far as expectations look at it.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) has_entity_tag: bool,
    pub(crate) body: String,
}

/// The expected response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expectation {
    /// The accepted statuses.
    pub(crate) statuses: Vec<u16>,
    /// A JSON pointer into the body, and the value there.
    pub(crate) value: Option<(String, Value)>,
    /// The number of items under `/items`.
    pub(crate) items: Option<usize>,
    /// A text that the body contains.
    pub(crate) text: Option<String>,
    /// Whether the response has an `ETag`.
    pub(crate) has_entity_tag: Option<bool>,
}

impl Request {
    pub(crate) fn new(method: &'static str, path: impl Into<String>, body: Option<Value>) -> Self {
        Self {
            method,
            path: path.into(),
            body,
            header: None,
        }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.header = Some((name, value.to_owned()));
        self
    }
}

impl Expectation {
    pub(crate) fn status(status: u16) -> Self {
        Self {
            statuses: vec![status],
            ..Self::default()
        }
    }

    /// The response of a service without this path or method.
    pub(crate) fn not_routed() -> Self {
        Self {
            statuses: vec![404, 405],
            ..Self::default()
        }
    }

    pub(crate) fn value(mut self, pointer: impl Into<String>, value: impl Into<Value>) -> Self {
        self.value = Some((pointer.into(), value.into()));
        self
    }

    pub(crate) fn items(mut self, count: usize) -> Self {
        self.items = Some(count);
        self
    }

    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    pub(crate) fn entity_tag(mut self, is_present: bool) -> Self {
        self.has_entity_tag = Some(is_present);
        self
    }

    /// Describes how the response differs from the expected one, if it does.
    pub(crate) fn mismatch(&self, response: &Response) -> Option<String> {
        let Response {
            status,
            has_entity_tag,
            body,
        } = response;
        let json: Value = serde_json::from_str(body).unwrap_or(Value::Null);
        let shown: String = body.chars().take(160).collect();
        if !self.statuses.is_empty() && !self.statuses.contains(status) {
            return Some(format!("{status} instead of {:?}: {shown}", self.statuses));
        }
        if let Some((pointer, value)) = &self.value
            && json.pointer(pointer) != Some(value)
        {
            return Some(format!("{pointer} is not {value}: {shown}"));
        }
        if let Some(count) = self.items
            && json.get("items").and_then(Value::as_array).map(Vec::len) != Some(count)
        {
            return Some(format!("not {count} items: {shown}"));
        }
        if let Some(is_present) = self.has_entity_tag
            && is_present != *has_entity_tag
        {
            return Some(format!("`ETag`: {has_entity_tag} instead of {is_present}"));
        }
        if let Some(text) = &self.text
            && !body.contains(text)
        {
            return Some(format!("does not contain `{text}`: {shown}"));
        }
        None
    }
}

impl Probe {
    pub(crate) fn new(scope: impl Into<String>, exchanges: Vec<Exchange>) -> Self {
        Self {
            exchanges,
            scope: scope.into(),
            exclusive: false,
            start: None,
        }
    }

    /// A probe that starts both servers with a setting and sends nothing.
    pub(crate) fn start(start: Start) -> Self {
        Self {
            start: Some(start),
            ..Self::new("everything", Vec::new()).exclusive()
        }
    }

    /// Prevents other mutants from sharing the server.
    pub(crate) fn exclusive(mut self) -> Self {
        self.exclusive = true;
        self
    }
}

/// Creates an exchange.
pub(crate) fn exchange(request: Request, original: Expectation, mutant: Expectation) -> Exchange {
    Exchange {
        request,
        original,
        mutant,
    }
}

/// An exchange that prepares for the next one. Both servers return the same status.
pub(crate) fn preparation(request: Request, status: u16) -> Exchange {
    exchange(request, Expectation::status(status), Expectation::status(status))
}
