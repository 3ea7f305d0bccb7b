//! Emits `types/`: a Rust type for every schema, each in the file of the tag that uses it.

mod objects;
mod runtime;
mod scalars;
mod text;
mod usage;

use std::collections::BTreeSet;

use super::rust;
use crate::model::{Api, Kind, Schema, Type};
use crate::print::{docs, rust_source};
use crate::{Error, GeneratedFile, names};

/// The file of the schemas that several tags use.
const SHARED: &str = "shared";

/// All files of `types/`.
pub(crate) fn emit(api: &Api) -> Result<Vec<GeneratedFile>, Error> {
    let usage = usage::Usage::from_api(api);
    let mut homes = vec![(SHARED, "The types that the operations of several tags use.".to_owned())];
    for tag in &api.tags {
        homes.push((&tag.name, format!("The types of the operations tagged `{}`.", tag.name)));
    }
    let mut files = Vec::new();
    let mut modules = vec![("constraint", vec!["ConstraintError".to_owned(), "Quoted".to_owned()])];
    let mut all_code = String::new();
    for (home, documentation) in homes {
        let schemas: Vec<&Schema> = api
            .schemas
            .iter()
            .filter(|schema| usage.module(&schema.name) == home)
            .collect();
        if schemas.is_empty() {
            continue;
        }
        let code: String = schemas.iter().map(|schema| type_of(api, &usage, schema)).collect();
        let source = format!("{}{code}", imports(&code, &schemas));
        files.push(GeneratedFile::new(
            format!("types/{home}.rs"),
            rust_source(&documentation, &source)?,
        ));
        let mut exports: Vec<String> = schemas.iter().map(|schema| names::type_name(&schema.name)).collect();
        exports.sort();
        modules.push((home, exports));
        all_code.push_str(&code);
    }
    files.push(runtime::constraint(&all_code)?);
    if let Some(encode) = runtime::encode(&all_code)? {
        files.push(encode);
        modules.push(("encode", Vec::new()));
    }
    all_code.push_str(&formats_of_parameters(api));
    if let Some(decode) = runtime::decode(&all_code)? {
        let reads_formats = decode.text.contains("trait Format");
        files.push(decode);
        modules.push((
            "decode",
            reads_formats.then(|| "Format".to_owned()).into_iter().collect(),
        ));
    }
    modules.sort();
    let declarations: String = modules.iter().map(|(home, _)| format!("mod {home};\n")).collect();
    let exports: String = modules
        .iter()
        .filter(|(_, exports)| !exports.is_empty())
        .map(|(home, exports)| format!("pub use self::{home}::{{{}}};\n", exports.join(", ")))
        .collect();
    files.push(GeneratedFile::new(
        "types/mod.rs",
        rust_source(
            "The types of the spec's schemas.\n\nA value of a type keeps the rules of its schema: they are checked when \
             it is read and when it is made.",
            &format!("{declarations}{exports}"),
        )?,
    ));
    Ok(files)
}

/// What reading the parameters that have a format, but no schema of their own, needs.
fn formats_of_parameters(api: &Api) -> String {
    let parameters = api.operations.iter().flat_map(|operation| &operation.parameters);
    parameters
        .filter_map(|parameter| match &parameter.ty {
            Type::Formatted(format) => Some(format!(" Format::parse {}", rust::formatted(*format))),
            Type::Named(_)
            | Type::String
            | Type::Boolean
            | Type::Integer(_)
            | Type::Number
            | Type::Array(_)
            | Type::FreeForm => None,
        })
        .collect()
}

fn type_of(api: &Api, usage: &usage::Usage, schema: &Schema) -> String {
    let name = names::type_name(&schema.name);
    let documentation = docs(&schema.description);
    match &schema.kind {
        Kind::Object(properties) => objects::object(api, usage, schema, &name, properties),
        Kind::Enumeration(values) => scalars::enumeration(&name, &documentation, values),
        Kind::Text(rules) if rules.secret => text::secret(&name, &documentation, rules),
        Kind::Text(rules) => text::text(&name, &documentation, rules),
        Kind::Integer(rules) => scalars::integer(&name, &documentation, rules),
        Kind::Formatted(format) => scalars::formatted(&name, &documentation, *format),
    }
}

/// What a file needs from elsewhere, found by what its code mentions.
fn imports(code: &str, here: &[&Schema]) -> String {
    let fixed = rust::imports(
        code,
        &[
            ("fmt::", "std::fmt"),
            ("FromStr for", "std::str::FromStr"),
            ("LazyLock<", "std::sync::LazyLock"),
            ("DateTime<", "chrono::DateTime"),
            ("NaiveDate", "chrono::NaiveDate"),
            ("Utc", "chrono::Utc"),
            ("Serialize", "serde::{Deserialize, Serialize}"),
            ("Map<String, Value>", "serde_json::{Map, Value}"),
            ("Uuid", "uuid::Uuid"),
            ("constraint::", "super::constraint"),
            ("ConstraintError", "super::constraint::ConstraintError"),
            ("CompiledPattern", "super::constraint::CompiledPattern"),
            ("Quoted::", "super::constraint::Quoted"),
            ("\"decode::", "super::decode"),
            ("encode::", "super::encode"),
            ("Format::parse", "super::decode::Format"),
        ],
    );
    let defined: BTreeSet<&str> = here.iter().map(|it| it.name.as_str()).collect();
    let elsewhere: BTreeSet<String> = here
        .iter()
        .flat_map(|schema| usage::references(schema))
        .filter(|name| !defined.contains(name))
        .map(names::type_name)
        .collect();
    let others: String = elsewhere.iter().map(|name| format!("use super::{name};\n")).collect();
    format!("{fixed}{others}")
}

/// Does a type of this name hold a secret, itself or in a property?
pub(in crate::emit) fn holds_secret(api: &Api, ty: &Type) -> bool {
    match ty {
        Type::Named(name) => api.schema(name).is_some_and(|schema| match &schema.kind {
            Kind::Text(rules) => rules.secret,
            Kind::Object(properties) => properties.iter().any(|it| holds_secret(api, &it.ty)),
            Kind::Enumeration(_) | Kind::Integer(_) | Kind::Formatted(_) => false,
        }),
        Type::Array(items) => holds_secret(api, items),
        Type::String | Type::Boolean | Type::Integer(_) | Type::Number | Type::Formatted(_) | Type::FreeForm => false,
    }
}
