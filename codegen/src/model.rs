//! The model of a spec: the output of `read`, and the input of every emitter.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::names;

/// The values of `ErrorCode` that the HTTP layer itself returns.
pub(crate) const ERROR_CODES: [&str; 5] = [
    "invalid_input",
    "not_found",
    "method_not_allowed",
    "payload_too_large",
    "unsupported_media_type",
];

/// The values of `ErrorCode` with which the HTTP layer rejects callers, if any operation authenticates them.
pub(crate) const CALLER_ERROR_CODES: [&str; 2] = ["unauthorized", "forbidden"];

/// The values of `ErrorCode` with which the HTTP layer rejects requests with an `Idempotency-Key`.
pub(crate) const KEY_ERROR_CODES: [&str; 2] = ["conflict", "idempotency_key_reused"];

/// A whole API.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    /// In the order of the spec.
    pub(crate) tags: Vec<Tag>,
    /// In the order of the spec.
    pub(crate) operations: Vec<Operation>,
    /// In the order of the spec.
    pub(crate) schemas: Vec<Schema>,
    /// The security scheme, if there is one.
    pub(crate) scheme: Option<Scheme>,
}

/// A security scheme: access tokens, each with some of these scopes.
#[derive(Clone, Debug)]
pub(crate) struct Scheme {
    pub(crate) name: String,
    /// In the order of the spec.
    pub(crate) scopes: Vec<Scope>,
}

/// A scope of an access token.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) name: String,
    pub(crate) description: String,
}

/// A group of operations; each gets a trait and a file.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) description: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) tag: String,
    pub(crate) method: Method,
    pub(crate) path: Vec<Segment>,
    pub(crate) summary: String,
    pub(crate) description: Option<String>,
    /// In the order of the spec; path parameters in the order of the path, before all others.
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<Body>,
    /// In the order of the spec.
    pub(crate) responses: Vec<Response>,
    pub(crate) conditions: Conditions,
    /// `None` if the operation takes no `Idempotency-Key`.
    pub(crate) idempotency: Option<Idempotency>,
    pub(crate) access: Access,
}

/// How an operation repeats the response to a request with an `Idempotency-Key`. The HTTP layer reads the header, and
/// returns 422, the repeated response with `Idempotency-Replayed`, and 409 with `Retry-After`. 422 and the two headers are
/// not among the responses, because the implementation does not see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Idempotency {
    /// `false` if the success is not repeated, because it contains a secret. A repeated request then gets 409.
    pub(crate) is_replayed: bool,
}

/// What an operation has to do with entity tags (RFC 9110, section 13). The HTTP layer writes `ETag` and 304, so they are
/// not among the headers and responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Conditions {
    /// No success has an entity tag, and no precondition is checked.
    None,
    /// A read: the 200 has an entity tag, and a caller that has the current response gets 304.
    Read,
    /// A change.
    Change {
        /// Whether its successes have an entity tag.
        is_tagged: bool,
        /// The schema of the record whose entity tag `If-Match` is compared with, if the operation has this parameter.
        precondition: Option<String>,
    },
}

/// Who may call an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everyone, without a token.
    Open,
    /// Callers with a token that has all scopes of one of these alternatives.
    Secured(Vec<Vec<String>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    Literal(String),
    Variable(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) location: Location,
    pub(crate) description: Option<String>,
    pub(crate) required: bool,
    pub(crate) ty: Type,
    /// The text that is used for an absent parameter.
    pub(crate) default: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    Path,
    Query,
    Header(HeaderParameter),
}

/// A header that an operation can have as a parameter. Each has its own rules, so there are no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderParameter {
    /// The entity tags of the record to change, as a typed precondition for the implementation.
    IfMatch,
    /// The entity tags of earlier responses. Only the HTTP layer sees them.
    IfNoneMatch,
    /// Identifies a request and its repetitions. Only the HTTP layer sees it.
    IdempotencyKey,
}

#[derive(Clone, Debug)]
pub(crate) struct Body {
    /// `false` if the body may be absent.
    pub(crate) required: bool,
    /// The name of a schema.
    pub(crate) schema: String,
    /// A JSON Merge Patch (RFC 7396), the body of every `PATCH`.
    pub(crate) is_merge_patch: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: Status,
    pub(crate) description: String,
    /// The name of a schema; `None` for a response without a body.
    pub(crate) body: Option<String>,
    pub(crate) headers: Vec<Header>,
}

#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) ty: Type,
}

/// A status code that has a name in the IANA registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: u16,
    /// The registered phrase as a Rust variant, such as `NotFound`.
    pub(crate) variant: &'static str,
    /// The constant of `http::StatusCode`.
    pub(crate) constant: &'static str,
}

/// The type of a property, parameter or item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// A schema of the document, by its name there.
    Named(String),
    String,
    Boolean,
    Integer(Width),
    Number,
    Formatted(Format),
    Array(Box<Type>),
    /// An object with any properties.
    FreeForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    I32,
    I64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Uuid,
    Date,
    DateTime,
}

/// A schema under `components/schemas`.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) kind: Kind,
    /// `x-max-bytes` of an object: the implementation ends a list before its JSON has more bytes.
    pub(crate) max_bytes: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Object(Vec<Property>),
    Enumeration(Vec<String>),
    Text(TextRules),
    Integer(IntegerRules),
    Formatted(Format),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct TextRules {
    pub(crate) minimum_length: Option<usize>,
    pub(crate) maximum_length: Option<usize>,
    pub(crate) pattern: Option<String>,
    /// `format: password`: never shown.
    pub(crate) secret: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct IntegerRules {
    pub(crate) width: Width,
    pub(crate) minimum: Option<i64>,
    pub(crate) maximum: Option<i64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Property {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) ty: Type,
    pub(crate) required: bool,
    pub(crate) nullable: bool,
    pub(crate) default: Option<Value>,
    /// Only for a list or a free-form object, and only in requests.
    pub(crate) bound: Option<Bound>,
    /// `false` if a change of the property does not change the entity tag of the object.
    pub(crate) in_entity_tag: bool,
}

/// The bound of a list or of a free-form object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// `minItems` and `maxItems`.
    Items { minimum: usize, maximum: usize },
    /// `x-max-bytes` and `x-max-levels`. JSON Schema has no keyword for them.
    Json { max_bytes: usize, max_levels: usize },
}

impl TextRules {
    /// Is any text at all allowed?
    pub(crate) fn is_unconstrained(&self) -> bool {
        self.minimum_length.is_none() && self.maximum_length.is_none() && self.pattern.is_none()
    }
}

impl IntegerRules {
    /// Is any number of this width allowed?
    pub(crate) fn is_unconstrained(&self) -> bool {
        self.minimum.is_none() && self.maximum.is_none()
    }
}

impl Api {
    /// The schema with this name. Reading the spec has checked that every reference has one.
    pub(crate) fn schema(&self, name: &str) -> Option<&Schema> {
        self.schemas.iter().find(|schema| schema.name == name)
    }

    /// The schemas with these names, and all that they refer to.
    pub(crate) fn reachable(&self, mut open: Vec<String>) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        while let Some(name) = open.pop() {
            if seen.insert(name.clone())
                && let Some(schema) = self.schema(&name)
            {
                open.extend(schema.references().into_iter().map(str::to_owned));
            }
        }
        seen
    }

    /// The schemas of the values that a request body can contain.
    pub(crate) fn in_requests(&self) -> BTreeSet<String> {
        let bodies = self.operations.iter().filter_map(|it| it.body.as_ref());
        self.reachable(bodies.map(|body| body.schema.clone()).collect())
    }

    /// The schemas that an operation returns with an entity tag.
    pub(crate) fn tagged(&self) -> BTreeSet<&str> {
        let tagged = self.operations.iter().filter(|it| it.conditions.are_tagged());
        let successes = tagged.flat_map(|it| &it.responses).filter(|it| it.status.code < 300);
        successes.filter_map(|it| it.body.as_deref()).collect()
    }

    /// Whether the schema is that of a merge patch. No other value has such a schema.
    pub(crate) fn is_merge_patch(&self, schema: &str) -> bool {
        let mut bodies = self.operations.iter().filter_map(|it| it.body.as_ref());
        bodies.any(|body| body.is_merge_patch && body.schema == schema)
    }

    /// The operations of a tag, in the order of the spec.
    pub(crate) fn operations_of<'a>(&'a self, tag: &'a Tag) -> impl Iterator<Item = &'a Operation> {
        self.operations
            .iter()
            .filter(move |operation| operation.tag == tag.name)
    }
}

impl Schema {
    /// The schemas that the properties of this one refer to.
    pub(crate) fn references(&self) -> Vec<&str> {
        match &self.kind {
            Kind::Object(properties) => properties.iter().filter_map(|it| it.ty.named()).collect(),
            Kind::Enumeration(_) | Kind::Text(_) | Kind::Integer(_) | Kind::Formatted(_) => Vec::new(),
        }
    }
}

impl Type {
    /// The schema of this type, or of the items of the list.
    pub(crate) fn named(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::Array(items) => items.named(),
            Self::String | Self::Boolean | Self::Integer(_) | Self::Number | Self::Formatted(_) | Self::FreeForm => {
                None
            }
        }
    }
}

impl Parameter {
    /// The name in code, before [`names::field`](crate::names::field) escapes it: `if_match` for `If-Match`.
    pub(crate) fn identifier(&self) -> String {
        match self.location {
            Location::Path | Location::Query => self.name.clone(),
            Location::Header(_) => names::snake_case(&self.name),
        }
    }
}

impl HeaderParameter {
    pub(crate) const ALL: [Self; 3] = [Self::IfMatch, Self::IfNoneMatch, Self::IdempotencyKey];

    /// The name of the header, as the spec writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::IfMatch => "If-Match",
            Self::IfNoneMatch => "If-None-Match",
            Self::IdempotencyKey => "Idempotency-Key",
        }
    }
}

impl Conditions {
    /// Do the successes have an entity tag?
    pub(crate) fn are_tagged(&self) -> bool {
        match self {
            Self::None => false,
            Self::Read => true,
            Self::Change { is_tagged, .. } => *is_tagged,
        }
    }

    /// The schema of the record whose entity tag `If-Match` is compared with.
    pub(crate) fn precondition(&self) -> Option<&str> {
        match self {
            Self::None | Self::Read => None,
            Self::Change { precondition, .. } => precondition.as_deref(),
        }
    }
}

impl Operation {
    /// The parameters that the implementation sees.
    pub(crate) fn implementation_parameters(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|it| match it.location {
            Location::Path | Location::Query | Location::Header(HeaderParameter::IfMatch) => true,
            Location::Header(HeaderParameter::IfNoneMatch | HeaderParameter::IdempotencyKey) => false,
        })
    }

    /// The responses that the implementation can return. 401 and 429 of a secured operation come from the HTTP layer, and
    /// so does 422 of an operation that takes an `Idempotency-Key`.
    pub(crate) fn implementation_responses(&self) -> impl Iterator<Item = &Response> {
        let (is_secured, is_keyed) = (self.access.is_secured(), self.idempotency.is_some());
        self.responses.iter().filter(move |it| match it.status.code {
            401 | 429 => !is_secured,
            422 => !is_keyed,
            _ => true,
        })
    }

    /// The response of a success. Reading the spec has checked that there is one.
    pub(crate) fn success(&self) -> Option<&Response> {
        self.responses.iter().find(|it| it.status.code < 400)
    }

    /// Does the operation declare 429 and 503? If not, its implementation is told that the caller should try again later.
    pub(crate) fn declares_later(&self) -> bool {
        self.response(429).is_some()
    }

    /// Does the HTTP layer reject invalid bodies? If not, the implementation gets the body as a `Result`.
    pub(crate) fn rejects_bodies(&self) -> bool {
        self.response(413).is_some()
    }

    /// The response with this status, if the operation declares it.
    pub(crate) fn response(&self, code: u16) -> Option<&Response> {
        self.responses.iter().find(|response| response.status.code == code)
    }

    /// The path as the spec writes it.
    pub(crate) fn path_text(&self) -> String {
        path_text(&self.path)
    }
}

/// A path as the spec writes it.
pub(crate) fn path_text(path: &[Segment]) -> String {
    path.iter()
        .map(|segment| match segment {
            Segment::Literal(text) => format!("/{text}"),
            Segment::Variable(name) => format!("/{{{name}}}"),
        })
        .collect()
}

impl Access {
    pub(crate) fn is_secured(&self) -> bool {
        match self {
            Self::Open => false,
            Self::Secured(_) => true,
        }
    }
}

impl Method {
    pub(crate) const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The key of the method in a path item.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    /// The method as HTTP writes it, which is also its constant of `http::Method`.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}
