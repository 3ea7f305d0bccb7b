//! The arguments of an operation's command: one for each parameter, one for each property of the body, one for the body.

use std::collections::BTreeSet;

use crate::Error;
use crate::emit::rust;
use crate::emit::types::holds_secret;
use crate::model::{Api, Kind, Location, Operation, Parameter, Property, Type};
use crate::names;
use crate::print::plain_docs;

/// What the program has already: its own flags, and the one of the whole body.
const TAKEN: [&str; 7] = [
    "help",
    "version",
    "base_url",
    "token_file",
    "output",
    "timeout",
    BODY_FILE,
];

/// The flag of the whole body.
pub(super) const BODY_FILE: &str = "body_file";

/// An argument, and what it is for.
pub(super) struct Argument {
    /// The field; the flag is the same in kebab case.
    pub(super) name: String,
    pub(super) role: Role,
    help: String,
    /// What stands in `#[arg(…)]`.
    attributes: Vec<String>,
    ty: String,
}

pub(super) enum Role {
    /// The parameter of this name.
    Parameter { name: String, required: bool },
    /// The property of this name.
    Property { name: String, value: Value },
    /// The whole body.
    Body,
}

/// What the text of an argument becomes in the body.
#[derive(Clone, Copy)]
pub(super) enum Value {
    Typed,
    Json,
    /// Read from a file, since it is a secret.
    SecretText,
    SecretJson,
}

impl Argument {
    /// The field of the command's struct.
    pub(super) fn field(&self) -> String {
        let Self {
            name,
            help,
            attributes,
            ty,
            ..
        } = self;
        let documentation = plain_docs(help);
        let attributes = attributes.join(", ");
        format!("{documentation}#[arg({attributes})]\npub(crate) {name}: {ty},\n")
    }
}

/// All arguments, in the order of the spec. Header parameters have none: the client sets them.
pub(super) fn from_operation(api: &Api, operation: &Operation) -> Result<Vec<Argument>, Error> {
    let mut taken: BTreeSet<String> = TAKEN.into_iter().map(str::to_owned).collect();
    let mut arguments = Vec::new();
    for parameter in &operation.parameters {
        let is_path = parameter.location == Location::Path;
        if !is_path && parameter.location != Location::Query {
            continue;
        }
        if holds_secret(api, &parameter.ty) {
            return Err(Error::document(format!(
                "the parameter `{}` is a secret; addresses are logged on the way, so that it belongs into the body",
                parameter.name
            ))
            .in_operation(&operation.id));
        }
        let name = free_name(&mut taken, &parameter.name, "parameter");
        arguments.push(self::parameter(api, parameter, name, is_path));
    }
    let Some(body) = &operation.body else {
        return Ok(arguments);
    };
    // Reading has made sure that there is the schema.
    let schema = api.schema(&body.schema).map(|schema| &schema.kind);
    if let Some(Kind::Object(properties)) = schema {
        for property in properties {
            let is_file = holds_secret(api, &property.ty);
            let wish = if is_file {
                format!("{}_file", property.name)
            } else {
                property.name.clone()
            };
            let name = free_name(&mut taken, &wish, "body");
            arguments.push(self::property(api, property, name, body.required));
        }
    }
    arguments.push(Argument {
        name: BODY_FILE.to_owned(),
        role: Role::Body,
        help:
            "Take the body from a file with a JSON object, `-` for standard input; other arguments go before what it \
               says."
                .to_owned(),
        attributes: vec!["long".to_owned(), "value_name = \"PATH\"".to_owned()],
        ty: "Option<Input>".to_owned(),
    });
    Ok(arguments)
}

/// The name itself, or one with a word before it where the name is taken.
fn free_name(taken: &mut BTreeSet<String>, name: &str, word: &str) -> String {
    let mut free = name.to_owned();
    while !taken.insert(free.clone()) {
        free = format!("{word}_{free}");
    }
    free
}

fn parameter(api: &Api, parameter: &Parameter, name: String, is_path: bool) -> Argument {
    let mut help = match &parameter.description {
        Some(description) => description.clone(),
        None => description_of(api, &parameter.ty, &parameter.name),
    };
    if let Some(default) = &parameter.default {
        help.push_str(&format!(" `{default}` where it is left out."));
    }
    let mut attributes = Vec::new();
    if is_path {
        attributes.push(format!("value_name = {:?}", parameter.name.to_uppercase()));
    } else {
        attributes.push("long".to_owned());
        attributes.push(value_name(api, &parameter.ty));
    }
    attributes.extend(parser(api, &parameter.ty).map(|parser| format!("value_parser = {parser}")));
    let ty = rust::type_of(&parameter.ty, "types::");
    Argument {
        name,
        role: Role::Parameter {
            name: parameter.name.clone(),
            required: parameter.required,
        },
        help,
        attributes,
        ty: if parameter.required {
            ty
        } else {
            format!("Option<{ty}>")
        },
    }
}

/// `presence`: must the body be there at all?
fn property(api: &Api, property: &Property, name: String, presence: bool) -> Argument {
    let is_text = matches!(&property.ty, Type::Named(name) if is_scalar(api, name));
    let value = match (holds_secret(api, &property.ty), is_json(api, property)) {
        (true, _) if is_text => Value::SecretText,
        (true, _) => Value::SecretJson,
        (false, true) => Value::Json,
        (false, false) => Value::Typed,
    };
    let mut help = match &property.description {
        Some(description) => description.clone(),
        None => description_of(api, &property.ty, &property.name),
    };
    let mut attributes = vec!["long".to_owned()];
    let ty = match value {
        Value::SecretText | Value::SecretJson => {
            help.push_str(" Read from this file, `-` for standard input, since it is a secret.");
            attributes.push("value_name = \"PATH\"".to_owned());
            "Input".to_owned()
        }
        Value::Json => {
            help.push_str(" JSON, or `@PATH` of a file with it, `@-` for standard input.");
            attributes.push("value_name = \"JSON\"".to_owned());
            "Json".to_owned()
        }
        Value::Typed => {
            attributes.push(value_name(api, &property.ty));
            typed(api, property, &mut help, &mut attributes)
        }
    };
    let default = property.default.as_ref().filter(|_| !property.required);
    // An empty list is what one expects where nothing is given.
    if let Some(default) = default.filter(|default| !default.is_array()) {
        let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        help.push_str(&format!(" `{default}` where it is left out."));
    }
    if property.required && presence {
        help.push_str(" Required, unless the file of the body says it.");
        attributes.push(format!("required_unless_present = {BODY_FILE:?}"));
    }
    Argument {
        name,
        role: Role::Property {
            name: property.name.clone(),
            value,
        },
        help,
        attributes,
        ty: format!("Option<{ty}>"),
    }
}

/// The type of a property whose texts are read one by one, and how they are.
fn typed(api: &Api, property: &Property, help: &mut String, attributes: &mut Vec<String>) -> String {
    let item = if let Type::Array(item) = &property.ty {
        help.push_str(" Give it once for each.");
        item
    } else {
        &property.ty
    };
    let ty = rust::type_of(&property.ty, "types::");
    if property.nullable {
        help.push_str(" `null` for none.");
        let parse = parse_function(item);
        attributes.push(format!("value_parser = arguments::nullable({parse})"));
        return format!("Nullable<{ty}>");
    }
    if property.ty == Type::Boolean {
        attributes.push("num_args = 0..=1".to_owned());
        attributes.push("require_equals = true".to_owned());
        attributes.push("default_missing_value = \"true\"".to_owned());
    }
    attributes.extend(parser(api, item).map(|parser| format!("value_parser = {parser}")));
    ty
}

/// A property that no plain text says.
fn is_json(api: &Api, property: &Property) -> bool {
    match &property.ty {
        Type::FreeForm => true,
        Type::Named(name) => !is_scalar(api, name),
        Type::Array(item) => {
            property.nullable || matches!(item.as_ref(), Type::Array(_)) || {
                let ty = Property {
                    ty: item.as_ref().clone(),
                    ..property.clone()
                };
                is_json(api, &ty)
            }
        }
        Type::String | Type::Boolean | Type::Integer(_) | Type::Number | Type::Formatted(_) => false,
    }
}

fn is_scalar(api: &Api, name: &str) -> bool {
    api.schema(name)
        .is_some_and(|schema| !matches!(schema.kind, Kind::Object(_)))
}

/// The parser of a text, where clap would not find the right one by the type.
fn parser(api: &Api, ty: &Type) -> Option<String> {
    match ty {
        Type::Named(name) => match &api.schema(name)?.kind {
            Kind::Enumeration(_) => {
                let ty = names::type_name(name);
                Some(format!(
                    "arguments::one_of::<types::{ty}>(types::{ty}::ALL.map(types::{ty}::as_str))"
                ))
            }
            Kind::Object(_) | Kind::Text(_) | Kind::Integer(_) | Kind::Formatted(_) => None,
        },
        Type::Formatted(_) => Some(parse_function(ty)),
        Type::String | Type::Boolean | Type::Integer(_) | Type::Number | Type::Array(_) | Type::FreeForm => None,
    }
}

/// The function that reads a text.
fn parse_function(ty: &Type) -> String {
    let name = rust::type_of(ty, "types::");
    match ty {
        Type::Formatted(_) => format!("<{name} as Format>::parse"),
        Type::Named(_)
        | Type::String
        | Type::Boolean
        | Type::Integer(_)
        | Type::Number
        | Type::Array(_)
        | Type::FreeForm => format!("<{name} as FromStr>::from_str"),
    }
}

const NUMBER: &str = "NUMBER";

/// What help calls a value, and whether one may begin like a flag.
fn value_name(api: &Api, ty: &Type) -> String {
    match kind_of_value(api, ty) {
        NUMBER => format!("value_name = {NUMBER:?}, allow_negative_numbers = true"),
        kind => format!("value_name = {kind:?}"),
    }
}

fn kind_of_value(api: &Api, ty: &Type) -> &'static str {
    use crate::model::Format;
    let format = |format: &Format| match format {
        Format::Uuid => "UUID",
        Format::Date => "DATE",
        Format::DateTime => "TIME",
    };
    match ty {
        Type::Named(name) => match api.schema(name).map(|schema| &schema.kind) {
            Some(Kind::Integer(_)) => NUMBER,
            Some(Kind::Formatted(ty)) => format(ty),
            Some(Kind::Enumeration(_)) => "WORD",
            Some(Kind::Text(_) | Kind::Object(_)) | None => "TEXT",
        },
        Type::String => "TEXT",
        Type::Boolean => "BOOLEAN",
        Type::Integer(_) | Type::Number => NUMBER,
        Type::Formatted(ty) => format(ty),
        Type::Array(item) => kind_of_value(api, item),
        Type::FreeForm => "JSON",
    }
}

/// What its schema says, for something that says nothing itself.
fn description_of(api: &Api, ty: &Type, name: &str) -> String {
    match ty {
        Type::Named(schema) => api.schema(schema).map(|schema| schema.description.clone()),
        Type::String
        | Type::Boolean
        | Type::Integer(_)
        | Type::Number
        | Type::Formatted(_)
        | Type::Array(_)
        | Type::FreeForm => None,
    }
    .unwrap_or_else(|| format!("The value of `{name}`."))
}
