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
use crate::Error;
use crate::model::{Api, Operation};
use crate::names;

/// Names of a builder's own methods and variables.
const RESERVED_PARAMETERS: [&str; 7] = ["body", "client", "header_map", "info", "new", "send", "stream"];

/// Names of the client's own methods and, as types, of the types that the builders' files use.
const RESERVED_OPERATIONS: [&str; 18] = [
    "api_version",
    "baseurl",
    "builder",
    "client",
    "client_hooks",
    "client_info",
    "error",
    "exec",
    "header_value",
    "inner",
    "new",
    "operation_info",
    "option",
    "post",
    "pre",
    "response_value",
    "result",
    "string",
];

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
    for schema in &api.schemas {
        let name = names::type_name(&schema.name);
        settings.with_replacement(&name, format!("crate::types::{name}"), std::iter::empty());
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
            "progenitor_client" | "regex" | "reqwest" | "std" => path.leading_colon = parse_quote! { :: },
            name if IMPORTED.contains(&name) => {
                path.leading_colon = parse_quote! { :: };
                path.segments.insert(0, parse_quote! { progenitor_client });
            }
            _ => {}
        }
    }

    /// Attributes hold no paths that are kept.
    fn visit_attribute_mut(&mut self, _: &mut syn::Attribute) {}
}

fn check(api: &Api) -> Result<(), Error> {
    let mut builders = BTreeSet::new();
    for operation in &api.operations {
        let mut checked = check_operation(operation);
        if !builders.insert(names::type_name(&operation.id)) {
            checked = Err(Error::document(
                "another operation has a builder with the same name; rename one",
            ));
        }
        checked.map_err(|error| {
            let place = Error {
                pointer: format!("paths.{}.{}", operation.path_text(), operation.method.key()),
                ..error
            };
            place.in_operation(&operation.id)
        })?;
    }
    Ok(())
}

fn check_operation(operation: &Operation) -> Result<(), Error> {
    if RESERVED_OPERATIONS.contains(&operation.id.as_str()) {
        return Err(Error::document(
            "the client already has a method or type with this name; choose another operationId",
        ));
    }
    if let Some(parameter) = operation
        .parameters
        .iter()
        .find(|parameter| RESERVED_PARAMETERS.contains(&parameter.name.as_str()))
    {
        return Err(Error::document(format!(
            "the client's builder already has a method or variable `{0}`; rename the parameter `{0}`",
            parameter.name
        )));
    }
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
