//! Emits the file of a tag: a handler for each operation, and how its responses are serialized.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::emit::rust::rust_type;
use crate::emit::types::holds_secret;
use crate::emit::{admission, server};
use crate::model::{
    Access, Api, Conditions, HeaderParameter, Location, Method, Operation, Parameter, Response, Tag, Type,
};
use crate::print::{doc, rust_file};
use crate::{Error, names};

/// The file of a tag.
pub(super) fn file(api: &Api, tag: &Tag) -> Result<String, Error> {
    let operations = api.operations_of(tag).map(|operation| {
        let variables = variables(operation);
        let handler = handler(api, operation);
        let serialization = serialization(api, operation);
        quote! { #variables #handler #serialization }
    });
    rust_file(
        &format!("The operations tagged `{}` over HTTP.", tag.name),
        quote! { #(#operations)* },
    )
}

/// The name of the struct of an operation's path variables, if it has any.
pub(super) fn variables_name(operation: &Operation) -> Option<Ident> {
    operation
        .parameters
        .iter()
        .any(|it| it.location == Location::Path)
        .then(|| format_ident!("{}Path", names::operation_type(&operation.id)))
}

fn variables(operation: &Operation) -> Option<TokenStream> {
    let name = variables_name(operation)?;
    let documentation = doc(&format!("The variables of `{}`, not parsed.", operation.path_text()));
    let fields = operation
        .parameters
        .iter()
        .filter(|it| it.location == Location::Path)
        .map(|it| {
            let documentation = it.description.as_deref().map(doc);
            let name = names::field(&it.name);
            let rename = (name != it.name).then(|| {
                let name = &it.name;
                quote! { #[serde(rename = #name)] }
            });
            quote! { #documentation #rename pub(super) #name: String }
        });
    Some(quote! {
        #documentation
        #[derive(::serde::Deserialize, ::schemars::JsonSchema)]
        pub(super) struct #name {
            #(#fields),*
        }
    })
}

fn handler(api: &Api, operation: &Operation) -> TokenStream {
    let id = format_ident!("{}", operation.id);
    let documentation = doc(&format!(
        "`{} {}`: {}",
        operation.method.token(),
        operation.path_text(),
        operation.summary
    ));
    let path = variables_name(operation).map(|name| quote! { path: #name, });
    let request = operation
        .body
        .as_ref()
        .map(|_| quote! { request: ::http::Request<::dropshot::Body>, });
    let principal = match &operation.access {
        Access::Open => None,
        Access::Secured(alternatives) => {
            let scopes = admission::required_scopes(alternatives);
            let function = format_ident!(
                "{}",
                if operation.declares_later() {
                    "principal"
                } else {
                    "principal_or_later"
                }
            );
            let name = &operation.id;
            Some(quote! { let principal = super::admission::#function(&context, &metadata, #name, #scopes).await?; })
        }
    };
    let query = query(operation);
    let params = params(operation);
    let received = received(api, operation);
    let body = body(operation);
    let arguments = [
        principal.as_ref().map(|_| quote! { principal }),
        operation.idempotency.as_ref().map(|_| quote! { keyed }),
        params.as_ref().map(|_| quote! { params }),
        operation.body.as_ref().map(|_| quote! { body }),
    ];
    let arguments = arguments.into_iter().flatten();
    let call = quote! { context.context().implementation.#id(metadata, #(#arguments),*) };
    let (key, keyed, call) = match keyed(operation, &call) {
        Some([key, keyed, call]) => (Some(key), Some(keyed), call),
        None => (None, None, quote! { #call.await }),
    };
    let respond = respond(operation, &call);
    quote! {
        #documentation
        pub(super) async fn #id<A: crate::server::Api>(
            context: super::context::RequestContext<super::context::ServerContext<A>>,
            #path
            #request
        ) -> super::response::HttpResult {
            let work = async {
                let metadata = super::request::metadata(&context);
                #principal
                #query
                #params
                #key
                #received
                #body
                #keyed
                #respond
            };
            super::response::respond(&context, ::std::pin::pin!(work)).await
        }
    }
}

/// Reads the body, and takes what the operation needs of the caller's share.
fn received(api: &Api, operation: &Operation) -> Option<TokenStream> {
    match (&operation.access, &operation.body, operation.declares_later()) {
        (Access::Open, None, _) => None,
        (Access::Open, Some(_), _) => Some(quote! { let bytes = super::request::receive(&context, request).await; }),
        (Access::Secured(_), None, true) if is_page(api, operation) => {
            Some(quote! { let share = super::admission::take_turn(&context, &principal).await?; })
        }
        (Access::Secured(_), None, true) => {
            Some(quote! { let share = super::admission::take_permit(&context, &principal)?; })
        }
        (Access::Secured(_), None, false) => Some(quote! {
            let (principal, share) = super::admission::take_permit_or_later(&context, principal);
        }),
        (Access::Secured(_), Some(_), true) => Some(quote! {
            let (share, bytes) = super::admission::receive_body(&context, &principal, request).await?;
        }),
        (Access::Secured(_), Some(_), false) => Some(quote! {
            let (principal, share, bytes) =
                super::admission::receive_body_or_later(&context, principal, request).await;
        }),
    }
}

/// Whether the response has as many items as fit into a maximum number of bytes.
fn is_page(api: &Api, operation: &Operation) -> bool {
    let schema = operation.success().and_then(|it| it.body.as_deref());
    schema
        .and_then(|it| api.schema(it))
        .is_some_and(|it| it.max_bytes.is_some())
}

/// Decodes the body.
fn body(operation: &Operation) -> Option<TokenStream> {
    let body = operation.body.as_ref()?;
    let function = format_ident!(
        "{}",
        match (body.is_merge_patch, body.required) {
            (true, _) => "merge_patch",
            (false, true) => "required_body",
            (false, false) => "optional_body",
        }
    );
    let decode = quote! { super::request::#function(&context) };
    let rejects = operation.rejects_bodies().then(|| quote! { ? });
    Some(match (operation.access.is_secured(), operation.idempotency) {
        (true, None) => quote! { let body = super::admission::decode(&share, bytes, #decode).await #rejects; },
        (true, Some(_)) => quote! {
            let bytes = bytes?;
            let body = super::admission::decode(&share, Ok(bytes.clone()), #decode).await #rejects;
        },
        (false, _) => quote! { let body = bytes.and_then(|bytes| #decode(&bytes)) #rejects; },
    })
}

/// Calls the operation, and passes its response on. That of a read is only sent if there is room for it.
fn respond(operation: &Operation, call: &TokenStream) -> TokenStream {
    if !operation.access.is_secured() {
        return quote! { Ok(#call) };
    }
    let function = format_ident!(
        "{}",
        if operation.method == Method::Get && operation.declares_later() {
            "respond_if_room"
        } else {
            "respond_in_any_case"
        }
    );
    quote! {
        let response = #call;
        Ok(super::admission::#function(&context, share, response).await)
    }
}

/// How the key of a request is read, what becomes of it, and the call of an operation that takes one.
fn keyed(operation: &Operation, call: &TokenStream) -> Option<[TokenStream; 3]> {
    let header = Location::Header(HeaderParameter::IdempotencyKey);
    let parameter = operation.parameters.iter().find(|it| it.location == header)?;
    let (name, ty) = (&parameter.name, rust_type(&parameter.ty, &quote! { crate::types }));
    let success = format_ident!("{}", operation.success()?.status.constant);
    let id = &operation.id;
    let bytes = match operation.body {
        Some(_) => quote! { bytes },
        None => quote! { ::bytes::Bytes::new() },
    };
    Some([
        quote! { let key = super::request::header_parameter(&context, #name, str::parse::<#ty>)?; },
        quote! {
            let success = ::http::StatusCode::#success;
            let keyed =
                super::idempotency::keyed_request(&context, &principal, &share, #id, success, key, #bytes).await;
        },
        quote! { super::idempotency::once(&context, metadata, keyed, |metadata, keyed| { #call }).await? },
    ])
}

/// Reads the query, and rejects unknown parameters.
fn query(operation: &Operation) -> TokenStream {
    let in_query = operation.parameters.iter().filter(|it| it.location == Location::Query);
    let names: Vec<&str> = in_query.map(|it| it.name.as_str()).collect();
    if names.is_empty() {
        quote! { super::request::no_query(&context)?; }
    } else {
        quote! { let query = super::request::query(&context, &[#(#names),*])?; }
    }
}

/// Parses the parameters.
fn params(operation: &Operation) -> Option<TokenStream> {
    let name = server::params_name(operation)?;
    let fields = operation.implementation_parameters().map(|parameter| {
        let name = names::field(&parameter.identifier());
        let value = value(parameter);
        quote! { #name: #value? }
    });
    Some(quote! {
        let params = crate::server::#name { #(#fields),* };
    })
}

fn value(parameter: &Parameter) -> TokenStream {
    let name = &parameter.name;
    let field = names::field(&parameter.identifier());
    // The libraries read more forms of some values than the spec allows.
    let parse = match parameter.ty {
        Type::Formatted(_) => quote! { crate::types::Format::parse },
        Type::Integer(_) => quote! { super::request::integer },
        Type::Named(_) | Type::String | Type::Boolean | Type::Number | Type::Array(_) | Type::FreeForm => {
            quote! { str::parse }
        }
    };
    match (parameter.location, &parameter.default) {
        (Location::Path, _) => quote! { super::request::path_parameter(#name, &path.#field, #parse) },
        (Location::Query, Some(default)) => {
            quote! { super::request::defaulted_parameter(&query, #name, #parse, #default) }
        }
        (Location::Query, None) if parameter.required => {
            quote! { super::request::required_parameter(&query, #name, #parse) }
        }
        (Location::Query, None) => quote! { super::request::optional_parameter(&query, #name, #parse) },
        (Location::Header(_), _) => quote! { super::request::header_parameter(&context, #name, #parse) },
    }
}

fn serialization(api: &Api, operation: &Operation) -> TokenStream {
    let response = server::response_name(operation);
    let arms = operation
        .implementation_responses()
        .map(|response| arm(api, Some(operation), response));
    quote! {
        impl super::response::ToResponse for crate::server::#response {
            fn into_pending(self) -> Result<super::response::PendingResponse, ::dropshot::HttpError> {
                Ok(match self {
                    #(#arms)*
                })
            }
        }
    }
}

/// The response with its entity tag and, if it may be stored, how.
fn tagged(operation: &Operation, json: &TokenStream) -> TokenStream {
    let tagged = quote! { super::response::tagged(#json, &body)? };
    match (&operation.conditions, operation.access.is_secured()) {
        (Conditions::Read, true) => quote! { super::response::conditional_private(#tagged) },
        (Conditions::Read, false) => quote! { super::response::conditional(#tagged) },
        (Conditions::Change { .. } | Conditions::None, _) => tagged,
    }
}

/// How a response is serialized: one of an operation, or of the HTTP layer itself.
pub(in crate::emit) fn arm(api: &Api, operation: Option<&Operation>, response: &Response) -> TokenStream {
    let status = format_ident!("{}", response.status.constant);
    let status = quote! { ::http::StatusCode::#status };
    let mut pending = match &response.body {
        None => quote! { super::response::without_body(#status) },
        Some(schema) => {
            let json = quote! { super::response::json(#status, &body)? };
            match operation.filter(|_| response.status.code < 300) {
                _ if holds_secret(api, &Type::Named(schema.clone())) => quote! { super::response::secret(#json) },
                Some(operation) if operation.conditions.are_tagged() => tagged(operation, &json),
                Some(_) | None => json,
            }
        }
    };
    if let (403, Some(Access::Secured(alternatives))) = (response.status.code, operation.map(|it| &it.access)) {
        let scopes = admission::required_scopes(alternatives);
        pending = quote! { super::admission::insufficient_scope(#pending, #scopes)? };
    }
    for header in &response.headers {
        let name = header.name.to_ascii_lowercase();
        let field = server::header_field(header);
        let value = if matches!(header.ty, Type::Named(_)) {
            quote! { #field.get() }
        } else {
            quote! { #field }
        };
        pending = quote! {
            super::response::with_header(#pending, ::http::HeaderName::from_static(#name), #value.into())
        };
    }
    let pattern = server::pattern(response);
    quote! { Self::#pattern => #pending, }
}
