//! Emits `http/routes.rs`: the list of everything that is served.

use super::handlers::variables_name;
use crate::emit::rust;
use crate::model::{Api, Method, Operation, Segment, path_text};
use crate::print::{docs, rust_source};
use crate::routes::{Route, Served};
use crate::{Error, names, routes};

const API_DOCUMENTATION: &str = r"
/// The API as dropshot serves it, for an implementation `A`: all of it, or the paths that a listener is to serve.
///
/// Implement the traits in [`server`] for a type, and pass a [`Service`] of it to
/// `dropshot::ServerBuilder::new` beside this description. Whatever the HTTP layer refuses by itself
/// is answered with the spec's `Error`, but for paths that no operation has: those dropshot's router
/// refuses in its own words. Where a path has GET, HEAD is answered with the same head and without
/// the body (RFC 9110, section 9.3.2), which hyper leaves out.
///
/// # Errors
///
/// Fails when dropshot refuses a route, which the generator has ruled out for the spec's paths.
";

/// What answers the methods that a path has not, what the documents do not show, and the variables of a path that has
/// none; offered to what is served beside the API, too.
const BESIDE_OPERATIONS: &str = r#"
/// Answers the methods that a path has not, all but the allowed ones (such as `GET, HEAD`): with 405,
/// and to a browser that asks for a page of an allowed origin, with what that may send.
///
/// # Errors
///
/// Fails when dropshot refuses the path.
pub fn refuse_others<A, P>(
    api: &mut ApiDescription<Service<A>>,
    path: &str,
    allowed: &'static str,
) -> Result<(), ApiDescriptionRegisterError>
where
    A: server::Api,
    P: DeserializeOwned + JsonSchema + Send + Sync + 'static,
{
    let is_allowed = |method: &Method| allowed.split(", ").any(|name| name == method.as_str());
    for method in METHODS.into_iter().filter(|method| !is_allowed(method)) {
        let refuse = move |context: RequestContext<Service<A>>, _: Path<P>| async move {
            response::method_not_allowed(&context, allowed)
        };
        let id = format!("{method} {path}");
        register_unlisted(
            api,
            ApiEndpoint::new(id, refuse, method, "application/json", path, ApiEndpointVersions::All),
        )?;
    }
    Ok(())
}

/// Registers what is no operation of the spec; the documents do not show it.
///
/// # Errors
///
/// Fails when dropshot refuses the path.
pub fn register_unlisted<A: server::Api>(
    api: &mut ApiDescription<Service<A>>,
    mut endpoint: ApiEndpoint<Service<A>>,
) -> Result<(), ApiDescriptionRegisterError> {
    endpoint.visible = false;
    api.register(endpoint)
}

/// The variables of a path without any.
#[derive(Deserialize, JsonSchema)]
pub struct NoVariables {}
"#;

/// The methods that are answered, if only with 405.
const METHODS: &str = r"
/// The methods that are answered, if only with 405.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];
";

/// `http/routes.rs`.
pub(super) fn file(api: &Api) -> Result<String, Error> {
    let mut registrations = String::new();
    let mut dispatchers = String::new();
    for route in routes::from_api(api) {
        let registration = if route.is_direct() {
            let operations: Vec<&Operation> = route.served.iter().flat_map(|it| it.operations.clone()).collect();
            let endpoints: String = operations.iter().map(|it| endpoint(it)).collect();
            endpoints + &other_methods(&operations)
        } else {
            dispatchers.push_str(&dispatcher(&route));
            dispatched(&route)
        };
        let path = path_text(&route.path);
        registrations.push_str(&format!("if is_served({path:?}) {{ {registration} }}\n"));
    }
    let code = format!(
        r#"
        {METHODS}
        {documentation}
        pub fn api_description<A: server::Api>(
            is_served: impl Fn(&str) -> bool,
        ) -> Result<ApiDescription<Service<A>>, ApiDescriptionRegisterError> {{
            let mut api = ApiDescription::new();
            {registrations}
            Ok(api)
        }}

        {paths}
        {BESIDE_OPERATIONS}
        {dispatchers}
        "#,
        documentation = API_DOCUMENTATION,
        paths = paths(api),
    );
    let modules: Vec<&str> = api
        .tags
        .iter()
        .map(|tag| tag.name.as_str())
        .filter(|name| code.contains(&format!("{name}::")))
        .collect();
    let dropshot: Vec<&str> = [
        ("ApiDescription::", "ApiDescription"),
        ("ApiDescriptionRegisterError", "ApiDescriptionRegisterError"),
        ("ApiEndpoint:", "ApiEndpoint"),
        ("ApiEndpointVersions", "ApiEndpointVersions"),
        ("Path<", "Path"),
        ("RawRequest", "RawRequest"),
        ("RequestContext", "RequestContext"),
    ]
    .into_iter()
    .filter(|(mention, _)| code.contains(mention))
    .map(|(_, name)| name)
    .collect();
    let imports = format!(
        "use dropshot::{{{}}};\n{}",
        dropshot.join(", "),
        rust::imports(
            &code,
            &[
                ("Method::", "http::Method"),
                ("Answer {", "super::response::Answer"),
                ("JsonSchema", "schemars::JsonSchema"),
                ("Deserialize,", "serde::Deserialize"),
                ("Service<", "super::service::Service"),
                ("DeserializeOwned", "serde::de::DeserializeOwned"),
                ("server::", "crate::server"),
            ]
        ),
    );
    rust_source(
        "Everything that is served, and at which route.",
        &format!("{imports}use super::{{{}, response}};\n{code}", modules.join(", ")),
    )
}

/// From the operations to their paths.
fn paths(api: &Api) -> String {
    let arms: String = api
        .operations
        .iter()
        .map(|it| format!("{:?} => Some({:?}),\n", it.id, it.path_text()))
        .collect();
    format!(
        r#"
        /// The path of the operation with this `operationId`, as the spec writes it.
        pub fn path_of(operation: &str) -> Option<&'static str> {{
            match operation {{
                {arms}
                _ => None,
            }}
        }}
        "#
    )
}

/// An operation as an endpoint of its own.
fn endpoint(operation: &Operation) -> String {
    let description = operation
        .description
        .as_ref()
        .map_or_else(String::new, |text| format!(".description({:?})", unwrapped(text)));
    let handler = format!("{}::{}", operation.tag, operation.id);
    let path = operation.path_text();
    let method = format!("Method::{}", operation.method.token());
    let head = match operation.method {
        Method::Get => format!(
            "register_unlisted(&mut api, {})?;",
            new_endpoint(&format!("HEAD {path}"), &handler, "Method::HEAD", &path)
        ),
        Method::Delete | Method::Patch | Method::Post | Method::Put => String::new(),
    };
    format!(
        r#"
        api.register(
            {}
            .summary({:?}){description}
            .tag({:?}),
        )?;
        {head}
        "#,
        new_endpoint(&operation.id, &handler, &method, &path),
        operation.summary,
        operation.tag,
    )
}

/// The text with one line for each paragraph.
fn unwrapped(text: &str) -> String {
    text.split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n\n")
}

fn new_endpoint(id: &str, handler: &str, method: &str, path: &str) -> String {
    format!(
        "ApiEndpoint::new({id:?}.to_owned(), {handler}, {method}, \"application/json\", {path:?}, ApiEndpointVersions::All)"
    )
}

/// 405 for the methods that a path has not.
fn other_methods(operations: &[&Operation]) -> String {
    let Some(first) = operations.first() else {
        return String::new();
    };
    let variables =
        variables_name(first).map_or_else(|| "NoVariables".to_owned(), |name| format!("{}::{name}", first.tag));
    format!(
        "refuse_others::<A, {variables}>(&mut api, {:?}, {:?})?;\n",
        first.path_text(),
        allowed(operations)
    )
}

/// The value of `Allow`.
fn allowed(operations: &[&Operation]) -> String {
    let mut methods: Vec<Method> = operations.iter().map(|it| it.method).collect();
    methods.sort_unstable();
    let tokens: Vec<&str> = methods.into_iter().flat_map(answered).copied().collect();
    tokens.join(", ")
}

/// The methods that an operation answers.
fn answered(method: Method) -> &'static [&'static str] {
    match method {
        Method::Get => &["GET", "HEAD"],
        Method::Delete => &["DELETE"],
        Method::Patch => &["PATCH"],
        Method::Post => &["POST"],
        Method::Put => &["PUT"],
    }
}

fn dispatcher_name(route: &Route<'_>) -> String {
    format!("dispatch_{}", names::snake_case(&path_text(&route.path)))
}

/// A route that several paths of the spec share.
fn dispatched(route: &Route<'_>) -> String {
    let name = dispatcher_name(route);
    format!(
        r#"
        for method in METHODS {{
            register_unlisted(&mut api, {})?;
        }}
        "#,
        new_endpoint(&name, &name, "method", &path_text(&route.path))
    )
}

fn dispatcher(route: &Route<'_>) -> String {
    let name = dispatcher_name(route);
    let variables: Vec<&str> = route
        .path
        .iter()
        .filter_map(|segment| match segment {
            Segment::Variable(name) => Some(name.as_str()),
            Segment::Literal(_) => None,
        })
        .collect();
    let path_type = format!("{}Path", names::type_name(&name));
    let fields: String = variables.iter().map(|it| format!("{it}: String,\n")).collect();
    let parts: Vec<String> = variables.iter().map(|it| format!("path.{it}.as_str()")).collect();
    let arms: String = route.served.iter().map(|served| dispatch_arm(route, served)).collect();
    let served: Vec<String> = route
        .served
        .iter()
        .map(|served| format!("`{}`", path_text(&served.path)))
        .collect();
    let needs_request = route
        .served
        .iter()
        .flat_map(|it| &it.operations)
        .any(|it| it.body.is_some());
    let (argument, catch_all) = (
        if needs_request { ", request: RawRequest" } else { "" },
        if is_exhaustive(route) {
            ""
        } else {
            "_ => response::not_found(&context),"
        },
    );
    format!(
        r#"
        /// The steps of `{route_text}`.
        #[derive(Deserialize, JsonSchema)]
        struct {path_type} {{
            {fields}
        }}

        {documentation}
        async fn {name}<A: server::Api>(
            context: RequestContext<Service<A>>,
            path: Path<{path_type}>{argument}
        ) -> Answer {{
            let path = path.into_inner();
            let method = context.request.method().clone();
            match [{parts}] {{
                {arms}
                {catch_all}
            }}
        }}
        "#,
        route_text = path_text(&route.path),
        documentation = docs(&format!(
            "Serves {}, which dropshot's router does not hold side by side: words first, then variables.",
            served.join(", ")
        )),
        parts = parts.join(", "),
    )
}

/// Does some path of the spec take every path of the route?
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

fn dispatch_arm(route: &Route<'_>, served: &Served<'_>) -> String {
    let steps: Vec<&Segment> = served
        .path
        .iter()
        .zip(&route.path)
        .filter(|(_, routed)| matches!(routed, Segment::Variable(_)))
        .map(|(step, _)| step)
        .collect();
    let pattern: Vec<String> = steps
        .iter()
        .map(|step| match step {
            Segment::Literal(word) => format!("{word:?}"),
            Segment::Variable(name) => name.clone(),
        })
        .collect();
    let methods: String = served
        .operations
        .iter()
        .map(|operation| dispatch_operation(operation))
        .collect();
    format!(
        "[{}] => match method {{ {methods} _ => response::method_not_allowed(&context, {:?}), }},\n",
        pattern.join(", "),
        allowed(&served.operations)
    )
}

fn dispatch_operation(operation: &Operation) -> String {
    let mut arguments = vec!["context".to_owned()];
    if let Some(name) = variables_name(operation) {
        let fields: Vec<String> = operation
            .path
            .iter()
            .filter_map(|segment| match segment {
                Segment::Variable(name) => Some(format!("{name}: {name}.to_owned()")),
                Segment::Literal(_) => None,
            })
            .collect();
        arguments.push(format!(
            "Path::from({}::{name} {{ {} }})",
            operation.tag,
            fields.join(", ")
        ));
    }
    if operation.body.is_some() {
        arguments.push("request".to_owned());
    }
    let methods: Vec<String> = answered(operation.method)
        .iter()
        .map(|method| format!("Method::{method}"))
        .collect();
    format!(
        "{} => {}::{}({}).await,\n",
        methods.join(" | "),
        operation.tag,
        operation.id,
        arguments.join(", ")
    )
}
