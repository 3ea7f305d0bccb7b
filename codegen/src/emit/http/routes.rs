//! Emits `http/routes.rs`: all routes and their handlers.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::handlers::variables_name;
use crate::model::{Api, Method, Operation, Segment, path_text};
use crate::print::{doc, rust_file};
use crate::routes::{Route, Served};
use crate::{Error, names, routes};

/// `http/routes.rs`.
pub(super) fn file(api: &Api) -> Result<String, Error> {
    let mut registrations = Vec::new();
    let mut shared = Vec::new();
    let mut shared_names = BTreeSet::new();
    let routes = routes::from_api(api);
    for route in &routes {
        let registration = if route.is_direct() {
            let operations: Vec<&Operation> = route.served.iter().flat_map(|it| it.operations.clone()).collect();
            let variables = variables(&operations);
            let endpoints = operations.iter().map(|it| endpoint(it, &variables));
            let path = path_text(&route.path);
            let listed = operations.iter().map(|it| method(it.method.token()));
            quote! {
                #(#endpoints)*
                register_others::<A, #variables>(&mut api, #path, &[#(#listed),*])?;
            }
        } else {
            let name = shared_name(route, &mut shared_names);
            shared.push(shared_variables(route, &name));
            let path = path_text(&route.path);
            quote! { register_others::<A, #name>(&mut api, #path, &[])?; }
        };
        let path = path_text(&route.path);
        registrations.push(quote! { if is_served(#path) { #registration } });
    }
    let mut served: Vec<&Served<'_>> = routes.iter().flat_map(|it| &it.served).collect();
    served.sort_by(|first, second| first.path.cmp(&second.path));
    let arms = served.into_iter().map(arm);
    let paths = paths(api);
    let registration = registration();
    let no_variables = no_variables(&routes);
    let has_bodies = api.operations.iter().any(|it| it.body.is_some());
    let request = format_ident!("{}", if has_bodies { "request" } else { "_request" });
    rust_file(
        "All routes of the API.",
        quote! {
            /// Passes a request on to the operation of its path and method. Literal segments are matched before variables,
            /// and no segment is empty, as it is in `//` or after a `/` at the end.
            pub(super) async fn route<A: crate::server::Api>(
                context: super::context::RequestContext<super::context::ServerContext<A>>,
                #request: ::http::Request<::dropshot::Body>,
            ) -> super::response::HttpResult {
                let uri = context.request.uri().clone();
                let segments = match super::request::segments(uri.path()) {
                    Ok(segments) => segments,
                    Err(error) => return super::response::reject(&context, error.into()),
                };
                let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
                if segments.contains(&"") {
                    return super::response::unlisted(&context);
                }
                let method = context.request.method().clone();
                let is_served = context.context().is_served;
                match segments.as_slice() {
                    #(#arms)*
                    _ => super::response::unlisted(&context),
                }
            }

            #paths

            /// The methods that dropshot passes on.
            const METHODS: [::http::Method; 7] = [
                ::http::Method::GET,
                ::http::Method::HEAD,
                ::http::Method::POST,
                ::http::Method::PUT,
                ::http::Method::PATCH,
                ::http::Method::DELETE,
                ::http::Method::OPTIONS,
            ];

            /// The API for a dropshot server, for an implementation `A`: all paths for which `is_served` returns `true`.
            ///
            /// Implement the traits in [`server`](crate::server) for a type, and pass an `Arc` of a [`ServerContext`] of it
            /// to `dropshot::ServerBuilder::new` together with this description. dropshot responds by itself to requests for
            /// paths that no operation has; [`respond`](super::service::respond) responds to those too.
            /// A path with GET also responds to HEAD, with the same head and without the body (RFC 9110, section 9.3.2),
            /// which hyper removes.
            ///
            /// # Errors
            ///
            /// Fails if dropshot rejects a route, which the generator has ruled out for the spec's paths.
            pub fn api_description<A: crate::server::Api>(
                is_served: impl Fn(&str) -> bool,
            ) -> Result<
                ::dropshot::ApiDescription<::std::sync::Arc<super::context::ServerContext<A>>>,
                ::dropshot::ApiDescriptionRegisterError,
            > {
                let mut api = ::dropshot::ApiDescription::new();
                #(#registrations)*
                Ok(api)
            }

            #registration
            #no_variables
            #(#shared)*
        },
    )
}

/// The endpoint behind all routes of dropshot, and its registration for methods without an operation.
fn registration() -> TokenStream {
    quote! {
        /// An endpoint of dropshot for any operation. `P` declares the variables of its path to dropshot.
        async fn endpoint<A, P>(
            context: ::dropshot::RequestContext<::std::sync::Arc<super::context::ServerContext<A>>>,
            _: ::dropshot::Path<P>,
            request: ::dropshot::RawRequest,
        ) -> super::response::HttpResult
        where
            A: crate::server::Api,
            P: ::serde::de::DeserializeOwned + ::schemars::JsonSchema + Send + Sync + 'static,
        {
            let context = super::context::RequestContext {
                server: ::std::sync::Arc::clone(context.context()),
                request_id: context.request_id,
                request: context.request,
            };
            super::service::serve(context, request.into_inner()).await
        }

        /// Registers the path for all methods except those that are operations. They get 405, or are preflight requests.
        fn register_others<A, P>(
            api: &mut ::dropshot::ApiDescription<::std::sync::Arc<super::context::ServerContext<A>>>,
            path: &str,
            operations: &[::http::Method],
        ) -> Result<(), ::dropshot::ApiDescriptionRegisterError>
        where
            A: crate::server::Api,
            P: ::serde::de::DeserializeOwned + ::schemars::JsonSchema + Send + Sync + 'static,
        {
            for method in METHODS.into_iter().filter(|method| !operations.contains(method)) {
                let mut endpoint = ::dropshot::ApiEndpoint::new(
                    format!("{method} {path}"),
                    endpoint::<A, P>,
                    method,
                    "application/json",
                    path,
                    ::dropshot::ApiEndpointVersions::All,
                );
                endpoint.visible = false;
                api.register(endpoint)?;
            }
            Ok(())
        }

    }
}

/// The variables of all paths without variables, if there are such paths.
fn no_variables(routes: &[Route<'_>]) -> Option<TokenStream> {
    let mut direct = routes.iter().filter(|it| it.is_direct());
    let is_used = direct.any(|it| it.path.iter().all(|segment| matches!(segment, Segment::Literal(_))));
    is_used.then(|| {
        quote! {
            /// The variables of a path without variables.
            #[derive(::serde::Deserialize, ::schemars::JsonSchema)]
            struct NoVariables {}
        }
    })
}

/// The function that returns the path of an operation.
fn paths(api: &Api) -> TokenStream {
    let ids = api.operations.iter().map(|it| &it.id);
    let paths = api.operations.iter().map(Operation::path_text);
    quote! {
        /// The path of the operation with this `operationId`, as the spec writes it.
        pub fn path_of(operation: &str) -> Option<&'static str> {
            match operation {
                #(#ids => Some(#paths),)*
                _ => None,
            }
        }
    }
}

/// An operation as a separate endpoint of dropshot.
fn endpoint(operation: &Operation, variables: &TokenStream) -> TokenStream {
    let (id, summary, tag) = (&operation.id, &operation.summary, &operation.tag);
    let description = operation.description.as_ref().map(|text| {
        let text = unwrapped(text);
        quote! { .description(#text) }
    });
    let (method, path) = (method(operation.method.token()), operation.path_text());
    quote! {
        api.register(
            ::dropshot::ApiEndpoint::new(
                #id.to_owned(),
                endpoint::<A, #variables>,
                #method,
                "application/json",
                #path,
                ::dropshot::ApiEndpointVersions::All,
            )
            .summary(#summary)#description.tag(#tag),
        )?;
    }
}

/// The handler of an operation.
fn handler(operation: &Operation) -> TokenStream {
    let (module, function) = (names::module(&operation.tag), format_ident!("{}", operation.id));
    quote! { super::#module::#function }
}

fn method(token: &str) -> TokenStream {
    let constant = format_ident!("{token}");
    quote! { ::http::Method::#constant }
}

/// The text with each paragraph on one line.
fn unwrapped(text: &str) -> String {
    text.split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// The struct of the variables of a path, which its operations share.
fn variables(operations: &[&Operation]) -> TokenStream {
    let named = operations.iter().find_map(|it| Some((it, variables_name(it)?)));
    match named {
        Some((operation, name)) => {
            let module = names::module(&operation.tag);
            quote! { super::#module::#name }
        }
        None => quote! { NoVariables },
    }
}

/// The value of `Allow`.
fn allowed(operations: &[&Operation]) -> String {
    let mut methods: Vec<Method> = operations.iter().map(|it| it.method).collect();
    methods.sort_unstable();
    let tokens: Vec<&str> = methods.into_iter().flat_map(supported).copied().collect();
    tokens.join(", ")
}

/// The methods that an operation responds to.
fn supported(method: Method) -> &'static [&'static str] {
    match method {
        Method::Get => &["GET", "HEAD"],
        Method::Delete => &["DELETE"],
        Method::Patch => &["PATCH"],
        Method::Post => &["POST"],
        Method::Put => &["PUT"],
    }
}

/// The name of the variables of a shared route, with a number if paths that differ only in their punctuation have the name
/// already.
fn shared_name(route: &Route<'_>, taken: &mut BTreeSet<String>) -> Ident {
    let plain = format!("shared_{}", names::snake_case(&path_text(&route.path)));
    let numbered = (2..).map(|number| format!("{plain}_{number}"));
    let free = std::iter::once(plain.clone())
        .chain(numbered)
        .map(|name| names::operation_type(&name))
        .find(|name| taken.insert(name.clone()));
    format_ident!("{}Path", free.unwrap_or(plain))
}

/// The variables of a route of dropshot that several paths of the spec share.
fn shared_variables(route: &Route<'_>, name: &Ident) -> TokenStream {
    let variables = route.path.iter().filter_map(|segment| match segment {
        Segment::Variable(name) => {
            let field = names::field(name);
            let rename = (field != *name).then(|| quote! { #[serde(rename = #name)] });
            Some(quote! { #rename #field: String })
        }
        Segment::Literal(_) => None,
    });
    let served: Vec<String> = route
        .served
        .iter()
        .map(|served| format!("`{}`", path_text(&served.path)))
        .collect();
    let documentation = doc(&format!(
        "The variables of `{}`. It is used for {}, because dropshot's router does not support these paths side by side.",
        path_text(&route.path),
        served.join(", ")
    ));
    quote! {
        #documentation
        #[derive(::serde::Deserialize, ::schemars::JsonSchema)]
        #[expect(dead_code, reason = "declares the variables to dropshot, which does not pass them on")]
        struct #name {
            #(#variables),*
        }
    }
}

/// The operations of a path.
fn arm(served: &Served<'_>) -> TokenStream {
    let pattern = served.path.iter().map(|segment| match segment {
        Segment::Literal(text) => quote! { #text },
        Segment::Variable(name) => {
            let name = path_variable(name);
            quote! { #name }
        }
    });
    let path = path_text(&served.path);
    let operations = served.operations.iter().map(|it| call(it));
    let allowed = allowed(&served.operations);
    quote! {
        [#(#pattern),*] if is_served(#path) => match method {
            #(#operations)*
            _ => super::response::method_not_allowed(&context, #allowed),
        },
    }
}

/// The variable of a path's variable, beside those of the function itself.
fn path_variable(name: &str) -> Ident {
    names::variable(name, &["context", "is_served", "method", "request", "segments", "uri"])
}

/// Calls the handler of an operation.
fn call(operation: &Operation) -> TokenStream {
    let variables = variables_name(operation).map(|name| {
        let module = names::module(&operation.tag);
        let fields = operation.path.iter().filter_map(|segment| match segment {
            Segment::Variable(name) => {
                let (field, variable) = (names::field(name), path_variable(name));
                Some(quote! { #field: (*#variable).to_owned() })
            }
            Segment::Literal(_) => None,
        });
        quote! { super::#module::#name { #(#fields),* }, }
    });
    let request = operation.body.as_ref().map(|_| quote! { request, });
    let methods = supported(operation.method).iter().map(|it| method(it));
    let handler = handler(operation);
    quote! { #(#methods)|* => #handler(context, #variables #request).await, }
}
