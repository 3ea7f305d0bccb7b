//! Runs progenitor on the lowered document.
//!
//! progenitor panics on some unsupported documents. `check` returns an error for these first.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use progenitor_impl::{GenerationSettings, Generator, HooksMode, InterfaceStyle, TagStyle};
use quote::quote;
use syn::parse_quote;
use syn::visit_mut::{self, VisitMut};

use super::lowering;
use crate::model::{Api, Operation};
use crate::{Error, error, names};

/// Names that progenitor's code uses without a path.
const IMPORTED: [&str; 5] = ["ClientInfo", "Error", "OperationInfo", "ResponseValue", "encode_path"];

/// The client as progenitor writes it, with the types of `crate::types` instead of its own and every path in full.
pub(super) fn generate(api: &Api, version: &str) -> Result<syn::File, Error> {
    check(api)?;
    let document = lowering::document(api, version)?;
    let tokens = Generator::new(&settings(api)).generate_tokens(&document);
    file(tokens)
}

/// The mock of the service as progenitor writes it, with the same types.
pub(super) fn mock(api: &Api, version: &str) -> Result<syn::File, Error> {
    let document = lowering::document(api, version)?;
    let tokens = Generator::new(&settings(api)).httpmock(&document, "crate");
    file(tokens)
}

fn settings(api: &Api) -> GenerationSettings {
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_tag(TagStyle::Merged)
        .with_hooks(HooksMode::Expected)
        .with_inner_type(quote! { crate::Transport });
    for (component, name) in lowering::replaced_types(api) {
        settings.with_replacement(component, format!("crate::types::{name}"), std::iter::empty());
    }
    settings
}

/// Parses what progenitor wrote.
fn file(tokens: progenitor_impl::Result<TokenStream>) -> Result<syn::File, Error> {
    let tokens = tokens.map_err(|error| Error::document(format!("progenitor rejects the document: {error}")))?;
    let mut file = syn::parse2(tokens).map_err(|error| {
        Error::document(format!(
            "progenitor wrote code that does not parse ({error}); this is a bug in progenitor"
        ))
    })?;
    FullPaths.visit_file_mut(&mut file);
    Ok(file)
}

/// Writes the paths of progenitor's code in full.
struct FullPaths;

impl VisitMut for FullPaths {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        visit_mut::visit_path_mut(self, path);
        let Some(first) = path.segments.first().map(|it| it.ident.to_string()) else {
            return;
        };
        match first.as_str() {
            "progenitor_client" | "regex" | "reqwest" | "std" if path.segments.len() > 1 => {
                path.leading_colon = parse_quote! { :: }
            }
            name if IMPORTED.contains(&name) => {
                path.leading_colon = parse_quote! { :: };
                path.segments.insert(0, parse_quote! { progenitor_client });
            }
            _ => {}
        }
    }

    /// progenitor does not know the keywords of the 2024 edition, and escapes the others in the same way.
    fn visit_ident_mut(&mut self, ident: &mut syn::Ident) {
        if ident == "gen" {
            *ident = names::field("gen");
        }
    }

    /// Attributes hold no paths that are kept.
    fn visit_attribute_mut(&mut self, _: &mut syn::Attribute) {}
}

fn check(api: &Api) -> Result<(), Error> {
    error::all(
        api.operations
            .iter()
            .map(|operation| check_operation(operation).map_err(|error| error.in_operation(&operation.id))),
    )
    .map(|_| ())
}

fn check_operation(operation: &Operation) -> Result<(), Error> {
    let (errors, successes): (Vec<_>, Vec<_>) = operation
        .responses
        .iter()
        .partition(|response| response.status.code >= 400);
    if let Some(other) = successes
        .iter()
        .find(|response| !(200..300).contains(&response.status.code))
    {
        return Err(Error::document(format!(
            "{} is neither a success nor an error; the client supports only these",
            other.status.code
        )));
    }
    if successes.is_empty() {
        return Err(Error::document(
            "no success is declared; the client needs one to return",
        ));
    }
    for (kind, responses) in [("successes", successes), ("errors", errors)] {
        let bodies: BTreeSet<_> = responses.iter().map(|response| &response.body).collect();
        if bodies.len() > 1 {
            return Err(Error::document(format!(
                "its {kind} have bodies of {} types; the client needs a single type",
                bodies.len()
            )));
        }
    }
    Ok(())
}
