//! How the arguments of a command become a request of the client.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::arguments::{Argument, BODY_FILE, CLEAR, Role, Value};
use crate::model::{Operation, Response};
use crate::names;

/// The type of the body of a success, if it has one.
pub(super) fn success(operation: &Operation) -> Option<Ident> {
    let is_success = |response: &&Response| (200..300).contains(&response.status.code);
    let response = operation.responses.iter().find(is_success)?;
    let body = response.body.as_deref()?;
    Some(format_ident!("{}", names::type_name(body)))
}

/// The statements of `send`.
pub(super) fn body(operation: &Operation, arguments: &[Argument]) -> TokenStream {
    let id = format_ident!("{}", operation.id);
    let mut request = quote! { client.#id() };
    // The calls that depend on whether an argument is given.
    let mut optional = TokenStream::new();
    let mut properties = TokenStream::new();
    for it in arguments {
        let argument = names::field(&it.name);
        match &it.role {
            Role::Parameter { name, required: true } => {
                let setter = names::field(name);
                request.extend(quote! { .#setter(self.#argument) });
            }
            Role::Parameter { name, required: false } => {
                let setter = names::field(name);
                optional.extend(quote! {
                    if let Some(value) = self.#argument {
                        request = request.#setter(value);
                    }
                });
            }
            Role::Property {
                name,
                value,
                is_clearable,
            } => {
                let value = match value {
                    Value::Typed => quote! { self.#argument },
                    Value::Json => quote! { super::arguments::json(self.#argument)? },
                    Value::SecretText => quote! { super::arguments::secret(self.#argument)? },
                    Value::SecretJson => quote! { super::arguments::secret_json(self.#argument)? },
                };
                let value = if *is_clearable {
                    let (flag, clear) = (it.flag(), format_ident!("{CLEAR}"));
                    quote! { super::arguments::patch(#flag, #value, &self.#clear)? }
                } else {
                    value
                };
                properties.extend(quote! { body.set(#name, #value)?; });
            }
            Role::Clear | Role::Body => {}
        }
    }
    let mut body = TokenStream::new();
    if let Some(declared) = &operation.body {
        let (file, schema) = (
            format_ident!("{BODY_FILE}"),
            format_ident!("{}", names::type_name(&declared.schema)),
        );
        let ty = quote! { crate::client::types::#schema };
        let mutable = (!properties.is_empty()).then(|| quote! { mut });
        body.extend(quote! {
            let #mutable body = super::arguments::Body::from_file(self.#file)?;
            #properties
        });
        if declared.required {
            body.extend(quote! { let body: #ty = super::arguments::finish(body)?; });
            request.extend(quote! { .body(body) });
        } else {
            body.extend(quote! { let body: Option<#ty> = super::arguments::finish_unless_empty(body)?; });
            optional.extend(quote! {
                if let Some(body) = body {
                    request = request.body(body);
                }
            });
        }
    }
    if !optional.is_empty() {
        body.extend(quote! {
            let mut request = #request;
            #optional
        });
        request = quote! { request };
    }
    body.extend(match success(operation) {
        Some(_) => quote! { Ok(#request.send().await?.into_inner()) },
        None => quote! {
            #request.send().await?;
            Ok(())
        },
    });
    body
}
