//! Documents the client in the words of the spec.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Attribute;
use syn::parse::Parser;

use crate::Error;
use crate::model::{Api, Operation};
use crate::names;
use crate::print;

/// The method of the client that starts a request.
pub(super) fn method(operation: &Operation) -> Result<TokenStream, Error> {
    let mut text = operation.summary.clone();
    if let Some(description) = &operation.description {
        text.push_str("\n\n");
        text.push_str(description);
    }
    attributes(&text)
}

/// The builder that the method returns.
pub(super) fn builder(operation: &Operation) -> Result<TokenStream, Error> {
    let text = format!("The request `{}`: {}", operation.id, operation.summary);
    let mut tokens = attributes(&text)?;
    // A link: printing escapes the brackets of the spec's texts, but this one is the generator's own.
    let link = format!(" Made by [`Client::{0}`](crate::Client::{0}).", operation.id);
    tokens.extend(quote! { #[doc = ""] #[doc = #link] });
    Ok(tokens)
}

/// The setter of a parameter, or of the body.
pub(super) fn setter(api: &Api, operation: &Operation, name: &str) -> Result<TokenStream, Error> {
    let parameter = operation.parameters.iter().find(|it| it.name == name);
    let text = match (parameter, &operation.body) {
        (Some(parameter), _) => {
            let mut text = match &parameter.description {
                Some(description) => description.clone(),
                None => format!("The parameter `{name}`."),
            };
            if let Some(default) = &parameter.default {
                text.push_str(&format!("\n\nWhere it is not set, the service takes `{default}`."));
            }
            text
        }
        (None, Some(body)) => {
            let mut text = match api.schema(&body.schema) {
                Some(schema) => schema.description.clone(),
                None => "The body.".to_owned(),
            };
            if !body.required {
                text.push_str("\n\nWhere it is not set, the request has no body.");
            }
            text
        }
        (None, None) => format!("The parameter `{name}`."),
    };
    attributes(&text)
}

/// The method that sends the request.
pub(super) fn send(operation: &Operation) -> Result<TokenStream, Error> {
    let mut text = format!("Sends `{} {}`.", operation.method.token(), operation.path_text());
    for response in &operation.responses {
        if response.status.code < 400 {
            text.push_str(&format!("\n\n`{}`: {}", response.status.code, response.description));
        }
    }
    text.push_str(
        "\n\n# Errors\n\nFails where the request is not complete, where no answer comes, and where one comes that is not \
         declared.",
    );
    let errors: Vec<_> = operation
        .responses
        .iter()
        .filter(|response| response.status.code >= 400)
        .collect();
    if !errors.is_empty() {
        text.push_str(" Besides, the service answers:");
    }
    for response in errors {
        text.push_str(&format!("\n\n`{}`: {}", response.status.code, response.description));
    }
    attributes(&text)
}

/// A variant of the enum of operations.
pub(super) fn variant(operation: &Operation) -> Result<TokenStream, Error> {
    attributes(&format!("`{}`: {}", operation.id, operation.summary))
}

/// The client itself.
pub(super) fn client(title: &str, description: &str) -> Result<TokenStream, Error> {
    attributes(&format!("A client of the {title}.\n\n{description}"))
}

/// The name of a module's file and its first line.
pub(super) fn of_tag(api: &Api, tag: &str) -> String {
    let description = api
        .tags
        .iter()
        .find(|it| it.name == tag)
        .map_or_else(String::new, |it| it.description.clone());
    format!("The requests of the tag `{tag}`: {description}")
}

fn attributes(text: &str) -> Result<TokenStream, Error> {
    let attributes = Attribute::parse_outer
        .parse_str(&print::docs(text))
        .map_err(|error| Error::document(format!("`{text}` makes no documentation: {error}")))?;
    Ok(quote! { #(#attributes)* })
}

/// The name of an operation's builder and variant.
pub(super) fn type_name(operation: &Operation) -> proc_macro2::Ident {
    quote::format_ident!("{}", names::type_name(&operation.id))
}
