//! Probes: requests whose answers tell a mutant from the original.

use serde_json::Value;

/// What is sent to both servers, in order; each shows what it must, and at least one answer must differ.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) exchanges: Vec<Exchange>,
    /// What the probe depends on, such as `TenantName`; mutants that share nothing can share a server.
    pub(crate) scope: String,
    /// Does the mutant break the service for other probes?
    pub(crate) alone: bool,
    /// A start with a setting, for what only the configuration carries.
    pub(crate) start: Option<Start>,
}

/// A setting that one of the two servers refuses to start with.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// The environment variable.
    pub(crate) variable: &'static str,
    pub(crate) value: String,
    /// Does the mutant refuse it? Then the original does not, and the other way round.
    pub(crate) mutant_refuses: bool,
}

/// A request and what must be answered.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Request,
    pub(crate) original: Expectation,
    pub(crate) mutant: Expectation,
}

/// `{acme}` stands for the id of the tenant that the memory store begins with, `{unique}` for a word of this run of the
/// probe, `{fresh}` for one that is new each time, `{created}` for the `/id` of the last answer.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

/// What an answer must be like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expectation {
    /// Any of these.
    pub(crate) statuses: Vec<u16>,
    /// A place in the body, and what is there.
    pub(crate) value: Option<(&'static str, Value)>,
    /// The number of items under `/items`.
    pub(crate) items: Option<usize>,
    /// A piece of the body's text.
    pub(crate) text: Option<String>,
}

impl Request {
    pub(crate) fn new(method: &'static str, path: impl Into<String>, body: Option<Value>) -> Self {
        Self {
            method,
            path: path.into(),
            body,
        }
    }
}

impl Expectation {
    pub(crate) fn status(status: u16) -> Self {
        Self {
            statuses: vec![status],
            ..Self::default()
        }
    }

    /// The answers of a service that does not know the path or the method.
    pub(crate) fn gone() -> Self {
        Self {
            statuses: vec![404, 405],
            ..Self::default()
        }
    }

    pub(crate) fn value(mut self, pointer: &'static str, value: impl Into<Value>) -> Self {
        self.value = Some((pointer, value.into()));
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

    /// Why the answer is not as expected; `None` where it is.
    pub(crate) fn misfit(&self, status: u16, body: &str) -> Option<String> {
        let json: Value = serde_json::from_str(body).unwrap_or(Value::Null);
        let shown: String = body.chars().take(160).collect();
        if !self.statuses.is_empty() && !self.statuses.contains(&status) {
            return Some(format!("{status}, not {:?}: {shown}", self.statuses));
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
        if let Some(text) = &self.text
            && !body.contains(text)
        {
            return Some(format!("no `{text}` in: {shown}"));
        }
        None
    }
}

impl Probe {
    pub(crate) fn new(scope: impl Into<String>, exchanges: Vec<Exchange>) -> Self {
        Self {
            exchanges,
            scope: scope.into(),
            alone: false,
            start: None,
        }
    }

    /// A probe that starts both servers with a setting and sends nothing.
    pub(crate) fn start(start: Start) -> Self {
        Self {
            start: Some(start),
            ..Self::new("everything", Vec::new()).alone()
        }
    }

    /// Nothing else can be tried on the mutant's server.
    pub(crate) fn alone(mut self) -> Self {
        self.alone = true;
        self
    }
}

/// An exchange in which both answer as they should.
pub(crate) fn exchange(request: Request, original: Expectation, mutant: Expectation) -> Exchange {
    Exchange {
        request,
        original,
        mutant,
    }
}

/// An exchange that only prepares for the next; both answer alike.
pub(crate) fn preparation(request: Request, status: u16) -> Exchange {
    exchange(request, Expectation::status(status), Expectation::status(status))
}
