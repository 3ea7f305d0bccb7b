//! Emits the file of a tag: a handler for each operation, and how its answers are written.

use crate::emit::types::holds_secret;
use crate::emit::{admission, rust, server};
use crate::model::{Access, Api, Location, Operation, Parameter, Response, Tag, Type};
use crate::print::{docs, rust_source};
use crate::{Error, names};

/// The file of a tag.
pub(super) fn file(api: &Api, tag: &Tag) -> Result<String, Error> {
    let code: String = api.operations_of(tag).map(|it| operation(api, it)).collect();
    let imports = rust::imports(
        &code,
        &[
            ("pin!(", "std::pin::pin"),
            ("HttpError", "dropshot::HttpError"),
            ("Path<", "dropshot::Path"),
            ("RawRequest", "dropshot::RawRequest"),
            ("RequestContext", "dropshot::RequestContext"),
            ("HeaderName", "http::HeaderName"),
            ("StatusCode", "http::StatusCode"),
            ("JsonSchema", "schemars::JsonSchema"),
            ("Deserialize", "serde::Deserialize"),
            ("-> Answer", "super::response::Answer"),
            ("Declared ", "super::response::Declared"),
            ("Draft", "super::response::Draft"),
            ("Service<", "super::service::Service"),
            ("admission::", "super::admission"),
            ("request::", "super::request"),
            ("response::", "super::response"),
            ("Scope::", "crate::server::Scope"),
            ("server::", "crate::server"),
        ],
    );
    let names: Vec<String> = api.operations_of(tag).map(server::answers_name).collect();
    rust_source(
        &format!("The operations tagged `{}` over HTTP.", tag.name),
        &format!("{imports}use crate::server::{{{}}};\n{code}", names.join(", ")),
    )
}

fn operation(api: &Api, operation: &Operation) -> String {
    format!(
        "{}{}{}",
        variables(operation),
        handler(operation),
        writing(api, operation)
    )
}

/// The name of the struct of an operation's path variables, where it has any.
pub(super) fn variables_name(operation: &Operation) -> Option<String> {
    operation
        .parameters
        .iter()
        .any(|it| it.location == Location::Path)
        .then(|| format!("{}Path", names::type_name(&operation.id)))
}

fn variables(operation: &Operation) -> String {
    let Some(name) = variables_name(operation) else {
        return String::new();
    };
    let fields: String = operation
        .parameters
        .iter()
        .filter(|it| it.location == Location::Path)
        .map(|it| {
            let documentation = it.description.as_deref().map_or_else(String::new, docs);
            format!("{documentation}pub(super) {}: String,\n", it.name)
        })
        .collect();
    format!(
        r#"
        /// The variables of `{}`, not read yet.
        #[derive(Deserialize, JsonSchema)]
        pub(super) struct {name} {{
            {fields}
        }}
        "#,
        operation.path_text()
    )
}

fn handler(operation: &Operation) -> String {
    let has_path = variables_name(operation).is_some();
    let has_query = operation.parameters.iter().any(|it| it.location == Location::Query);
    let mut arguments = vec!["context: RequestContext<Service<A>>".to_owned()];
    if let Some(name) = variables_name(operation) {
        arguments.push(format!("path: Path<{name}>"));
    }
    if operation.body.is_some() {
        arguments.push("request: RawRequest".to_owned());
    }
    let mut reading = "let metadata = request::metadata(&context);\n".to_owned();
    if let Access::Secured(scopes) = &operation.access {
        let function = if operation.declares_later() {
            "principal"
        } else {
            "principal_or_later"
        };
        reading.push_str(&format!(
            "let principal = admission::{function}(&context, &metadata, {}).await?;\n",
            needed(scopes)
        ));
    }
    if has_path {
        reading.push_str("let path = path.into_inner();\n");
    }
    if has_query {
        reading.push_str("let query = request::query(&context);\n");
    }
    for parameter in &operation.parameters {
        reading.push_str(&format!("let {} = {}?;\n", parameter.name, read(parameter)));
    }
    if let Some(body) = &operation.body {
        let function = if body.required {
            "required_body"
        } else {
            "optional_body"
        };
        let question = if operation.response(400).is_some() { "?" } else { "" };
        reading.push_str(&format!(
            "let body = request::{function}(&context, request).await{question};\n"
        ));
    }
    let mut values = vec!["metadata".to_owned()];
    if operation.access.is_secured() {
        values.push("principal".to_owned());
    }
    values.extend(operation.parameters.iter().map(|it| it.name.clone()));
    if operation.body.is_some() {
        values.push("body".to_owned());
    }
    let call = format!(
        "context.context().implementation.{}({}).await",
        operation.id,
        values.join(", ")
    );
    let documentation = docs(&format!(
        "`{} {}`: {}",
        operation.method.token(),
        operation.path_text(),
        operation.summary
    ));
    format!(
        r#"
        {documentation}
        pub(super) async fn {}<A: server::Api>({}) -> Answer {{
            let work = async {{
                {reading}
                Ok({call})
            }};
            response::answer(&context, {:?}, pin!(work)).await
        }}
        "#,
        operation.id,
        arguments.join(", "),
        operation.id
    )
}

/// The scopes as the code lists them.
fn needed(scopes: &[String]) -> String {
    let scopes: Vec<String> = scopes.iter().map(|it| admission::scope(it)).collect();
    format!("&[{}]", scopes.join(", "))
}

fn read(parameter: &Parameter) -> String {
    let name = &parameter.name;
    match (parameter.location, &parameter.default) {
        (Location::Path, _) => format!("request::path_parameter({name:?}, &path.{name})"),
        (Location::Query, Some(default)) => {
            format!("request::defaulted_parameter(&query, {name:?}, {default:?})")
        }
        (Location::Query, None) if parameter.required => {
            format!("request::required_parameter(&query, {name:?})")
        }
        (Location::Query, None) => format!("request::optional_parameter(&query, {name:?})"),
    }
}

fn writing(api: &Api, operation: &Operation) -> String {
    let answers = server::answers_name(operation);
    let arms: String = operation
        .implementation_responses()
        .map(|response| arm(api, Some(operation), response))
        .collect();
    format!(
        r#"
        impl Declared for {answers} {{
            fn draft(self) -> Result<Draft, HttpError> {{
                Ok(match self {{
                    {arms}
                }})
            }}
        }}
        "#
    )
}

/// How an answer is written: one of an operation, or of the HTTP layer itself.
pub(in crate::emit) fn arm(api: &Api, operation: Option<&Operation>, response: &Response) -> String {
    let name = response.status.variant;
    let status = format!("StatusCode::{}", response.status.constant);
    let mut answer = match &response.body {
        Some(schema) if holds_secret(api, &Type::Named(schema.clone())) => {
            format!("response::secret(response::json({status}, &body)?)")
        }
        Some(_) if response.status.code == 200 && operation.is_some_and(|it| it.is_conditional) => {
            format!("response::tagged(response::json({status}, &body)?)")
        }
        Some(_) => format!("response::json({status}, &body)?"),
        None => format!("response::without_body({status})"),
    };
    if let (403, Some(Access::Secured(scopes))) = (response.status.code, operation.map(|it| &it.access)) {
        answer = format!("admission::insufficient_scope({answer}, {})?", needed(scopes));
    }
    if response.headers.is_empty() {
        return match &response.body {
            Some(_) => format!("Self::{name}(body) => {answer},\n"),
            None => format!("Self::{name} => {answer},\n"),
        };
    }
    let mut bindings: Vec<String> = response.headers.iter().map(|it| names::snake_case(&it.name)).collect();
    if response.body.is_some() {
        bindings.insert(0, "body".to_owned());
    }
    for header in &response.headers {
        let binding = names::snake_case(&header.name);
        let value = if matches!(header.ty, Type::Named(_)) {
            format!("{binding}.get()")
        } else {
            binding
        };
        answer = format!(
            "response::with_header({answer}, HeaderName::from_static({:?}), {value}.into())",
            header.name.to_ascii_lowercase()
        );
    }
    format!("Self::{name} {{ {} }} => {answer},\n", bindings.join(", "))
}
