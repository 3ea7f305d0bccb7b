//! Emits `types/`: a Rust type for every schema, each in the file of the tag that uses it.

mod objects;
mod runtime;
mod scalars;
mod text;
mod usage;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use self::usage::Usage;
use super::rust;
use crate::model::{Api, Format, Kind, Schema, Type};
use crate::print::rust_file;
use crate::{Error, GeneratedFile, names};

/// The module of the schemas that several tags use.
const SHARED: &str = "shared";

/// All files of `types/`.
pub(crate) fn emit(api: &Api) -> Result<Vec<GeneratedFile>, Error> {
    let usage = Usage::from_api(api);
    let shared = (
        SHARED.to_owned(),
        "The types that the operations of several tags use.".to_owned(),
    );
    let tags = api.tags.iter().map(|tag| {
        let documentation = format!("The types of the operations tagged `{}`.", tag.name);
        (names::module(&tag.name).to_string(), documentation)
    });
    let mut files = Vec::new();
    let mut modules = vec![(
        "constraint".to_owned(),
        vec!["ConstraintError".to_owned(), "Quoted".to_owned()],
    )];
    let mut all_code = String::new();
    for (module, documentation) in std::iter::once(shared).chain(tags) {
        let schemas: Vec<&Schema> = api
            .schemas
            .iter()
            .filter(|schema| usage.module(&schema.name) == module)
            .collect();
        if schemas.is_empty() {
            continue;
        }
        let types = schemas.iter().map(|schema| schema_type(api, &usage, schema));
        let code = rust_file(&documentation, quote! { #(#types)* })?;
        all_code.push_str(&code);
        files.push(GeneratedFile::new(format!("{module}.rs"), code));
        modules.push((
            module,
            schemas.iter().map(|schema| names::type_name(&schema.name)).collect(),
        ));
    }
    files.push(runtime::constraint(&all_code)?);
    let members = runtime::members(&all_code)?;
    let names = [
        "Member",
        "MemberContent",
        "RequestObject",
        "unknown_hint",
        "unknown_name",
    ];
    let exports = names
        .into_iter()
        .filter(|name| members.text.contains(&format!(" {name}")));
    modules.push(("members".to_owned(), exports.map(str::to_owned).collect()));
    files.push(members);
    if let Some(json) = runtime::json(&all_code)? {
        files.push(json);
        modules.push(("json".to_owned(), vec!["JsonObject".to_owned()]));
    }
    if all_code.contains(" Patch<") {
        files.push(runtime::patch()?);
        modules.push(("patch".to_owned(), vec!["Patch".to_owned()]));
    }
    all_code.push_str(&formats_of_parameters(api));
    let times = used_times(api);
    if !times.is_empty() {
        let time = runtime::time(&times)?;
        all_code.push_str(&time.text);
        files.push(time);
        modules.push(("time".to_owned(), times.into_iter().map(str::to_owned).collect()));
    }
    if let Some(decode) = runtime::decode(&all_code)? {
        let reads_formats = decode.text.contains("trait Format");
        files.push(decode);
        modules.push((
            "decode".to_owned(),
            reads_formats.then(|| "Format".to_owned()).into_iter().collect(),
        ));
    }
    files.push(GeneratedFile::new(
        "mod.rs",
        rust_file(
            "The types of the spec's schemas.\n\nA value of a type satisfies the rules of its schema, which are checked \
             when the value is deserialized and when it is constructed. The bounds of lists and free-form objects are checked \
             only when they are deserialized.",
            rust::modules(modules),
        )?,
    ));
    Ok(files)
}

/// The types of `time` that the spec needs.
fn used_times(api: &Api) -> Vec<&'static str> {
    let is_used = |format: Format| {
        let ty = Type::Formatted(format);
        let is_kind = |kind: &Kind| match kind {
            Kind::Formatted(it) => *it == format,
            Kind::Object(properties) => properties.iter().any(|property| property.ty == ty),
            Kind::Enumeration(_) | Kind::Text(_) | Kind::Integer(_) => false,
        };
        let mut parameters = api.operations.iter().flat_map(|operation| &operation.parameters);
        api.schemas.iter().any(|schema| is_kind(&schema.kind)) || parameters.any(|parameter| parameter.ty == ty)
    };
    let times = [(Format::Date, "Date"), (Format::DateTime, "Timestamp")];
    times
        .into_iter()
        .filter(|(format, _)| is_used(*format))
        .map(|(_, name)| name)
        .collect()
}

/// The items of `decode` that parameters with a format, but without a schema, need.
fn formats_of_parameters(api: &Api) -> String {
    let parameters = api.operations.iter().flat_map(|operation| &operation.parameters);
    parameters
        .filter_map(|parameter| match &parameter.ty {
            Type::Formatted(Format::Uuid) => Some(" decode::Format decode::Uuid"),
            Type::Formatted(Format::Date) => Some(" decode::Format decode::Date"),
            Type::Formatted(Format::DateTime) => Some(" decode::Format decode::Timestamp"),
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

fn schema_type(api: &Api, usage: &Usage, schema: &Schema) -> TokenStream {
    let name = format_ident!("{}", names::type_name(&schema.name));
    let description = &schema.description;
    match &schema.kind {
        Kind::Object(properties) => objects::object(api, usage, schema, &name, properties),
        Kind::Enumeration(values) => scalars::enumeration(&name, description, values),
        Kind::Text(rules) if rules.secret => text::secret(&name, description, rules),
        Kind::Text(rules) => text::text(&name, description, rules),
        Kind::Integer(rules) => scalars::integer(&name, description, rules),
        Kind::Formatted(format) => scalars::formatted(&name, description, *format),
    }
}

/// Whether a value of this type is or contains a secret.
pub(in crate::emit) fn holds_secret(api: &Api, ty: &Type) -> bool {
    let is_secret = |name: &String| {
        api.schema(name)
            .is_some_and(|schema| matches!(&schema.kind, Kind::Text(rules) if rules.secret))
    };
    let named = ty.named().map(str::to_owned);
    api.reachable(named.into_iter().collect()).iter().any(is_secret)
}
