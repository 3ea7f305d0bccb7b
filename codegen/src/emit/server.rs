//! Emits `server/`: a trait for each tag, and the parameters and responses of each operation.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::rust::{rust_type, summary_and_description};
use super::{admission, entity_tag, generic, idempotency, rust};
use crate::model::{Access, Api, Header, HeaderParameter, Location, Operation, Parameter, Response, Tag};
use crate::print::{doc, rust_file, rust_source};
use crate::{Error, GeneratedFile, names};

const REQUEST: &str = include_str!("../templates/request_metadata.rs");
const INVALID_BODY: &str = include_str!("../templates/invalid_body.rs");

/// All files of `server/`.
pub(crate) fn emit(api: &Api) -> Result<Vec<GeneratedFile>, Error> {
    let mut files = vec![
        GeneratedFile::new("server/request.rs", rust_source("The metadata of a request.", REQUEST)?),
        GeneratedFile::new("server/response.rs", responses_file(api)?),
        generic::file(api)?,
    ];
    let mut shared = vec!["OperationResponse".to_owned()];
    if server_error(api).is_some() {
        shared.push("ServerErrorResponse".to_owned());
    }
    let mut modules = vec![
        ("request".to_owned(), vec!["RequestMetadata".to_owned()]),
        ("response".to_owned(), shared),
    ];
    if api.operations.iter().any(|it| it.body.is_some()) {
        let text = rust_source("Why a request body was rejected.", INVALID_BODY)?;
        files.push(GeneratedFile::new("server/invalid_body.rs", text));
        modules.push(("invalid_body".to_owned(), vec!["InvalidBody".to_owned()]));
    }
    if let Some((file, exports)) = entity_tag::file(api)? {
        files.push(file);
        modules.push(("entity_tag".to_owned(), exports));
    }
    if let Some(file) = admission::server_file(api)? {
        files.push(file);
        modules.push(("admission".to_owned(), admission::EXPORTS.map(str::to_owned).to_vec()));
    }
    if let Some(file) = idempotency::server_file(api)? {
        files.push(file);
        let exports = idempotency::EXPORTS.map(str::to_owned).to_vec();
        modules.push(("idempotency".to_owned(), exports));
    }
    for tag in tags(api) {
        let module = names::module(&tag.name).to_string();
        files.push(GeneratedFile::new(format!("server/{module}.rs"), tag_file(api, tag)?));
        let mut exports = vec![trait_name(tag).to_string()];
        for operation in api.operations_of(tag) {
            exports.push(response_name(operation).to_string());
            exports.extend(params_name(operation).map(|it| it.to_string()));
        }
        modules.push((module, exports));
    }
    files.push(GeneratedFile::new("server/mod.rs", root(api, modules)?));
    Ok(files)
}

fn root(api: &Api, modules: Vec<(String, Vec<String>)>) -> Result<String, Error> {
    let modules = rust::modules(modules);
    let traits: Vec<Ident> = tags(api).map(trait_name).collect();
    rust_file(
        "What an implementation of the API provides: a trait for each tag of the spec with a method for each operation, \
         and the parameters and responses of each operation.",
        quote! {
            pub mod generic;
            #modules

            /// The whole API: implemented for every type that implements the trait of each tag.
            pub trait Api: #(#traits)+* {}

            impl<T: #(#traits)+*> Api for T {}
        },
    )
}

/// The tags that have operations.
pub(super) fn tags(api: &Api) -> impl Iterator<Item = &Tag> {
    api.tags.iter().filter(|tag| api.operations_of(tag).next().is_some())
}

pub(super) fn trait_name(tag: &Tag) -> Ident {
    format_ident!("{}", names::trait_name(&tag.name))
}

pub(super) fn response_name(operation: &Operation) -> Ident {
    format_ident!("{}Response", names::operation_type(&operation.id))
}

/// The name of the struct of an operation's parameters, if it has any.
pub(super) fn params_name(operation: &Operation) -> Option<Ident> {
    operation.implementation_parameters().next()?;
    Some(format_ident!("{}Params", names::operation_type(&operation.id)))
}

fn tag_file(api: &Api, tag: &Tag) -> Result<String, Error> {
    let name = trait_name(tag);
    let documentation = doc(&tag.description);
    let bound = bound(api.operations_of(tag));
    let methods = api.operations_of(tag).map(method);
    let params = api.operations_of(tag).filter_map(params);
    let responses = api.operations_of(tag).map(|it| response(api, it));
    rust_file(
        &format!("The operations tagged `{}`.", tag.name),
        quote! {
            #documentation
            pub trait #name: #bound {
                #(#methods)*
            }
            #(#params)*
            #(#responses)*
        },
    )
}

/// What an implementation of these operations needs: to authenticate callers, to repeat responses.
pub(super) fn bound<'a>(operations: impl Iterator<Item = &'a Operation>) -> TokenStream {
    let (mut is_any_secured, mut is_any_keyed) = (false, false);
    for operation in operations {
        is_any_secured |= operation.access.is_secured();
        is_any_keyed |= operation.idempotency.is_some();
    }
    match (is_any_keyed, is_any_secured) {
        (true, _) => quote! { super::Idempotency },
        (false, true) => quote! { super::Admission },
        (false, false) => quote! { Send + Sync + 'static },
    }
}

/// The type of the request with its key, if the operation takes an `Idempotency-Key`.
pub(super) fn keyed_type(operation: &Operation) -> Option<TokenStream> {
    operation
        .idempotency
        .as_ref()
        .map(|_| quote! { Option<super::KeyedRequest> })
}

fn method(operation: &Operation) -> TokenStream {
    let documentation = doc(&method_documentation(operation));
    let name = format_ident!("{}", operation.id);
    let principal = principal_type(operation, &quote! { Self::Identity }).map(|ty| quote! { principal: #ty, });
    let keyed = keyed_type(operation).map(|ty| quote! { keyed: #ty, });
    let params = params_name(operation).map(|name| quote! { params: super::#name, });
    let body = body_type(operation).map(|ty| quote! { body: #ty, });
    let response = response_name(operation);
    quote! {
        #documentation
        fn #name(
            &self,
            metadata: super::RequestMetadata,
            #principal
            #keyed
            #params
            #body
        ) -> impl Future<Output = super::#response> + Send;
    }
}

fn method_documentation(operation: &Operation) -> String {
    let mut text = summary_and_description(operation);
    if let Access::Secured(alternatives) = &operation.access {
        let alternatives: Vec<String> = alternatives.iter().map(|it| listed_scopes(it)).collect();
        text.push_str(&format!("\n\nRequires {}.", alternatives.join(", or ")));
    }
    text.push_str(&format!("\n\n`{} {}`", operation.method.token(), operation.path_text()));
    text
}

fn listed_scopes(scopes: &[String]) -> String {
    let word = if scopes.len() == 1 { "scope" } else { "scopes" };
    let scopes: Vec<String> = scopes.iter().map(|it| format!("`{it}`")).collect();
    format!("the {word} {}", scopes.join(" and "))
}

/// The type of the authorized caller, if the operation is secured.
pub(super) fn principal_type(operation: &Operation, identity: &TokenStream) -> Option<TokenStream> {
    let principal = quote! { super::Principal<#identity> };
    operation.access.is_secured().then(|| {
        if operation.declares_later() {
            principal
        } else {
            quote! { Result<#principal, super::TryLater> }
        }
    })
}

/// The type of the body as the method takes it, if the operation has one.
pub(super) fn body_type(operation: &Operation) -> Option<TokenStream> {
    let body = operation.body.as_ref()?;
    let name = format_ident!("{}", names::type_name(&body.schema));
    let ty = quote! { crate::types::#name };
    let ty = if body.required {
        ty
    } else {
        quote! { Option<#ty> }
    };
    Some(if operation.rejects_bodies() {
        ty
    } else {
        quote! { Result<#ty, super::InvalidBody> }
    })
}

fn params(operation: &Operation) -> Option<TokenStream> {
    let name = params_name(operation)?;
    let documentation = doc(&format!("The parameters of `{}`.", operation.id));
    let fields = operation.implementation_parameters().map(|parameter| {
        let documentation = doc(&parameter_documentation(parameter));
        let name = names::field(&parameter.identifier());
        let ty = parameter_type(operation, parameter);
        quote! { #documentation pub #name: #ty }
    });
    Some(quote! {
        #documentation
        #[derive(Clone, Debug, PartialEq)]
        pub struct #name {
            #(#fields),*
        }
    })
}

fn parameter_documentation(parameter: &Parameter) -> String {
    let location = match parameter.location {
        Location::Path => "path",
        Location::Query => "query",
        Location::Header(_) => "header",
    };
    parameter
        .description
        .clone()
        .unwrap_or_else(|| format!("The {location} parameter `{}`.", parameter.name))
}

fn parameter_type(operation: &Operation, parameter: &Parameter) -> TokenStream {
    let ty = match (parameter.location, operation.conditions.precondition()) {
        (Location::Header(HeaderParameter::IfMatch), Some(record)) => {
            let record = format_ident!("{}", names::type_name(record));
            quote! { super::IfMatch<crate::types::#record> }
        }
        (Location::Path | Location::Query | Location::Header(_), _) => {
            rust_type(&parameter.ty, &quote! { crate::types })
        }
    };
    if is_optional(parameter) {
        quote! { Option<#ty> }
    } else {
        ty
    }
}

/// Whether the implementation may get no value for the parameter.
pub(super) fn is_optional(parameter: &Parameter) -> bool {
    !parameter.required && parameter.default.is_none()
}

fn response(api: &Api, operation: &Operation) -> TokenStream {
    let name = response_name(operation);
    let id = &operation.id;
    let documentation = doc(&format!("The responses that `{id}` declares."));
    let variants = operation.implementation_responses().map(|it| variant(api, it));
    let from_server_error = has_server_error(api, operation).then(|| {
        let arms = server_error(api).into_iter().flatten().map(|response| {
            let pattern = pattern(response);
            quote! { super::ServerErrorResponse::#pattern => Self::#pattern, }
        });
        quote! {
            impl From<super::ServerErrorResponse> for super::#name {
                fn from(response: super::ServerErrorResponse) -> Self {
                    match response {
                        #(#arms)*
                    }
                }
            }
        }
    });
    quote! {
        #documentation
        #[derive(Clone, Debug)]
        pub enum #name {
            #(#variants),*
        }

        impl super::OperationResponse for super::#name {
            const OPERATION: &'static str = #id;
        }

        #from_server_error
    }
}

/// The variant of a response.
pub(super) fn variant(api: &Api, response: &Response) -> TokenStream {
    let documentation = doc(&format!("{}: {}", response.status.code, response.description));
    let name = format_ident!("{}", response.status.variant);
    let body = response.body.as_ref().map(|schema| {
        let name = format_ident!("{}", names::type_name(schema));
        quote! { crate::types::#name }
    });
    if response.headers.is_empty() {
        let body = body.map(|body| quote! { (#body) });
        return quote! { #documentation #name #body };
    }
    let body = body.map(|body| {
        let schema = response.body.as_ref().and_then(|name| api.schema(name));
        let documentation = doc(schema.map_or("The response body.", |schema| &schema.description));
        quote! { #documentation body: #body, }
    });
    let headers = response.headers.iter().map(|header| {
        let documentation = doc(&header_documentation(header));
        let name = header_field(header);
        let ty = rust_type(&header.ty, &quote! { crate::types });
        quote! { #documentation #name: #ty }
    });
    quote! { #documentation #name { #body #(#headers),* } }
}

fn header_documentation(header: &Header) -> String {
    header
        .description
        .clone()
        .unwrap_or_else(|| format!("The header `{}`.", header.name))
}

/// The field of a header.
pub(super) fn header_field(header: &Header) -> Ident {
    names::header_field(&header.name)
}

/// The variant of a response with all its fields, as a pattern or an expression.
pub(super) fn pattern(response: &Response) -> TokenStream {
    let name = format_ident!("{}", response.status.variant);
    let body = response.body.as_ref().map(|_| format_ident!("body"));
    if response.headers.is_empty() {
        let body = body.map(|body| quote! { (#body) });
        return quote! { #name #body };
    }
    let fields = body.into_iter().chain(response.headers.iter().map(header_field));
    quote! { #name { #(#fields),* } }
}

/// The responses 500 and 503, as the first operation that declares both declares them.
fn server_error(api: &Api) -> Option<[&Response; 2]> {
    api.operations.iter().find_map(declared_server_error)
}

fn declared_server_error(operation: &Operation) -> Option<[&Response; 2]> {
    Some([operation.response(500)?, operation.response(503)?])
}

/// Whether the operation declares 500 and 503 in the same form as [`server_error`].
pub(super) fn has_server_error(api: &Api, operation: &Operation) -> bool {
    let form = |responses: [&Response; 2]| {
        responses.map(|it| {
            let headers = it.headers.iter().map(|it| (it.name.clone(), it.ty.clone()));
            (it.body.clone(), headers.collect::<Vec<_>>())
        })
    };
    declared_server_error(operation).map(form) == server_error(api).map(form) && server_error(api).is_some()
}

fn responses_file(api: &Api) -> Result<String, Error> {
    let server_error = server_error(api).map(|responses| {
        let variants = responses.map(|it| variant(api, it));
        quote! {
            /// The responses to a failure of the service, which convert into the response of each operation that declares
            /// both.
            #[derive(Clone, Debug)]
            pub enum ServerErrorResponse {
                #(#variants),*
            }
        }
    });
    rust_file(
        "What the responses of all operations have in common.",
        quote! {
            /// The response of an operation.
            pub trait OperationResponse {
                /// The `operationId`.
                const OPERATION: &'static str;
            }

            #server_error
        },
    )
}
