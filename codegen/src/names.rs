//! Converts names of the spec to Rust names. This is the only place that decides what a name becomes.
//!
//! A name that Rust or the generated code already uses gets an underscore at its end: the property `type` becomes the field
//! `type_`. No other name ends in one, so this cannot collide again. Names that callers see, such as those of properties, stay
//! as they are in requests and responses. Operations are the exception: an `operationId` is only a name in code, so one that
//! is in use is an error.

use heck::{ToSnakeCase, ToUpperCamelCase};
use proc_macro2::Ident;
use quote::format_ident;

use crate::Error;
use crate::document::Place;

/// The keywords of Rust 2024, strict and reserved ones.
const KEYWORDS: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super",
    "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// The types, traits and variants that Rust imports everywhere, and that generated code uses by these names.
const PRELUDE: &[&str] = &[
    "AsMut",
    "AsRef",
    "Box",
    "Clone",
    "Copy",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Future",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Vec",
];

/// What `types` exports beside the schemas.
const TYPES: &[&str] = &[
    "ConstraintError",
    "Date",
    "Format",
    "JsonObject",
    "Member",
    "MemberContent",
    "Patch",
    "Quoted",
    "RequestObject",
    "Timestamp",
];

/// The types and traits of `server` beside those of tags and operations.
const SERVER: &[&str] = &[
    "Admission",
    "Admitted",
    "Api",
    "BearerToken",
    "Credentials",
    "GenericApi",
    "Handler",
    "Idempotency",
    "IfMatch",
    "InvalidBody",
    "InvalidIfMatch",
    "KeyedRequest",
    "NotAdmitted",
    "Operation",
    "OperationResponse",
    "ParameterVisitor",
    "Parameters",
    "Principal",
    "Replayable",
    "Request",
    "RequestKey",
    "RequestMetadata",
    "RunningRequests",
    "Scope",
    "Scopes",
    "ServerErrorResponse",
    "Share",
    "StoredResponse",
    "Tagged",
    "TryLater",
    "UnknownScope",
];

/// The types beside those of operations: in `server::generic`, in the files of commands, and in those of the client's requests.
const BESIDE_OPERATIONS: &[&str] = &[
    "Api",
    "Client",
    "ClientHooks",
    "ClientInfo",
    "Command",
    "Error",
    "GenericApi",
    "Handler",
    "Operation",
    "OperationCommand",
    "OperationInfo",
    "ParameterVisitor",
    "Parameters",
    "Request",
    "Response",
    "ResponseValue",
];

/// The methods of the client, of the traits that an implementation also has, and of every type.
const METHODS: &[&str] = &[
    "admit",
    "api_version",
    "as_mut",
    "as_ref",
    "baseurl",
    "builder",
    "call",
    "caller",
    "client",
    "clone",
    "exec",
    "fmt",
    "from",
    "inner",
    "into",
    "into_future",
    "into_iter",
    "new",
    "post",
    "pre",
    "running_requests",
    "share",
    "stored_response",
    "to_owned",
    "to_string",
    "try_from",
    "try_into",
    "type_id",
];

/// The methods and variables of a builder of the client.
const BUILDER: &[&str] = &[
    "body",
    "client",
    "clone",
    "encode_path",
    "exchange",
    "header_map",
    "info",
    "new",
    "request",
    "response",
    "result",
    "send",
    "stream",
    "url",
];

/// The modules of the generated code that have fixed names, and the crates that it uses.
const MODULES: &[&str] = &[
    "admission",
    "alloc",
    "api",
    "arguments",
    "blake2",
    "builder",
    "bytes",
    "chrono",
    "clap",
    "client",
    "constraint",
    "context",
    "core",
    "cross_origin",
    "decode",
    "dropshot",
    "entity_tag",
    "failure",
    "flate2",
    "field_errors",
    "form_urlencoded",
    "fs",
    "futures_util",
    "generated",
    "generic",
    "http",
    "http_body_util",
    "httpmock",
    "idempotency",
    "invalid_body",
    "io",
    "json",
    "members",
    "mock",
    "negotiation",
    "open_enum",
    "opentelemetry",
    "operation",
    "pages",
    "patch",
    "percent_encoding",
    "proc_macro",
    "progenitor_client",
    "regex",
    "regress",
    "request",
    "reqwest",
    "response",
    "routes",
    "schemars",
    "serde",
    "serde_ignored",
    "serde_json",
    "serde_path_to_error",
    "server",
    "service",
    "shared",
    "std",
    "stream",
    "strsim",
    "thiserror",
    "time",
    "tokio",
    "tracing",
    "types",
    "uuid",
];

/// Headers that the HTTP layer writes itself.
const HEADERS: &[&str] = &[
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "allow",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "transfer-encoding",
    "vary",
    "x-request-id",
];

fn escaped(name: String, used: &[&[&str]]) -> String {
    if KEYWORDS.contains(&name.as_str()) || used.iter().any(|used| used.contains(&name.as_str())) {
        name + "_"
    } else {
        name
    }
}

/// The type of a schema, such as `ApiKey` for `APIKey`.
pub(crate) fn type_name(name: &str) -> String {
    escaped(name.to_upper_camel_case(), &[PRELUDE, TYPES])
}

/// A variant of an enum, such as `DeepRed` for `deep-red`.
pub(crate) fn variant(name: &str) -> String {
    escaped(name.to_upper_camel_case(), &[])
}

/// The trait of a tag.
pub(crate) fn trait_name(tag: &str) -> String {
    escaped(tag.to_upper_camel_case(), &[PRELUDE, SERVER])
}

/// The types of an operation begin with this name. [`check_operation`] has ruled out names in use.
pub(crate) fn operation_type(id: &str) -> String {
    id.to_upper_camel_case()
}

/// The module of a tag, or of the commands about a resource.
pub(crate) fn module(name: &str) -> Ident {
    format_ident!("{}", escaped(name.to_owned(), &[MODULES]))
}

/// The field of a property or parameter.
pub(crate) fn field(name: &str) -> Ident {
    format_ident!("{}", escaped(name.to_owned(), &[]))
}

/// The variable for a value of this name, where these other variables are in scope.
pub(crate) fn variable(name: &str, others: &[&str]) -> Ident {
    format_ident!("{}", escaped(name.to_owned(), &[others]))
}

/// The name of the property or parameter with this [`field`].
pub(crate) fn of_field(field: &Ident) -> String {
    field.to_string().trim_end_matches('_').to_owned()
}

/// The field of a response header, such as `retry_after` for `Retry-After`, beside the field of the body.
pub(crate) fn header_field(name: &str) -> Ident {
    format_ident!("{}", escaped(name.to_snake_case(), &[&["body"]]))
}

/// The name of a function or variable.
pub(crate) fn snake_case(name: &str) -> String {
    name.to_snake_case()
}

/// Checks that a name is an identifier in snake case, because Rust, URLs and commands use it unchanged.
pub(crate) fn check_identifier(place: &Place<'_>, name: &str) -> Result<(), Error> {
    let plain = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_')
        && name.to_snake_case() == name;
    if plain {
        Ok(())
    } else {
        Err(place.error(format!(
            "`{name}` becomes a Rust identifier; write it in lower_snake_case"
        )))
    }
}

/// Checks the name of a tag, which is a word for code only.
pub(crate) fn check_tag(place: &Place<'_>, name: &str) -> Result<(), Error> {
    check_identifier(place, name)?;
    check_keyword(place, name)
}

fn check_keyword(place: &Place<'_>, name: &str) -> Result<(), Error> {
    if KEYWORDS.contains(&name) {
        Err(place.error(format!("`{name}` is a keyword of Rust; choose another name")))
    } else {
        Ok(())
    }
}

/// Checks an `operationId`, of which methods, types and a command are made.
pub(crate) fn check_operation(place: &Place<'_>, id: &str) -> Result<(), Error> {
    check_identifier(place, id)?;
    check_keyword(place, id)?;
    let ty = operation_type(id);
    let in_use = if METHODS.contains(&id) {
        Some(format!("a method `{id}`"))
    } else if PRELUDE.contains(&ty.as_str()) || BESIDE_OPERATIONS.contains(&ty.as_str()) {
        Some(format!("a type `{ty}`"))
    } else {
        let types = ["Params", "Path", "Response"].map(|suffix| format!("{ty}{suffix}"));
        let known = types.into_iter().find(|it| SERVER.contains(&it.as_str()));
        known.map(|ty| format!("a type `{ty}`"))
    };
    match in_use {
        None => Ok(()),
        Some(what) => Err(place.error(format!(
            "the generated code already has {what}; choose another operationId than `{id}`"
        ))),
    }
}

/// Checks the name of a parameter, which the client's builder has as a method.
pub(crate) fn check_parameter(place: &Place<'_>, name: &str) -> Result<(), Error> {
    check_identifier(place, name)?;
    if BUILDER.contains(&name) {
        return Err(place.error(format!(
            "the client's builder already has a method or variable `{name}`; rename the parameter `{name}`"
        )));
    }
    Ok(())
}

/// Checks the name of a response header.
pub(crate) fn check_header(place: &Place<'_>, name: &str) -> Result<(), Error> {
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '-');
    if !plain {
        return Err(place.error(format!(
            "`{name}` becomes a Rust identifier; a header must begin with an ASCII letter and have only letters, digits and `-`"
        )));
    }
    if HEADERS.iter().any(|it| name.eq_ignore_ascii_case(it)) {
        return Err(place.error(format!("the HTTP layer writes `{name}` itself; remove the header")));
    }
    Ok(())
}

/// Checks that a name becomes a Rust type or variant.
pub(crate) fn check_type(place: &Place<'_>, name: &str, rust_name: &str) -> Result<(), Error> {
    if !name.chars().all(|it| it.is_ascii_alphanumeric() || "_-.".contains(it)) {
        return Err(place.error(format!(
            "`{name}` becomes a Rust type; use only ASCII letters, digits, `_`, `-` and `.`"
        )));
    }
    if !rust_name.starts_with(|first: char| first.is_ascii_uppercase()) {
        return Err(place.error(format!("`{name}` becomes a Rust type; begin it with an ASCII letter")));
    }
    Ok(())
}

/// The names in one scope of the generated code, each with its place in the spec.
#[derive(Debug, Default)]
pub(crate) struct Scope(std::collections::BTreeMap<String, String>);

impl Scope {
    /// Adds what `place` becomes: `rust_name`, a `kind` such as "type". Returns an error with both places if the scope has it
    /// already.
    pub(crate) fn add(&mut self, kind: &str, rust_name: &str, place: &Place<'_>) -> Result<(), Error> {
        let (line, _) = place.position();
        let own = format!("`{}` (line {line})", place.pointer());
        match self.0.insert(rust_name.to_owned(), own.clone()) {
            Some(other) if other != own => Err(place.error(format!(
                "this and {other} would both become the {kind} `{rust_name}`; rename one"
            ))),
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KEYWORDS, field, module, of_field, type_name, variant};

    #[test]
    fn names_in_use_get_an_underscore() {
        assert_eq!(field("type"), "type_");
        assert_eq!(field("gen"), "gen_");
        assert_eq!(field("kind"), "kind");
        assert_eq!(module("request"), "request_");
        assert_eq!(type_name("option"), "Option_");
        assert_eq!(type_name("self"), "Self_");
        assert_eq!(variant("none"), "None");
        assert_eq!(variant("self"), "Self_");
    }

    #[test]
    fn modules_with_fixed_names_are_in_use() {
        let of_specs = [
            "door", "doors", "leaf", "leaves", "letter", "letters", "sample", "samples", "tree", "trees",
        ];
        for spec in [
            include_str!("../tests/golden/admission/spec/openapi.yaml"),
            include_str!("../tests/golden/bodies/spec/openapi.yaml"),
            include_str!("../tests/golden/routing/spec/openapi.yaml"),
            include_str!("../tests/golden/values/spec/openapi.yaml"),
        ] {
            for file in crate::generate(spec, &[]).expect("the spec is accepted") {
                let name = file.path.rsplit('/').next().and_then(|it| it.strip_suffix(".rs"));
                let name = name.filter(|it| !["lib", "mod"].contains(it) && !of_specs.contains(it));
                if let Some(name) = name {
                    assert_eq!(module(name), format!("{name}_"), "{}", file.path);
                }
            }
        }
    }

    #[test]
    fn the_name_of_a_field_is_found_again() {
        for name in KEYWORDS.iter().copied().chain(["kind"]) {
            assert_eq!(of_field(&field(name)), name);
        }
    }
}
