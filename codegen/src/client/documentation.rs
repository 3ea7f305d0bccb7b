//! Documents the client with the texts of the spec.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{Api, Operation};
use crate::names;
use crate::print;

/// Documents the method of the client that starts a request.
pub(super) fn method(operation: &Operation) -> TokenStream {
    let mut text = operation.summary.clone();
    if let Some(description) = &operation.description {
        text.push_str("\n\n");
        text.push_str(description);
    }
    print::doc(&text)
}

/// Documents the builder that the method returns.
pub(super) fn builder(operation: &Operation) -> TokenStream {
    let text = print::doc(&format!("The request `{}`: {}", operation.id, operation.summary));
    // Not escaped, because this is a link.
    let link = format!(" Created by [`Client::{0}`](crate::Client::{0}).", operation.id);
    quote! { #text #[doc = ""] #[doc = #link] }
}

/// Documents the setter of a parameter or of the body.
pub(super) fn setter(api: &Api, operation: &Operation, name: &str) -> TokenStream {
    let parameter = operation.parameters.iter().find(|it| it.identifier() == name);
    let text = match (parameter, &operation.body) {
        (Some(parameter), _) => {
            let mut text = match &parameter.description {
                Some(description) => description.clone(),
                None => format!("The parameter `{name}`."),
            };
            if let Some(default) = &parameter.default {
                text.push_str(&format!("\n\nThe default is `{default}`."));
            }
            text
        }
        (None, Some(body)) => {
            let mut text = match api.schema(&body.schema) {
                Some(schema) => schema.description.clone(),
                None => "The body.".to_owned(),
            };
            if !body.required {
                text.push_str("\n\nIf it is not set, the request has no body.");
            }
            text
        }
        (None, None) => format!("The parameter `{name}`."),
    };
    print::doc(&text)
}

/// Documents the method that sends the request.
pub(super) fn send(operation: &Operation) -> TokenStream {
    let mut text = format!("Sends `{} {}`.", operation.method.token(), operation.path_text());
    for response in &operation.responses {
        if response.status.code < 400 {
            text.push_str(&format!("\n\n`{}`: {}", response.status.code, response.description));
        }
    }
    text.push_str(
        "\n\n# Errors\n\nReturns an error if the request is incomplete, if there is no response, or if the response is \
         not declared.",
    );
    let errors: Vec<_> = operation
        .responses
        .iter()
        .filter(|response| response.status.code >= 400)
        .collect();
    if !errors.is_empty() {
        text.push_str(" The service returns these errors:");
    }
    for response in errors {
        text.push_str(&format!("\n\n`{}`: {}", response.status.code, response.description));
    }
    print::doc(&text)
}

/// Documents a variant of the enum of operations.
pub(super) fn variant(operation: &Operation) -> TokenStream {
    print::doc(&format!("`{}`: {}", operation.id, operation.summary))
}

/// Documents the client itself.
pub(super) fn client(title: &str, description: &str) -> TokenStream {
    print::doc(&format!("A client of the {title}.\n\n{description}"))
}

/// The module documentation of the file of a tag.
pub(super) fn tag(api: &Api, tag: &str) -> String {
    let description = api
        .tags
        .iter()
        .find(|it| it.name == tag)
        .map_or_else(String::new, |it| it.description.clone());
    format!("The requests of the tag `{tag}`: {description}")
}

/// The type name of an operation's builder, also the name of its enum variant.
pub(super) fn type_name(operation: &Operation) -> proc_macro2::Ident {
    quote::format_ident!("{}", names::operation_type(&operation.id))
}
