//! Emits how callers are authenticated and authorized: the scopes, the trait `Admission`, and its HTTP side.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::http::{arm, template};
use super::server::variant;
use super::template::prune;
use crate::model::{Api, Operation, Response, Scheme};
use crate::print::{doc, rust_file};
use crate::{Error, GeneratedFile, names};

const SERVER: &str = include_str!("../templates/server_admission.rs");
const HTTP: &str = include_str!("../templates/http_admission.rs");

/// What `server/admission.rs` exports.
pub(super) const EXPORTS: [&str; 11] = [
    "Admission",
    "Admitted",
    "BearerToken",
    "Credentials",
    "NotAdmitted",
    "Principal",
    "Scope",
    "Scopes",
    "Share",
    "TryLater",
    "UnknownScope",
];

/// `server/admission.rs`, if any operation is secured.
pub(super) fn server_file(api: &Api) -> Result<Option<GeneratedFile>, Error> {
    let Some(scheme) = admitting(api) else {
        return Ok(None);
    };
    let variants = later(api)?.map(|it| variant(api, it));
    let scopes = scopes(scheme);
    let template = template(SERVER)?;
    let text = rust_file(
        "How callers are authenticated and authorized.",
        quote! {
            use crate::types;

            #scopes
            #template

            /// Why a caller should try again later.
            #[derive(Clone, Debug)]
            pub enum TryLater {
                #(#variants),*
            }
        },
    )?;
    Ok(Some(GeneratedFile::new("server/admission.rs", text)))
}

/// `http/admission.rs`, if any operation is secured, with what the other code uses of it.
pub(super) fn http_file(api: &Api, code: &str) -> Result<Option<GeneratedFile>, Error> {
    if admitting(api).is_none() {
        return Ok(None);
    }
    let arms = later(api)?.map(|it| arm(api, None, it));
    let later = quote! {
        impl TryLater {
            fn into_pending(self) -> Result<PendingResponse, HttpError> {
                Ok(match self {
                    #(#arms)*
                })
            }
        }
    };
    let (text, _) = prune(&format!("{HTTP}\n{later}"), code)?;
    Ok(Some(GeneratedFile::new("http/admission.rs", text)))
}

/// The security scheme, if any operation is secured.
pub(super) fn admitting(api: &Api) -> Option<&Scheme> {
    let is_secured = api.operations.iter().any(|it| it.access.is_secured());
    api.scheme.as_ref().filter(|_| is_secured)
}

/// The slice of the alternatives, each a slice of scopes.
pub(super) fn required_scopes(alternatives: &[Vec<String>]) -> TokenStream {
    let alternatives = alternatives.iter().map(|scopes| {
        let variants = scopes.iter().map(|it| format_ident!("{}", names::variant(it)));
        quote! { &[#(crate::server::Scope::#variants),*] }
    });
    quote! { &[#(#alternatives),*] }
}

fn scopes(scheme: &Scheme) -> TokenStream {
    let documentation = doc(&format!("A scope of the security scheme `{}`.", scheme.name));
    let names: Vec<&str> = scheme.scopes.iter().map(|it| it.name.as_str()).collect();
    let variants: Vec<_> = names.iter().map(|it| format_ident!("{}", names::variant(it))).collect();
    let documentations = scheme
        .scopes
        .iter()
        .map(|it| doc(&format!("`{}`: {}", it.name, it.description)));
    let count = Literal::usize_unsuffixed(variants.len());
    quote! {
        #documentation
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scope {
            #(#documentations #variants),*
        }

        impl Scope {
            /// All scopes, in the order of the spec.
            pub const ALL: [Self; #count] = [#(Self::#variants),*];

            /// The name of the scope in the spec.
            pub fn as_str(self) -> &'static str {
                match self {
                    #(Self::#variants => #names,)*
                }
            }
        }
    }
}

/// The responses 429 and 503, which all secured operations that declare both declare in the same form.
fn later(api: &Api) -> Result<[&Response; 2], Error> {
    let mut declaring = api
        .operations
        .iter()
        .filter(|it| it.access.is_secured())
        .filter_map(|it| Some((it, [it.response(429)?, it.response(503)?])));
    let Some((_, first)) = declaring.next() else {
        return Err(Error::document(
            "no secured operation declares 429 and 503, so a caller that sends too many requests cannot be rejected",
        ));
    };
    match declaring.find(|(_, other)| form(other) != form(&first)) {
        None => Ok(first),
        Some((operation, _)) => Err(differs(operation)),
    }
}

fn form(responses: &[&Response; 2]) -> [Vec<String>; 2] {
    responses.map(|it| {
        let headers = it.headers.iter();
        headers.map(|it| format!("{} {:?}", it.name, it.ty)).collect()
    })
}

fn differs(operation: &Operation) -> Error {
    Error::document(
        "429 and 503 have other headers here than in other operations; the HTTP layer responds with the same headers \
         everywhere",
    )
    .in_operation(&operation.id)
}
