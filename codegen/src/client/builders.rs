//! Writes the builder of each operation: a struct, its setters and `send`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::documentation;
use super::list;
use super::parts::{Builder, Field};
use super::send;
use crate::Error;
use crate::model::{Api, Operation};
use crate::names;

/// The builder of one operation. `error` is the type of every error body.
pub(super) fn builder(
    api: &Api,
    operation: &Operation,
    part: &Builder,
    error: &TokenStream,
) -> Result<TokenStream, Error> {
    let name = format_ident!("{}", names::operation_type(&operation.id));
    let documentation = documentation::builder(operation);
    let fields = fields(operation, part);
    let declarations = fields.iter().map(|(Field { name, ty, .. }, required)| {
        if *required {
            quote! { #name: Result<#ty, String> }
        } else {
            quote! { #name: Result<Option<#ty>, String> }
        }
    });
    let initial = fields.iter().map(|(Field { name, .. }, required)| {
        if *required {
            let message = format!("`{}` is missing", names::of_field(name));
            quote! { #name: Err(#message.to_owned()) }
        } else {
            quote! { #name: Ok(None) }
        }
    });
    let setters = fields
        .iter()
        .map(|(field, required)| setter(api, operation, field, *required));
    let success = send::success_type(operation, &part.send)?;
    let send_documentation = documentation::send(operation);
    let exchange = send::body(api, operation, &part.send)?;
    let stream = list::items(api, operation).map(list::stream);
    Ok(quote! {
        #documentation
        #[derive(Clone, Debug)]
        pub struct #name<'a> {
            client: &'a crate::generated::Client,
            #(#declarations,)*
        }

        impl<'a> #name<'a> {
            pub(crate) fn new(client: &'a crate::generated::Client) -> Self {
                Self { client, #(#initial,)* }
            }

            #(#setters)*

            #send_documentation
            pub async fn send(self) -> Result<::progenitor_client::ResponseValue<#success>, crate::Error> {
                self.client.inner.prepare().await?;
                Ok(self.exchange().await?)
            }

            #stream

            async fn exchange(self) -> Result<
                ::progenitor_client::ResponseValue<#success>,
                ::progenitor_client::Error<#error>,
            > {
                #exchange
            }
        }
    })
}

/// The fields in the order of the spec, and whether each must be set. progenitor sorts parameters by name, and treats every
/// body as required.
fn fields<'a>(operation: &Operation, part: &'a Builder) -> Vec<(&'a Field, bool)> {
    let place = |field: &Field| {
        operation
            .parameters
            .iter()
            .position(|parameter| field.name == names::field(&parameter.identifier()))
            .unwrap_or(operation.parameters.len())
    };
    let mut fields: Vec<_> = part
        .fields
        .iter()
        .map(|field| match &operation.body {
            Some(body) if field.name == "body" => (field, body.required),
            Some(_) | None => (field, field.required),
        })
        .collect();
    fields.sort_by_key(|(field, _)| place(field));
    fields
}

fn setter(api: &Api, operation: &Operation, field: &Field, required: bool) -> TokenStream {
    let Field { name, ty, .. } = field;
    let wire_name = names::of_field(name);
    let documentation = documentation::setter(api, operation, &wire_name);
    let wrap = (!required).then(|| quote! { .map(Some) });
    let message = format!("`{wire_name}`: {{error}}");
    quote! {
        #documentation
        pub fn #name<V>(mut self, value: V) -> Self
        where
            V: TryInto<#ty, Error: ::std::fmt::Display>,
        {
            self.#name = value.try_into() #wrap .map_err(|error| format!(#message));
            self
        }
    }
}
