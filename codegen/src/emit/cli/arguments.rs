//! The arguments of an operation's command: one for each parameter, one for each property of the body, one for the body.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;

use crate::Error;
use crate::emit::rust;
use crate::emit::types::holds_secret;
use crate::model::{Api, Body, Format, HeaderParameter, Kind, Location, Operation, Parameter, Property, Type, Width};
use crate::names;
use crate::print::plain_doc;

/// The flags that clap itself adds, and the flag of the whole body.
const RESERVED: [&str; 3] = ["help", "version", BODY_FILE];

/// The flag of the members that a merge patch clears.
pub(super) const CLEAR: &str = "clear";

/// The flag of the whole body.
pub(super) const BODY_FILE: &str = "body_file";

/// An argument and its purpose.
pub(super) struct Argument {
    /// The field; the flag is the same in kebab case.
    pub(super) name: String,
    pub(super) role: Role,
    help: String,
    /// The items of `#[arg(…)]`.
    attributes: Vec<TokenStream>,
    ty: TokenStream,
}

pub(super) enum Role {
    /// The parameter with this name.
    Parameter { name: String, required: bool },
    /// The property with this name. `--clear` removes it if it is a nullable one of a merge patch.
    Property {
        name: String,
        value: Value,
        is_clearable: bool,
    },
    /// The properties that are set to `null`.
    Clear,
    /// The whole body.
    Body,
}

/// How the text of an argument becomes a value in the body.
#[derive(Clone, Copy)]
pub(super) enum Value {
    Typed,
    Json,
    /// A secret, and therefore read from a file.
    SecretText,
    SecretJson,
}

impl Argument {
    /// The flag, without its hyphens.
    pub(super) fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    fn is_clearable(&self) -> bool {
        match &self.role {
            Role::Property { is_clearable, .. } => *is_clearable,
            Role::Parameter { .. } | Role::Clear | Role::Body => false,
        }
    }

    /// The field of the command's struct.
    pub(super) fn field(&self) -> TokenStream {
        let Self {
            help, attributes, ty, ..
        } = self;
        let name = names::field(&self.name);
        let documentation = plain_doc(help);
        quote! {
            #documentation
            #[arg(#(#attributes),*)]
            pub(crate) #name: #ty
        }
    }
}

/// All arguments, in the order of the spec. `flags` are those of the program itself.
pub(super) fn from_operation(api: &Api, operation: &Operation, flags: &[&str]) -> Result<Vec<Argument>, Error> {
    let mut taken: BTreeSet<String> = RESERVED.iter().chain(flags).map(|it| (*it).to_owned()).collect();
    let mut arguments = Vec::new();
    // The program stores no responses, so it has no use for `If-None-Match`.
    let if_none_match = Location::Header(HeaderParameter::IfNoneMatch);
    for parameter in operation.parameters.iter().filter(|it| it.location != if_none_match) {
        if holds_secret(api, &parameter.ty) {
            return Err(Error::document(format!(
                "the parameter `{}` is a secret, but URLs are logged; move it into the body",
                parameter.name
            ))
            .in_operation(&operation.id));
        }
        let name = free_name(&mut taken, &parameter.identifier(), "parameter");
        arguments.push(self::parameter(api, parameter, name));
    }
    let Some(body) = &operation.body else {
        return Ok(arguments);
    };
    // Reading the spec has checked that the schema exists.
    let schema = api.schema(&body.schema).map(|schema| &schema.kind);
    if let Some(Kind::Object(properties)) = schema {
        let is_any_clearable = body.is_merge_patch && properties.iter().any(|it| it.nullable);
        if is_any_clearable {
            taken.insert(CLEAR.to_owned());
        }
        for property in properties {
            let preferred = if holds_secret(api, &property.ty) {
                format!("{}_file", property.name)
            } else {
                property.name.clone()
            };
            let name = free_name(&mut taken, &preferred, "body");
            arguments.push(self::property(api, property, name, body));
        }
        if is_any_clearable {
            arguments.push(clear(&arguments));
        }
    }
    arguments.push(Argument {
        name: BODY_FILE.to_owned(),
        role: Role::Body,
        help: "Read the body from a file with a JSON object (`-`: standard input). Other arguments override its \
               members."
            .to_owned(),
        attributes: vec![quote! { long }, quote! { value_name = "PATH" }],
        ty: quote! { Option<super::arguments::Input> },
    });
    Ok(arguments)
}

/// The name itself, or the name after a prefix if it is taken.
fn free_name(taken: &mut BTreeSet<String>, name: &str, prefix: &str) -> String {
    let mut free = name.to_owned();
    while !taken.insert(free.clone()) {
        free = format!("{prefix}_{free}");
    }
    free
}

fn parameter(api: &Api, parameter: &Parameter, name: String) -> Argument {
    let mut help = match &parameter.description {
        Some(description) => description.clone(),
        None => schema_description(api, &parameter.ty, &parameter.name),
    };
    if let Some(default) = &parameter.default {
        help.push_str(&format!(" Default: `{default}`."));
    }
    let mut attributes = Vec::new();
    match parameter.location {
        Location::Path => {
            let value_name = parameter.name.to_uppercase();
            attributes.push(quote! { value_name = #value_name });
        }
        Location::Query | Location::Header(_) => {
            attributes.push(quote! { long });
            attributes.extend(value_name(api, &parameter.ty));
        }
    }
    if parameter.location == Location::Query && value_kind(api, &parameter.ty) == TIME {
        help.push_str(" A time (RFC 3339), a date (its start in UTC), or how long ago: `30s`, `15m`, `1h`, `7d`.");
        let parse = parse_function(&parameter.ty);
        attributes.push(quote! { value_parser = super::arguments::parse_time(#parse) });
    } else {
        attributes.extend(value_parser(api, &parameter.ty));
    }
    let ty = argument_type(&parameter.ty);
    Argument {
        name,
        role: Role::Parameter {
            name: parameter.identifier(),
            required: parameter.required,
        },
        help,
        attributes,
        ty: if parameter.required {
            ty
        } else {
            quote! { Option<#ty> }
        },
    }
}

/// The argument of the clearable properties, which are among these arguments.
fn clear(arguments: &[Argument]) -> Argument {
    let names = arguments.iter().filter(|it| it.is_clearable()).map(Argument::flag);
    Argument {
        name: CLEAR.to_owned(),
        role: Role::Clear,
        help: "Remove these values. Separate several with commas, or repeat the option.".to_owned(),
        attributes: vec![
            quote! { long },
            quote! { value_name = "NAME" },
            quote! { value_delimiter = ',' },
            quote! { value_parser = [#(#names),*] },
        ],
        ty: quote! { ::std::vec::Vec<String> },
    }
}

/// The argument of a property of this body.
fn property(api: &Api, property: &Property, name: String, body: &Body) -> Argument {
    let is_text = matches!(&property.ty, Type::Named(name) if is_scalar(api, name));
    let value = match (holds_secret(api, &property.ty), is_json(api, property)) {
        (true, _) if is_text => Value::SecretText,
        (true, _) => Value::SecretJson,
        (false, true) => Value::Json,
        (false, false) => Value::Typed,
    };
    let is_clearable = body.is_merge_patch && property.nullable;
    let mut help = match &property.description {
        Some(description) => description.clone(),
        None => schema_description(api, &property.ty, &property.name),
    };
    let mut attributes = vec![quote! { long }];
    let ty = match value {
        Value::SecretText | Value::SecretJson => {
            help.push_str(" A secret, and therefore read from this file (`-`: standard input).");
            attributes.push(quote! { value_name = "PATH" });
            quote! { super::arguments::Input }
        }
        Value::Json => {
            help.push_str(" JSON, or `@PATH` to read it from a file (`@-`: standard input).");
            attributes.push(quote! { value_name = "JSON" });
            quote! { super::arguments::Json }
        }
        Value::Typed => {
            attributes.extend(value_name(api, &property.ty));
            typed(
                api,
                property,
                property.nullable && !is_clearable,
                &mut help,
                &mut attributes,
            )
        }
    };
    let default = property.default.as_ref().filter(|_| !property.required);
    // An empty list is what a reader expects without the argument.
    if let Some(default) = default.filter(|default| !default.is_array()) {
        let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        help.push_str(&format!(" Default: `{default}`."));
    }
    if property.required && body.required {
        help.push_str(" Required, unless the body file has it.");
        attributes.push(quote! { required_unless_present = #BODY_FILE });
    }
    Argument {
        name,
        role: Role::Property {
            name: property.name.clone(),
            value,
            is_clearable,
        },
        help,
        attributes,
        ty: quote! { Option<#ty> },
    }
}

/// The type of a property that is given as plain text; `null` may be a text too. Adds to the help and the attributes how the text is read.
fn typed(
    api: &Api,
    property: &Property,
    is_nullable: bool,
    help: &mut String,
    attributes: &mut Vec<TokenStream>,
) -> TokenStream {
    let item = if let Type::Array(item) = &property.ty {
        help.push_str(" Separate several with commas, or repeat the option.");
        attributes.push(quote! { value_delimiter = ',' });
        item
    } else {
        &property.ty
    };
    let ty = argument_type(&property.ty);
    if is_nullable {
        help.push_str(" `null` for none.");
        let parse = parse_function(item);
        attributes.push(quote! { value_parser = super::arguments::nullable(#parse) });
        return quote! { super::arguments::Nullable<#ty> };
    }
    if property.ty == Type::Boolean {
        attributes.push(quote! { num_args = 0..=1 });
        attributes.push(quote! { require_equals = true });
        attributes.push(quote! { default_missing_value = "true" });
    }
    attributes.extend(value_parser(api, item));
    ty
}

/// Whether the argument must be JSON, because plain text cannot express the property.
fn is_json(api: &Api, property: &Property) -> bool {
    match &property.ty {
        Type::FreeForm => true,
        Type::Named(name) => !is_scalar(api, name),
        Type::Array(item) => {
            property.nullable || matches!(item.as_ref(), Type::Array(_)) || {
                let item = Property {
                    ty: item.as_ref().clone(),
                    ..property.clone()
                };
                is_json(api, &item)
            }
        }
        Type::String | Type::Boolean | Type::Integer(_) | Type::Number | Type::Formatted(_) => false,
    }
}

fn is_scalar(api: &Api, name: &str) -> bool {
    api.schema(name)
        .is_some_and(|schema| !matches!(schema.kind, Kind::Object(_)))
}

/// The Rust type, with the schemas' types from the client.
fn argument_type(ty: &Type) -> TokenStream {
    rust::rust_type(ty, &quote! { crate::client::types })
}

/// The `value_parser`, if clap does not find the right one by the type.
fn value_parser(api: &Api, ty: &Type) -> Option<TokenStream> {
    match ty {
        Type::Named(name) => match &api.schema(name)?.kind {
            Kind::Enumeration(_) => {
                let ty = argument_type(ty);
                Some(quote! { value_parser = super::arguments::one_of::<#ty>(#ty::ALL.map(#ty::as_str)) })
            }
            Kind::Object(_) | Kind::Text(_) | Kind::Integer(_) | Kind::Formatted(_) => None,
        },
        Type::Formatted(_) | Type::Integer(_) | Type::Number => {
            let parse = parse_function(ty);
            Some(quote! { value_parser = #parse })
        }
        Type::String | Type::Boolean | Type::Array(_) | Type::FreeForm => None,
    }
}

/// The function that parses a text.
fn parse_function(ty: &Type) -> TokenStream {
    let name = argument_type(ty);
    match ty {
        Type::Formatted(_) => quote! { <#name as crate::client::types::Format>::parse },
        // Unlike `from_str`, these say what they expect.
        Type::Integer(Width::I64) => quote! { super::arguments::parse_integer::<i64>(i64::MIN, i64::MAX) },
        Type::Integer(Width::I32) => {
            quote! { super::arguments::parse_integer::<i32>(i64::from(i32::MIN), i64::from(i32::MAX)) }
        }
        Type::Number => quote! { super::arguments::parse_number },
        Type::Named(_) | Type::String | Type::Boolean | Type::Array(_) | Type::FreeForm => {
            quote! { <#name as ::std::str::FromStr>::from_str }
        }
    }
}

const NUMBER: &str = "NUMBER";
const TIME: &str = "TIME";

/// The name of the value in the help. A number may begin with `-`.
fn value_name(api: &Api, ty: &Type) -> Vec<TokenStream> {
    let name = value_kind(api, ty);
    let mut attributes = vec![quote! { value_name = #name }];
    if name == NUMBER {
        attributes.push(quote! { allow_negative_numbers = true });
    }
    attributes
}

fn value_kind(api: &Api, ty: &Type) -> &'static str {
    let format = |format: &Format| match format {
        Format::Uuid => "UUID",
        Format::Date => "DATE",
        Format::DateTime => TIME,
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
        Type::Array(item) => value_kind(api, item),
        Type::FreeForm => "JSON",
    }
}

/// The description of the schema, for a parameter or property without one.
fn schema_description(api: &Api, ty: &Type, name: &str) -> String {
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
