//! Emits who is let in: the scopes, the trait that finds out who calls, and how callers are turned away.

use super::http::arm;
use super::server::variant;
use crate::model::{Api, Operation, Response, Scheme};
use crate::print::{docs, rust_source};
use crate::{Error, GeneratedFile, names};

const SERVER: &str = include_str!("../templates/server_admission.rs");
const HTTP: &str = include_str!("../templates/http_admission.rs");

/// What `server/admission.rs` offers.
pub(super) const EXPORTS: [&str; 10] = [
    "Admission",
    "Admitted",
    "BearerToken",
    "Credentials",
    "NotAdmitted",
    "Principal",
    "Scope",
    "Scopes",
    "TryLater",
    "UnknownScope",
];

/// `server/admission.rs`; none where nobody is asked who they are.
pub(super) fn server_file(api: &Api) -> Result<Option<GeneratedFile>, Error> {
    let Some(scheme) = admitting(api) else {
        return Ok(None);
    };
    let variants: String = later(api)?.into_iter().map(variant).collect();
    let code = format!(
        r#"
        use crate::types;
        {scopes}
        {SERVER}
        /// Why a caller is to come again later.
        #[derive(Clone, Debug)]
        pub enum TryLater {{
            {variants}
        }}
        "#,
        scopes = scopes(scheme),
    );
    let text = rust_source("Who is let in, and to what.", &code)?;
    Ok(Some(GeneratedFile::new("server/admission.rs", text)))
}

/// `http/admission.rs`; none where nobody is asked who they are.
pub(super) fn http_file(api: &Api) -> Result<Option<GeneratedFile>, Error> {
    if admitting(api).is_none() {
        return Ok(None);
    }
    let arms: String = later(api)?.into_iter().map(|it| arm(api, None, it)).collect();
    let code = format!(
        r#"
        {HTTP}
        impl TryLater {{
            fn draft(self) -> Result<Draft, HttpError> {{
                Ok(match self {{
                    {arms}
                }})
            }}
        }}
        "#
    );
    let text = rust_source("Lets callers in, or turns them away.", &code)?;
    Ok(Some(GeneratedFile::new("http/admission.rs", text)))
}

/// The scheme, where any operation asks its callers who they are.
pub(super) fn admitting(api: &Api) -> Option<&Scheme> {
    let is_asked = api.operations.iter().any(|it| it.access.is_secured());
    api.scheme.as_ref().filter(|_| is_asked)
}

/// The variant of a scope.
pub(super) fn scope(name: &str) -> String {
    format!("Scope::{}", names::type_name(name))
}

fn scopes(scheme: &Scheme) -> String {
    let variants: String = scheme
        .scopes
        .iter()
        .map(|it| {
            let documentation = docs(&format!("`{}`: {}", it.name, it.description));
            format!("{documentation}{},\n", names::type_name(&it.name))
        })
        .collect();
    let all: Vec<String> = scheme
        .scopes
        .iter()
        .map(|it| format!("Self::{}", names::type_name(&it.name)))
        .collect();
    let words: String = scheme
        .scopes
        .iter()
        .map(|it| format!("Self::{} => {:?},\n", names::type_name(&it.name), it.name))
        .collect();
    format!(
        r#"
        /// Something that a caller may be allowed, as the security scheme `{}` lists it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scope {{
            {variants}
        }}

        impl Scope {{
            /// All of them.
            pub const ALL: [Self; {}] = [{}];

            /// The word of the spec.
            pub fn as_str(self) -> &'static str {{
                match self {{
                    {words}
                }}
            }}
        }}
        "#,
        scheme.name,
        all.len(),
        all.join(", "),
    )
}

/// The answers 429 and 503, which are the same wherever they are declared by operations that ask who calls.
fn later(api: &Api) -> Result<[&Response; 2], Error> {
    let mut declaring = api
        .operations
        .iter()
        .filter(|it| it.access.is_secured())
        .filter_map(|it| Some((it, [it.response(429)?, it.response(503)?])));
    let Some((_, first)) = declaring.next() else {
        return Err(Error::document(
            "no operation that asks who calls declares 429 and 503: there is no way to say that a caller comes too often",
        ));
    };
    match declaring.find(|(_, other)| shape(other) != shape(&first)) {
        None => Ok(first),
        Some((operation, _)) => Err(differs(operation)),
    }
}

fn shape(responses: &[&Response; 2]) -> [Vec<String>; 2] {
    responses.map(|it| {
        let headers = it.headers.iter();
        headers.map(|it| format!("{} {:?}", it.name, it.ty)).collect()
    })
}

fn differs(operation: &Operation) -> Error {
    Error {
        pointer: format!("paths.{}.{}", operation.path_text(), operation.method.key()),
        ..Error::document("429 and 503 have other headers here than elsewhere; the HTTP layer answers them alike")
    }
    .in_operation(&operation.id)
}
