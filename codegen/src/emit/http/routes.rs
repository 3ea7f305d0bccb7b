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
    let mut dispatchers = Vec::new();
    let mut dispatcher_names = BTreeSet::new();
    for route in routes::from_api(api) {
        let registration = if route.is_direct() {
            let operations: Vec<&Operation> = route.served.iter().flat_map(|it| it.operations.clone()).collect();
            let endpoints = operations.iter().map(|it| endpoint(it));
            let other_methods = other_methods(&operations);
            quote! { #(#endpoints)* #other_methods }
        } else {
            let name = dispatcher_name(&route, &mut dispatcher_names);
            dispatchers.push(dispatcher(&route, &name));
            dispatched(&route, &name)
        };
        let path = path_text(&route.path);
        registrations.push(quote! { if is_served(#path) { #registration } });
    }
    let paths = paths(api);
    let beside_operations = beside_operations();
    rust_file(
        "All routes of the API.",
        quote! {
            /// The methods that every path responds to, at least with 405.
            const METHODS: [::http::Method; 7] = [
                ::http::Method::GET,
                ::http::Method::HEAD,
                ::http::Method::POST,
                ::http::Method::PUT,
                ::http::Method::PATCH,
                ::http::Method::DELETE,
                ::http::Method::OPTIONS,
            ];

            /// The API as dropshot serves it, for an implementation `A`: all paths for which `is_served` returns `true`.
            ///
            /// Implement the traits in [`server`](crate::server) for a type, and pass a [`ServerContext`] of it to
            /// `dropshot::ServerBuilder::new` together with this description. The HTTP layer responds to invalid requests
            /// with the spec's `Error`, except for paths that no operation has: dropshot's router rejects those itself.
            /// A path with GET also responds to HEAD, with the same head and without the body (RFC 9110, section 9.3.2),
            /// which hyper removes.
            ///
            /// # Errors
            ///
            /// Fails if dropshot rejects a route, which the generator has ruled out for the spec's paths.
            pub fn api_description<A: crate::server::Api>(
                is_served: impl Fn(&str) -> bool,
            ) -> Result<
                ::dropshot::ApiDescription<super::context::ServerContext<A>>,
                ::dropshot::ApiDescriptionRegisterError,
            > {
                let mut api = ::dropshot::ApiDescription::new();
                #(#registrations)*
                Ok(api)
            }

            #paths
            #beside_operations
            #(#dispatchers)*
        },
    )
}

/// What the API needs for methods that a path does not support, and what serves other paths by the same rules.
fn beside_operations() -> TokenStream {
    quote! {
        /// Responds with 405 to all methods of a path except the allowed ones (such as `GET, HEAD`), and to preflight
        /// requests of allowed origins.
        ///
        /// # Errors
        ///
        /// Fails if dropshot rejects the path.
        pub fn reject_other_methods<A, P>(
            api: &mut ::dropshot::ApiDescription<super::context::ServerContext<A>>,
            path: &str,
            allowed: &'static str,
        ) -> Result<(), ::dropshot::ApiDescriptionRegisterError>
        where
            A: crate::server::Api,
            P: ::serde::de::DeserializeOwned + ::schemars::JsonSchema + Send + Sync + 'static,
        {
            let is_allowed = |method: &::http::Method| allowed.split(", ").any(|name| name == method.as_str());
            for method in METHODS.into_iter().filter(|method| !is_allowed(method)) {
                let reject =
                    move |context: ::dropshot::RequestContext<super::context::ServerContext<A>>,
                          _: ::dropshot::Path<P>| async move {
                        super::response::method_not_allowed(&context, allowed)
                    };
                let id = format!("{method} {path}");
                register_unlisted(
                    api,
                    ::dropshot::ApiEndpoint::new(
                        id,
                        reject,
                        method,
                        "application/json",
                        path,
                        ::dropshot::ApiEndpointVersions::All,
                    ),
                )?;
            }
            Ok(())
        }

        /// Registers an endpoint that is not an operation of the spec. The documents do not show it.
        ///
        /// # Errors
        ///
        /// Fails if dropshot rejects the path.
        pub fn register_unlisted<A: crate::server::Api>(
            api: &mut ::dropshot::ApiDescription<super::context::ServerContext<A>>,
            mut endpoint: ::dropshot::ApiEndpoint<super::context::ServerContext<A>>,
        ) -> Result<(), ::dropshot::ApiDescriptionRegisterError> {
            endpoint.visible = false;
            api.register(endpoint)
        }

        /// The variables of a path without variables.
        #[derive(::serde::Deserialize, ::schemars::JsonSchema)]
        pub struct NoVariables {}
    }
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

/// An operation as a separate endpoint.
fn endpoint(operation: &Operation) -> TokenStream {
    let summary = &operation.summary;
    let tag = &operation.tag;
    let description = operation.description.as_ref().map(|text| {
        let text = unwrapped(text);
        quote! { .description(#text) }
    });
    let handler = handler(operation);
    let path = operation.path_text();
    let endpoint = new_endpoint(&operation.id, &handler, &method(operation.method.token()), &path);
    let head = match operation.method {
        Method::Get => {
            let head = new_endpoint(&format!("HEAD {path}"), &handler, &method("HEAD"), &path);
            Some(quote! { register_unlisted(&mut api, #head)?; })
        }
        Method::Delete | Method::Patch | Method::Post | Method::Put => None,
    };
    quote! {
        api.register(#endpoint.summary(#summary)#description.tag(#tag))?;
        #head
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

fn new_endpoint(id: &str, handler: &TokenStream, method: &TokenStream, path: &str) -> TokenStream {
    quote! {
        ::dropshot::ApiEndpoint::new(
            #id.to_owned(),
            #handler,
            #method,
            "application/json",
            #path,
            ::dropshot::ApiEndpointVersions::All,
        )
    }
}

/// 405 for the methods that a path does not support.
fn other_methods(operations: &[&Operation]) -> Option<TokenStream> {
    let first = operations.first()?;
    let variables = match variables_name(first) {
        Some(name) => {
            let module = names::module(&first.tag);
            quote! { super::#module::#name }
        }
        None => quote! { NoVariables },
    };
    let (path, allowed) = (first.path_text(), allowed(operations));
    Some(quote! { reject_other_methods::<A, #variables>(&mut api, #path, #allowed)?; })
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

/// The name of a route's dispatcher, with a number if paths that differ only in their punctuation have the name already.
fn dispatcher_name(route: &Route<'_>, taken: &mut BTreeSet<String>) -> Ident {
    let plain = format!("dispatch_{}", names::snake_case(&path_text(&route.path)));
    let numbered = (2..).map(|number| format!("{plain}_{number}"));
    let free = std::iter::once(plain.clone())
        .chain(numbered)
        .find(|name| taken.insert(name.clone()));
    format_ident!("{}", free.unwrap_or(plain))
}

/// Registers a route that several paths of the spec share.
fn dispatched(route: &Route<'_>, name: &Ident) -> TokenStream {
    let endpoint = new_endpoint(
        &name.to_string(),
        &quote! { #name },
        &quote! { method },
        &path_text(&route.path),
    );
    quote! {
        for method in METHODS {
            register_unlisted(&mut api, #endpoint)?;
        }
    }
}

fn dispatcher(route: &Route<'_>, name: &Ident) -> TokenStream {
    let variables: Vec<&str> = route
        .path
        .iter()
        .filter_map(|segment| match segment {
            Segment::Variable(name) => Some(name.as_str()),
            Segment::Literal(_) => None,
        })
        .collect();
    let declarations = variables.iter().map(|name| {
        let field = names::field(name);
        let rename = (field != *name).then(|| quote! { #[serde(rename = #name)] });
        quote! { #rename #field: String }
    });
    let fields = variables.iter().map(|name| names::field(name));
    let path_type = format_ident!("{}Path", names::operation_type(&name.to_string()));
    let served: Vec<String> = route
        .served
        .iter()
        .map(|served| format!("`{}`", path_text(&served.path)))
        .collect();
    let path_documentation = doc(&format!("The variables of the route `{}`.", path_text(&route.path)));
    let documentation = doc(&format!(
        "Serves {}. dropshot's router does not support these paths side by side. Literal segments are matched before \
         variables.",
        served.join(", ")
    ));
    let arms = route.served.iter().map(|served| dispatch_arm(route, served));
    let needs_request = route
        .served
        .iter()
        .flat_map(|it| &it.operations)
        .any(|it| it.body.is_some());
    let request = needs_request.then(|| quote! { request: ::dropshot::RawRequest, });
    let catch_all = (!is_exhaustive(route)).then(|| quote! { _ => super::response::not_found(&context), });
    quote! {
        #path_documentation
        #[derive(::serde::Deserialize, ::schemars::JsonSchema)]
        struct #path_type {
            #(#declarations),*
        }

        #documentation
        async fn #name<A: crate::server::Api>(
            context: ::dropshot::RequestContext<super::context::ServerContext<A>>,
            path: ::dropshot::Path<#path_type>,
            #request
        ) -> super::response::HttpResult {
            let path = path.into_inner();
            let method = context.request.method().clone();
            match [#(path.#fields.as_str()),*] {
                #(#arms)*
                #catch_all
            }
        }
    }
}

/// Whether some path of the spec matches every path of the route.
fn is_exhaustive(route: &Route<'_>) -> bool {
    route.served.iter().any(|served| {
        served
            .path
            .iter()
            .zip(&route.path)
            .all(|(served, routed)| match (served, routed) {
                (Segment::Variable(_), Segment::Variable(_)) => true,
                (Segment::Literal(first), Segment::Literal(second)) => first == second,
                (Segment::Literal(_), Segment::Variable(_)) | (Segment::Variable(_), Segment::Literal(_)) => false,
            })
    })
}

fn dispatch_arm(route: &Route<'_>, served: &Served<'_>) -> TokenStream {
    let pattern = served
        .path
        .iter()
        .zip(&route.path)
        .filter(|(_, routed)| matches!(routed, Segment::Variable(_)))
        .map(|(segment, _)| match segment {
            Segment::Literal(text) => quote! { #text },
            Segment::Variable(name) => {
                let name = dispatcher_variable(name);
                quote! { #name }
            }
        });
    let operations = served.operations.iter().map(|it| dispatch_operation(it));
    let allowed = allowed(&served.operations);
    quote! {
        [#(#pattern),*] => match method {
            #(#operations)*
            _ => super::response::method_not_allowed(&context, #allowed),
        },
    }
}

/// The variable of a path's variable, beside those of the dispatcher itself.
fn dispatcher_variable(name: &str) -> Ident {
    names::variable(name, &["context", "method", "path", "request"])
}

fn dispatch_operation(operation: &Operation) -> TokenStream {
    let variables = variables_name(operation).map(|name| {
        let module = names::module(&operation.tag);
        let fields = operation.path.iter().filter_map(|segment| match segment {
            Segment::Variable(name) => {
                let (field, variable) = (names::field(name), dispatcher_variable(name));
                Some(quote! { #field: #variable.to_owned() })
            }
            Segment::Literal(_) => None,
        });
        quote! { ::dropshot::Path::from(super::#module::#name { #(#fields),* }), }
    });
    let request = operation.body.as_ref().map(|_| quote! { request, });
    let methods = supported(operation.method).iter().map(|it| method(it));
    let handler = handler(operation);
    quote! { #(#methods)|* => #handler(context, #variables #request).await, }
}
