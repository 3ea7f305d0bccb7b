//! Emits the structs of the spec's objects.

use serde_json::Value;

use super::holds_secret;
use super::usage::Usage;
use crate::emit::rust;
use crate::model::{Api, Format, Kind, Property, Schema, Type};
use crate::names;
use crate::print::docs;

/// An object of the spec.
pub(super) fn object(api: &Api, usage: &Usage, schema: &Schema, name: &str, properties: &[Property]) -> String {
    let comparison = if holds_secret(api, &Type::Named(schema.name.clone())) {
        ""
    } else {
        "PartialEq, "
    };
    let mut fields = String::new();
    let mut functions = String::new();
    for property in properties {
        let (rust_type, attribute) = field(name, property);
        let documentation = docs(&property_documentation(api, property));
        fields.push_str(&format!(
            "{documentation}{attribute}pub {}: {rust_type},\n",
            property.name
        ));
        if let Some(function) = default_function(api, name, property) {
            functions.push_str(&function);
        }
    }
    let documentation = docs(&schema.description);
    let (default, constructor) = if usage.is_in_response(&schema.name) {
        ("", String::new())
    } else {
        match constructor(api, name, properties) {
            Constructor::DeriveDefault => ("Default, ", String::new()),
            Constructor::Code(code) => ("", code),
        }
    };
    format!(
        r#"
        {documentation}
        #[derive(Clone, Debug, {default}{comparison}Serialize, Deserialize)]
        pub struct {name} {{
            {fields}
        }}
        {constructor}
        {functions}
        "#
    )
}

/// The type of a field, and how serde reads and writes it.
fn field(owner: &str, property: &Property) -> (String, String) {
    let plain = rust::type_of(&property.ty, "");
    let formatted = matches!(property.ty, Type::Formatted(_));
    let functions = |general: &str, of_format: &str| {
        let function = if formatted { of_format } else { general };
        let writer = writer(property).map_or_else(String::new, |writer| format!(", {writer}"));
        format!("deserialize_with = \"decode::{function}\"{writer}")
    };
    let absent = "skip_serializing_if = \"Option::is_none\"";
    match (property.required, property.nullable, &property.default) {
        (true, false, _) if formatted => (plain, format!("#[serde({})]\n", functions("formatted", "formatted"))),
        (true, false, _) => (plain, String::new()),
        (true, true, _) => (
            format!("Option<{plain}>"),
            format!("#[serde({})]\n", functions("nullable", "nullable_formatted")),
        ),
        (false, _, Some(default)) => {
            let attribute = if is_rust_default(&property.ty, default) {
                "#[serde(default)]\n".to_owned()
            } else {
                format!("#[serde(default = {:?})]\n", function_name(owner, property))
            };
            (plain, attribute)
        }
        (false, false, None) => (
            format!("Option<{plain}>"),
            format!(
                "#[serde(default, {}, {absent})]\n",
                functions("present", "present_formatted")
            ),
        ),
        (false, true, None) => (
            format!("Option<Option<{plain}>>"),
            format!(
                "#[serde(default, {}, {absent})]\n",
                functions("present", "present_nullable_formatted")
            ),
        ),
    }
}

/// How serde writes a time: as a whole, which takes a third of the time of the crate's own way.
fn writer(property: &Property) -> Option<String> {
    let function = match (&property.ty, property.required, property.nullable) {
        (Type::Formatted(Format::DateTime), true, false) => "date_time",
        (Type::Formatted(Format::DateTime), true, true) | (Type::Formatted(Format::DateTime), false, false) => {
            "optional_date_time"
        }
        (Type::Formatted(Format::DateTime), false, true) => "optional_nullable_date_time",
        (
            Type::Formatted(Format::Uuid | Format::Date)
            | Type::Named(_)
            | Type::String
            | Type::Boolean
            | Type::Integer(_)
            | Type::Number
            | Type::Array(_)
            | Type::FreeForm,
            _,
            _,
        ) => return None,
    };
    Some(format!("serialize_with = \"encode::{function}\""))
}

fn property_documentation(api: &Api, property: &Property) -> String {
    let mut text = match (&property.description, &property.ty) {
        (Some(description), _) => description.clone(),
        (None, Type::Named(name)) => api
            .schema(name)
            .map(|schema| schema.description.clone())
            .unwrap_or_default(),
        (None, _) => format!("The `{}`.", property.name),
    };
    if let Some(default) = &property.default
        && !property.required
    {
        text.push_str(&format!("\n\nDefault: `{}`.", plain_text(default)));
    }
    text
}

fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Is the default what the Rust type has by itself?
fn is_rust_default(ty: &Type, default: &Value) -> bool {
    match ty {
        Type::Boolean => default == &Value::Bool(false),
        Type::Array(_) | Type::FreeForm => true,
        Type::String => default == "",
        Type::Named(_) | Type::Integer(_) | Type::Number | Type::Formatted(_) => false,
    }
}

fn function_name(owner: &str, property: &Property) -> String {
    format!("{}_{}", names::snake_case(owner), property.name)
}

/// The function that serde calls for an absent property.
fn default_function(api: &Api, owner: &str, property: &Property) -> Option<String> {
    let default = property.default.as_ref().filter(|_| !property.required)?;
    if is_rust_default(&property.ty, default) {
        return None;
    }
    Some(format!(
        "fn {}() -> {} {{ {} }}\n",
        function_name(owner, property),
        rust::type_of(&property.ty, ""),
        expression(api, &property.ty, default)
    ))
}

/// The default as a Rust expression; reading has checked that it is a value of the type.
fn expression(api: &Api, ty: &Type, value: &Value) -> String {
    match ty {
        Type::Named(name) => {
            let rust_name = names::type_name(name);
            match api.schema(name).map(|schema| &schema.kind) {
                Some(Kind::Enumeration(_)) => {
                    format!("{rust_name}::{}", names::type_name(value.as_str().unwrap_or_default()))
                }
                Some(Kind::Text(_)) => format!("{rust_name}({value}.to_owned())"),
                Some(Kind::Integer(_)) => format!("{rust_name}({value})"),
                Some(Kind::Object(_) | Kind::Formatted(_)) | None => value.to_string(),
            }
        }
        Type::String => format!("{value}.to_owned()"),
        Type::Number => format!("{value}_f64"),
        Type::Array(_) => "Vec::new()".to_owned(),
        Type::FreeForm => "Map::new()".to_owned(),
        Type::Boolean | Type::Integer(_) | Type::Formatted(_) => value.to_string(),
    }
}

/// How a value of an object that only requests hold can be made besides by a literal.
enum Constructor {
    /// Every field has Rust's own default.
    DeriveDefault,
    /// This code makes one.
    Code(String),
}

/// A response is built by a literal that names every field, so that a new one is not forgotten; a request need not be.
fn constructor(api: &Api, name: &str, properties: &[Property]) -> Constructor {
    let arguments: Vec<String> = properties
        .iter()
        .filter(|it| it.required)
        .map(|it| {
            let plain = rust::type_of(&it.ty, "");
            let ty = if it.nullable { format!("Option<{plain}>") } else { plain };
            format!("{}: {ty}", it.name)
        })
        .collect();
    let is_default = |it: &Property| match &it.default {
        Some(default) => is_rust_default(&it.ty, default),
        None => true,
    };
    if arguments.is_empty() && properties.iter().all(is_default) {
        return Constructor::DeriveDefault;
    }
    let fields: Vec<String> = properties
        .iter()
        .map(|it| match (&it.default, it.required) {
            (_, true) => it.name.clone(),
            (Some(default), false) => format!("{}: {}", it.name, expression(api, &it.ty, default)),
            (None, false) => format!("{}: None", it.name),
        })
        .collect();
    let fields = fields.join(", ");
    Constructor::Code(if arguments.is_empty() {
        format!("impl Default for {name} {{ fn default() -> Self {{ Self {{ {fields} }} }} }}")
    } else {
        format!(
            "impl {name} {{ \
             /// A value with these properties; all others are absent or have their default.\n \
             pub fn new({}) -> Self {{ Self {{ {fields} }} }} }}",
            arguments.join(", "),
        )
    })
}
