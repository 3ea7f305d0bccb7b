//! Emits `server/`: a trait for each tag, and for each operation the enum of its answers.

use super::{admission, rust};
use crate::model::{Access, Api, Operation, Parameter, Response, Tag};
use crate::print::{docs, rust_source};
use crate::{Error, GeneratedFile, names};

const REQUEST: &str = include_str!("../templates/request_metadata.rs");
const INVALID_BODY: &str = include_str!("../templates/invalid_body.rs");

/// All files of `server/`.
pub(crate) fn emit(api: &Api) -> Result<Vec<GeneratedFile>, Error> {
    let mut files = vec![GeneratedFile::new(
        "server/request.rs",
        rust_source("What every operation learns of its request.", REQUEST)?,
    )];
    let mut modules = vec![("request".to_owned(), vec!["RequestMetadata".to_owned()])];
    if api.operations.iter().any(|it| it.body.is_some()) {
        files.push(GeneratedFile::new(
            "server/invalid_body.rs",
            rust_source("Why a body could not be read.", INVALID_BODY)?,
        ));
        modules.push(("invalid_body".to_owned(), vec!["InvalidBody".to_owned()]));
    }
    if let Some(file) = admission::server_file(api)? {
        files.push(file);
        modules.push(("admission".to_owned(), admission::EXPORTS.map(str::to_owned).to_vec()));
    }
    for tag in &api.tags {
        if api.operations_of(tag).next().is_none() {
            continue;
        }
        files.push(GeneratedFile::new(format!("server/{}.rs", tag.name), file(api, tag)?));
        let mut exports: Vec<String> = api.operations_of(tag).map(answers_name).collect();
        exports.push(trait_name(tag));
        exports.sort();
        modules.push((tag.name.clone(), exports));
    }
    modules.sort();
    let declarations: String = modules.iter().map(|(name, _)| format!("mod {name};\n")).collect();
    let exports: String = modules
        .iter()
        .map(|(name, exports)| format!("pub use self::{name}::{{{}}};\n", exports.join(", ")))
        .collect();
    let traits: Vec<String> = traits(api).collect();
    let bounds = traits.join(" + ");
    files.push(GeneratedFile::new(
        "server/mod.rs",
        rust_source(
            "What an implementation of the API provides: a trait for each tag of the spec, a method for each operation, \
             and an enum of the answers that the operation declares.",
            &format!(
                r#"
                {declarations}{exports}
                /// The whole API: everything that implements the trait of every tag.
                pub trait Api: {bounds} {{}}

                impl<T: {bounds}> Api for T {{}}
                "#
            ),
        )?,
    ));
    Ok(files)
}

/// The names of the traits, in the order of the tags.
pub(super) fn traits(api: &Api) -> impl Iterator<Item = String> {
    api.tags
        .iter()
        .filter(|tag| api.operations_of(tag).next().is_some())
        .map(trait_name)
}

fn trait_name(tag: &Tag) -> String {
    names::type_name(&tag.name)
}

/// The name of the enum of an operation's answers.
pub(super) fn answers_name(operation: &Operation) -> String {
    format!("{}Response", names::type_name(&operation.id))
}

fn file(api: &Api, tag: &Tag) -> Result<String, Error> {
    let methods: String = api.operations_of(tag).map(method).collect();
    let answers: String = api.operations_of(tag).map(answers).collect();
    let name = trait_name(tag);
    let bounds = if api.operations_of(tag).any(|it| it.access.is_secured()) {
        "Admission"
    } else {
        "Send + Sync + 'static"
    };
    let body = format!(
        r#"
        {documentation}
        pub trait {name}: {bounds} {{
            {methods}
        }}
        {answers}
        "#,
        documentation = docs(&tag.description),
    );
    let imports = rust::imports(
        &body,
        &[
            ("Admission", "super::Admission"),
            ("InvalidBody", "super::InvalidBody"),
            ("Principal<", "super::Principal"),
            ("TryLater", "super::TryLater"),
            ("RequestMetadata", "super::RequestMetadata"),
            ("types::", "crate::types"),
        ],
    );
    rust_source(
        &format!("The operations tagged `{}`.", tag.name),
        &format!("{imports}{body}"),
    )
}

fn method(operation: &Operation) -> String {
    let mut arguments = vec!["&self".to_owned(), "metadata: RequestMetadata".to_owned()];
    if operation.access.is_secured() {
        let principal = "Principal<Self::Identity>";
        arguments.push(if operation.declares_later() {
            format!("principal: {principal}")
        } else {
            format!("principal: Result<{principal}, TryLater>")
        });
    }
    for parameter in &operation.parameters {
        arguments.push(format!("{}: {}", parameter.name, parameter_type(parameter)));
    }
    if let Some(body) = body_type(operation) {
        arguments.push(format!("body: {body}"));
    }
    format!(
        "{}fn {}({}) -> impl Future<Output = {}> + Send;\n",
        docs(&method_documentation(operation)),
        operation.id,
        arguments.join(", "),
        answers_name(operation),
    )
}

fn method_documentation(operation: &Operation) -> String {
    let mut text = operation.summary.clone();
    if let Some(description) = &operation.description {
        text.push_str("\n\n");
        text.push_str(description);
    }
    if let Access::Secured(scopes) = &operation.access {
        let scopes: Vec<String> = scopes.iter().map(|it| format!("`{it}`")).collect();
        text.push_str(&format!("\n\nFor callers who have {}.", scopes.join(" and ")));
    }
    text.push_str(&format!("\n\n`{} {}`", operation.method.token(), operation.path_text()));
    text
}

/// The type of the argument of a parameter.
pub(super) fn parameter_type(parameter: &Parameter) -> String {
    let ty = rust::type_of(&parameter.ty, "types::");
    if parameter.required || parameter.default.is_some() {
        ty
    } else {
        format!("Option<{ty}>")
    }
}

/// The type of the argument of the body, where the operation has one.
pub(super) fn body_type(operation: &Operation) -> Option<String> {
    let body = operation.body.as_ref()?;
    let ty = format!("types::{}", names::type_name(&body.schema));
    let ty = if body.required { ty } else { format!("Option<{ty}>") };
    Some(if operation.response(400).is_some() {
        ty
    } else {
        format!("Result<{ty}, InvalidBody>")
    })
}

fn answers(operation: &Operation) -> String {
    let variants: String = operation.implementation_responses().map(variant).collect();
    format!(
        r#"
        /// The answers that `{}` declares.
        #[derive(Clone, Debug)]
        pub enum {} {{
            {variants}
        }}
        "#,
        operation.id,
        answers_name(operation)
    )
}

/// The variant of an answer.
pub(super) fn variant(response: &Response) -> String {
    let documentation = docs(&format!("{}: {}", response.status.code, response.description));
    let body = response
        .body
        .as_ref()
        .map(|name| format!("types::{}", names::type_name(name)));
    let name = response.status.variant;
    if response.headers.is_empty() {
        return match body {
            Some(body) => format!("{documentation}{name}({body}),\n"),
            None => format!("{documentation}{name},\n"),
        };
    }
    let body = body.map_or_else(String::new, |body| format!("/// The body.\nbody: {body},\n"));
    let headers: String = response
        .headers
        .iter()
        .map(|header| {
            let text = header
                .description
                .clone()
                .unwrap_or_else(|| format!("The header `{}`.", header.name));
            format!(
                "{}{}: {},\n",
                docs(&text),
                names::snake_case(&header.name),
                rust::type_of(&header.ty, "types::")
            )
        })
        .collect();
    format!("{documentation}{name} {{ {body}{headers} }},\n")
}
