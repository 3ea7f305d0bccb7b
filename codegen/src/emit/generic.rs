//! Emits `server/generic.rs`: the whole API from one generic handler, for tests and decorators.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::admission;
use super::idempotency::is_any_keyed;
use super::server::{
    body_type, bound, is_optional, keyed_type, params_name, principal_type, response_name, tags, trait_name,
};
use crate::model::{Api, Operation, Parameter, Tag};
use crate::print::{doc, rust_file};
use crate::{Error, GeneratedFile, names};

/// `server/generic.rs`.
pub(super) fn file(api: &Api) -> Result<GeneratedFile, Error> {
    let is_secured = admission::admitting(api).is_some();
    let bound = bound(api.operations.iter());
    let identity = |implementation: TokenStream| {
        if is_secured {
            quote! { #implementation::Identity }
        } else {
            quote! { () }
        }
    };
    let (of_self, of_api, of_handler) = (
        identity(quote! { Self }),
        identity(quote! { A }),
        identity(quote! { H }),
    );
    let admission = is_secured.then(|| {
        quote! {
            impl<H: super::Admission> super::Admission for GenericApi<H> {
                type Identity = H::Identity;
                type Share = H::Share;

                fn admit(
                    &self,
                    metadata: &super::RequestMetadata,
                    operation: &'static str,
                    credentials: super::Credentials,
                ) -> impl Future<Output = Result<super::Admitted<H::Identity>, super::NotAdmitted>> + Send {
                    self.0.admit(metadata, operation, credentials)
                }

                fn share(&self, identity: &H::Identity) -> H::Share {
                    self.0.share(identity)
                }
            }
        }
    });
    let is_keyed = is_any_keyed(api);
    let idempotency = is_keyed.then(|| {
        quote! {
            impl<H: super::Idempotency> super::Idempotency for GenericApi<H> {
                fn caller(identity: &H::Identity) -> Vec<u8> {
                    H::caller(identity)
                }

                fn running_requests(&self) -> &super::RunningRequests {
                    self.0.running_requests()
                }

                fn stored_response(
                    &self,
                    metadata: &super::RequestMetadata,
                    key: &super::RequestKey,
                ) -> impl Future<Output = Result<Option<super::StoredResponse>, super::ServerErrorResponse>> + Send {
                    self.0.stored_response(metadata, key)
                }
            }
        }
    });
    let keyed_field = is_keyed.then(|| {
        quote! {
            /// The request with its key.
            pub keyed: O::Keyed,
        }
    });
    let keyed_type = is_keyed.then(|| {
        quote! {
            /// The request with its `Idempotency-Key`; `()` if the operation takes none.
            type Keyed: Send;
        }
    });
    let parameters = api.operations.iter().filter_map(parameters);
    let operations = api.operations.iter().map(|it| operation(it, is_keyed, &of_api));
    let implementations = tags(api).map(|tag| implementation(api, tag, &bound, &of_handler));
    let text = rust_file(
        "The whole API from one generic handler. Use it for what is the same for every operation: recording calls, checking \
         what they hold, passing them on.",
        quote! {
            /// An operation of the API, as a type.
            pub trait Operation: Sized + Send + Sync + 'static {
                /// The `operationId`.
                const ID: &'static str;

                /// The authorized caller as the method takes it; `()` if the operation has no `security`.
                type Principal<I: Send + Sync>: Send;
                #keyed_type
                /// The parameters; `()` if there are none.
                type Params: Parameters + Send;
                /// The body as the method takes it: optional, or a `Result`, where the spec says so; `()` if there is none.
                type Body: Send;
                /// The schema of the body; `()` if there is none.
                type Schema;
                /// The responses.
                type Response: super::OperationResponse + Send;

                /// The body, if one was sent and accepted.
                fn schema(body: &Self::Body) -> Option<&Self::Schema>;

                /// Calls the operation on an implementation.
                fn call<A: super::Api>(
                    api: &A,
                    request: Request<#of_api, Self>,
                ) -> impl Future<Output = Self::Response> + Send;
            }

            /// All arguments of an operation.
            pub struct Request<I: Send + Sync, O: Operation> {
                /// The metadata of the request.
                pub metadata: super::RequestMetadata,
                /// The authorized caller.
                pub principal: O::Principal<I>,
                #keyed_field
                /// The parameters.
                pub params: O::Params,
                /// The body.
                pub body: O::Body,
            }

            /// The parameters of an operation.
            pub trait Parameters {
                /// Visits each parameter that has a value.
                fn visit(&self, visitor: &mut impl ParameterVisitor);
            }

            impl Parameters for () {
                fn visit(&self, _visitor: &mut impl ParameterVisitor) {}
            }

            /// Sees the parameters of an operation one by one.
            pub trait ParameterVisitor {
                /// Called for each parameter that has a value.
                fn parameter<T>(&mut self, name: &'static str, value: &T)
                where
                    T: ::std::fmt::Display
                        + ::std::str::FromStr<Err: ::std::fmt::Display>
                        + ::serde::Serialize
                        + PartialEq
                        + ::std::fmt::Debug;
            }

            /// Handles the operation `O`. Implement it for all operations at once: `impl<O: Operation> Handler<O> for …`.
            pub trait Handler<O: Operation>: #bound {
                /// Handles a request.
                fn handle(&self, request: Request<#of_self, O>) -> impl Future<Output = O::Response> + Send;
            }

            /// The API whose operations are all handled by `H`.
            #[derive(Clone, Debug)]
            pub struct GenericApi<H>(pub H);

            #admission
            #idempotency
            #(#implementations)*
            #(#operations)*
            #(#parameters)*
        },
    )?;
    Ok(GeneratedFile::new("server/generic.rs", text))
}

fn marker(operation: &Operation) -> Ident {
    format_ident!("{}", names::operation_type(&operation.id))
}

fn implementation(api: &Api, tag: &Tag, bound: &TokenStream, identity: &TokenStream) -> TokenStream {
    let name = trait_name(tag);
    let handlers = api.operations_of(tag).map(marker);
    let methods = api.operations_of(tag).map(|operation| {
        let marker = marker(operation);
        let method = format_ident!("{}", operation.id);
        let response = response_name(operation);
        let principal_type = principal_type(operation, identity);
        let keyed_type = keyed_type(operation);
        let params_name = params_name(operation);
        let body_type = body_type(operation);
        let arguments = [
            principal_type.as_ref().map(|ty| quote! { principal: #ty, }),
            keyed_type.as_ref().map(|ty| quote! { keyed: #ty, }),
            params_name.as_ref().map(|name| quote! { params: super::#name, }),
            body_type.as_ref().map(|ty| quote! { body: #ty, }),
        ];
        let field = |name: &str, is_given: bool| {
            let name = format_ident!("{name}");
            if is_given {
                quote! { #name }
            } else {
                quote! { #name: () }
            }
        };
        let fields = [
            Some(field("principal", principal_type.is_some())),
            is_any_keyed(api).then(|| field("keyed", keyed_type.is_some())),
            Some(field("params", params_name.is_some())),
            Some(field("body", body_type.is_some())),
        ];
        let fields = fields.into_iter().flatten();
        quote! {
            fn #method(
                &self,
                metadata: super::RequestMetadata,
                #(#arguments)*
            ) -> impl Future<Output = super::#response> + Send {
                <H as Handler<#marker>>::handle(&self.0, Request { metadata, #(#fields),* })
            }
        }
    });
    quote! {
        impl<H: #bound #(+ Handler<#handlers>)*> super::#name for GenericApi<H> {
            #(#methods)*
        }
    }
}

fn operation(operation: &Operation, is_any_keyed: bool, identity: &TokenStream) -> TokenStream {
    let marker = marker(operation);
    let id = &operation.id;
    let documentation = doc(&format!("`{id}`: {}", operation.summary));
    let method = format_ident!("{id}");
    let response = response_name(operation);
    let unit = quote! { () };
    let principal_type = principal_type(operation, &quote! { I });
    let keyed_type = keyed_type(operation);
    let params_type = params_name(operation).map(|name| quote! { super::#name });
    let body_type = body_type(operation);
    let schema = operation.body.as_ref().map(|body| {
        let name = format_ident!("{}", names::type_name(&body.schema));
        quote! { crate::types::#name }
    });
    let has_result = !operation.rejects_bodies();
    let seen = operation.body.as_ref().map(|body| match (body.required, has_result) {
        (true, false) => quote! { Some(body) },
        (false, false) => quote! { body.as_ref() },
        (true, true) => quote! { body.as_ref().ok() },
        (false, true) => quote! { body.as_ref().ok().and_then(Option::as_ref) },
    });
    let (body_name, seen) = match seen {
        Some(seen) => (format_ident!("body"), seen),
        None => (format_ident!("_body"), quote! { None }),
    };
    let mut arguments = vec![quote! { request.metadata }];
    for (name, is_given) in [
        ("principal", principal_type.is_some()),
        ("keyed", keyed_type.is_some()),
        ("params", params_type.is_some()),
        ("body", body_type.is_some()),
    ] {
        if is_given {
            let name = format_ident!("{name}");
            arguments.push(quote! { request.#name });
        }
    }
    let keyed = keyed_type.unwrap_or_else(|| unit.clone());
    let keyed = is_any_keyed.then(|| quote! { type Keyed = #keyed; });
    let params = params_type.unwrap_or_else(|| unit.clone());
    let body = body_type.unwrap_or_else(|| unit.clone());
    let schema = schema.unwrap_or_else(|| unit.clone());
    let principal = principal_type.unwrap_or(unit);
    quote! {
        #documentation
        #[derive(Debug)]
        pub enum #marker {}

        impl Operation for #marker {
            const ID: &'static str = #id;

            type Principal<I: Send + Sync> = #principal;
            #keyed
            type Params = #params;
            type Body = #body;
            type Schema = #schema;
            type Response = super::#response;

            fn schema(#body_name: &Self::Body) -> Option<&Self::Schema> {
                #seen
            }

            fn call<A: super::Api>(
                api: &A,
                request: Request<#identity, Self>,
            ) -> impl Future<Output = Self::Response> + Send {
                api.#method(#(#arguments),*)
            }
        }
    }
}

fn parameters(operation: &Operation) -> Option<TokenStream> {
    let name = params_name(operation)?;
    let variable = |parameter: &Parameter| names::variable(&parameter.identifier(), &["visitor"]);
    let fields = operation.implementation_parameters().map(|parameter| {
        let (field, variable) = (names::field(&parameter.identifier()), variable(parameter));
        if field == variable {
            quote! { #field }
        } else {
            quote! { #field: #variable }
        }
    });
    let visits = operation.implementation_parameters().map(|parameter| {
        let (text, variable) = (&parameter.name, variable(parameter));
        if is_optional(parameter) {
            quote! {
                if let Some(value) = #variable {
                    visitor.parameter(#text, value);
                }
            }
        } else {
            quote! { visitor.parameter(#text, #variable); }
        }
    });
    Some(quote! {
        impl Parameters for super::#name {
            fn visit(&self, visitor: &mut impl ParameterVisitor) {
                let Self { #(#fields),* } = self;
                #(#visits)*
            }
        }
    })
}
