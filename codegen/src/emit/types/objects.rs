//! Emits the structs of the spec's objects.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};
use serde_json::Value;

use super::holds_secret;
use super::usage::Usage;
use crate::emit::rust;
use crate::model::{Api, Bound, Format, Kind, Property, Schema, Type};
use crate::names;
use crate::print::doc;

/// An object of the spec.
pub(super) fn object(api: &Api, usage: &Usage, schema: &Schema, name: &Ident, properties: &[Property]) -> TokenStream {
    let documentation = doc(&schema.description);
    let fields = properties.iter().map(|property| {
        let documentation = doc(&property_documentation(api, property));
        let (ty, attribute) = field(api, usage, schema, name, property);
        let field = names::field(&property.name);
        let rename = (field != property.name).then(|| {
            let name = &property.name;
            quote! { #[serde(rename = #name)] }
        });
        quote! { #documentation #rename #attribute pub #field: #ty }
    });
    let constructor = constructor(api, usage, schema, name, properties);
    let default = matches!(constructor, Constructor::DeriveDefault).then(|| quote! { Default, });
    let implementation = match constructor {
        Constructor::None | Constructor::DeriveDefault => TokenStream::new(),
        Constructor::Code(code) => code,
    };
    let comparison = (!holds_secret(api, &Type::Named(schema.name.clone()))).then(|| quote! { PartialEq, });
    let default_functions: Vec<TokenStream> = properties
        .iter()
        .filter_map(|property| default_function(api, usage, schema, property))
        .collect();
    // In the type's own implementation, so that the functions of two types never have the same name.
    let default_functions = (!default_functions.is_empty()).then(|| quote! { impl #name { #(#default_functions)* } });
    let max_bytes = schema.max_bytes.map(|max_bytes| {
        let max_bytes = Literal::usize_unsuffixed(max_bytes);
        quote! {
            impl #name {
                /// The maximum size of the JSON, in bytes. The implementation ends a list before it is larger.
                pub const MAX_BYTES: usize = #max_bytes;
            }
        }
    });
    let members = usage
        .is_in_request(&schema.name)
        .then(|| members(api, name, properties));
    quote! {
        #documentation
        #[derive(Clone, Debug, #default #comparison ::serde::Serialize, ::serde::Deserialize)]
        pub struct #name {
            #(#fields,)*
        }

        #implementation

        #members

        #max_bytes

        #default_functions
    }
}

/// The names of an object's members, and of those below them.
fn members(api: &Api, name: &Ident, properties: &[Property]) -> TokenStream {
    let members = properties.iter().map(|property| {
        let name = &property.name;
        let below = |schema: &str| {
            let name = format_ident!("{}", names::type_name(schema));
            quote! { <super::#name as super::members::RequestObject>::members }
        };
        let content = match (object_of(api, &property.ty), &property.ty) {
            (None, _) => quote! { Value },
            (Some(schema), Type::Array(_)) => {
                let members = below(schema);
                quote! { Objects(#members) }
            }
            (Some(schema), _) => {
                let members = below(schema);
                quote! { Object(#members) }
            }
        };
        let is_required = property.required;
        quote! {
            super::members::Member {
                name: #name,
                is_required: #is_required,
                content: super::members::MemberContent::#content,
            }
        }
    });
    quote! {
        impl super::members::RequestObject for #name {
            fn members() -> &'static [super::members::Member] {
                &[#(#members),*]
            }
        }
    }
}

/// The schema of the object that a value of this type is, or that its items are.
fn object_of<'a>(api: &Api, ty: &'a Type) -> Option<&'a str> {
    let is_object = |name: &&str| {
        api.schema(name)
            .is_some_and(|schema| matches!(schema.kind, Kind::Object(_)))
    };
    ty.named().filter(is_object)
}

/// The type of a property, without the `Option` of one that may be absent or `null`.
fn plain_type(property: &Property) -> TokenStream {
    rust::rust_type(&property.ty, &quote! { super })
}

/// The type of a field, without the `Option` of one that may be absent or `null`. Enums of responses are open: a client
/// accepts values that its version of the spec does not have.
fn field_type(api: &Api, usage: &Usage, schema: &Schema, ty: &Type) -> TokenStream {
    let plain = rust::rust_type(ty, &quote! { super });
    match ty {
        Type::Array(items) => {
            let items = field_type(api, usage, schema, items);
            quote! { ::std::vec::Vec<#items> }
        }
        Type::Named(name) if usage.is_in_response(&schema.name) && is_enumeration(api, name) => {
            quote! { crate::OpenEnum<#plain> }
        }
        Type::Named(_)
        | Type::String
        | Type::Boolean
        | Type::Integer(_)
        | Type::Number
        | Type::Formatted(_)
        | Type::FreeForm => plain,
    }
}

fn is_enumeration(api: &Api, name: &str) -> bool {
    api.schema(name)
        .is_some_and(|schema| matches!(schema.kind, Kind::Enumeration(_)))
}

/// The type of a field, and how serde reads and writes it.
fn field(api: &Api, usage: &Usage, schema: &Schema, owner: &Ident, property: &Property) -> (TokenStream, TokenStream) {
    let plain = field_type(api, usage, schema, &property.ty);
    let is_patch = property.nullable && api.is_merge_patch(&schema.name);
    let is_object = usage.is_in_request(&schema.name) && object_of(api, &property.ty).is_some();
    // `uuid` reads more forms than the format allows, and serde reads an object from a list of its values.
    let strict = match property.ty {
        Type::Formatted(Format::Uuid) => Some("formatted"),
        _ if is_object => Some("from_object"),
        _ => None,
    };
    // Which function of `decode` reads the field.
    let decode = |presence: &str| {
        let function = match (presence, strict) {
            ("", Some(strict)) => strict.to_owned(),
            (presence, Some(strict)) => format!("{presence}_{strict}"),
            ("present_nullable", None) => "present".to_owned(),
            (presence, None) => presence.to_owned(),
        };
        let function = format!("super::decode::{function}");
        quote! { deserialize_with = #function }
    };
    let absent = quote! { skip_serializing_if = "Option::is_none" };
    if let Some(bound) = property.bound {
        let (function, arguments) = match bound {
            Bound::Items { minimum, maximum } => {
                let function = if is_object { "from_objects" } else { "list" };
                (function, format!("_, _, {minimum}, {maximum}"))
            }
            Bound::Json { max_bytes, max_levels } => ("json", format!("_, {max_bytes}, {max_levels}")),
        };
        let required = format!("super::decode::{function}::<{arguments}>");
        let present = format!("super::decode::present_{function}::<{arguments}>");
        return match (property.required, &property.default) {
            (true, _) => (plain, quote! { #[serde(deserialize_with = #required)] }),
            (false, Some(_)) => (plain, quote! { #[serde(default, deserialize_with = #required)] }),
            (false, None) => (
                quote! { Option<#plain> },
                quote! { #[serde(default, deserialize_with = #present, #absent)] },
            ),
        };
    }
    if is_patch {
        let function = strict.map(|strict| {
            let function = format!("super::decode::patched_{strict}");
            quote! { deserialize_with = #function, }
        });
        return (
            quote! { super::Patch<#plain> },
            quote! { #[serde(default, #function skip_serializing_if = "super::Patch::is_unchanged")] },
        );
    }
    match (property.required, property.nullable, &property.default) {
        (true, false, _) if strict.is_some() => {
            let function = decode("");
            (plain, quote! { #[serde(#function)] })
        }
        (true, false, _) => (plain, TokenStream::new()),
        (true, true, _) => {
            let function = decode("nullable");
            (quote! { Option<#plain> }, quote! { #[serde(#function)] })
        }
        (false, _, Some(default)) if is_rust_default(&property.ty, default) => (plain, quote! { #[serde(default)] }),
        (false, _, Some(_)) => {
            let function = format!("{owner}::{}", default_function_name(property));
            (plain, quote! { #[serde(default = #function)] })
        }
        (false, false, None) => {
            let function = decode("present");
            (
                quote! { Option<#plain> },
                quote! { #[serde(default, #function, #absent)] },
            )
        }
        (false, true, None) => {
            let function = decode("present_nullable");
            (
                quote! { Option<Option<#plain>> },
                quote! { #[serde(default, #function, #absent)] },
            )
        }
    }
}

fn property_documentation(api: &Api, property: &Property) -> String {
    let mut text = described(api, property);
    match property.bound {
        None => {}
        Some(Bound::Items { minimum: 0, maximum }) => text.push_str(&format!("\n\nAt most {maximum} items.")),
        Some(Bound::Items { minimum, maximum }) => text.push_str(&format!("\n\nFrom {minimum} to {maximum} items.")),
        Some(Bound::Json { max_bytes, max_levels }) => {
            text.push_str(&format!(
                "\n\nAt most {max_bytes} bytes and {max_levels} nested levels."
            ));
        }
    }
    if let Some(default) = &property.default
        && !property.required
    {
        let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        text.push_str(&format!("\n\nDefault: `{default}`."));
    }
    text
}

/// The description of the property, or that of its schema.
fn described(api: &Api, property: &Property) -> String {
    match (&property.description, &property.ty) {
        (Some(description), _) => description.clone(),
        (None, Type::Named(name)) => api
            .schema(name)
            .map(|schema| schema.description.clone())
            .unwrap_or_default(),
        (None, _) => format!("The `{}`.", property.name),
    }
}

/// Whether the default of the property is the `Default` of its Rust type.
fn is_rust_default(ty: &Type, default: &Value) -> bool {
    match ty {
        Type::Boolean => default == &Value::Bool(false),
        Type::Array(_) | Type::FreeForm => true,
        Type::String => default == "",
        Type::Named(_) | Type::Integer(_) | Type::Number | Type::Formatted(_) => false,
    }
}

fn default_function_name(property: &Property) -> Ident {
    format_ident!("default_{}", property.name)
}

/// The function that serde calls for an absent property.
fn default_function(api: &Api, usage: &Usage, schema: &Schema, property: &Property) -> Option<TokenStream> {
    let default = property.default.as_ref().filter(|_| !property.required)?;
    if is_rust_default(&property.ty, default) {
        return None;
    }
    let name = default_function_name(property);
    let ty = field_type(api, usage, schema, &property.ty);
    let mut value = expression(api, &property.ty, default);
    if ty.to_string() != plain_type(property).to_string() {
        value = quote! { crate::OpenEnum::from(#value) };
    }
    Some(quote! {
        fn #name() -> #ty {
            #value
        }
    })
}

/// The default as a Rust expression. Reading the spec has checked that it is a value of the type.
fn expression(api: &Api, ty: &Type, value: &Value) -> TokenStream {
    match ty {
        Type::Named(schema) => {
            let name = format_ident!("{}", names::type_name(schema));
            match api.schema(schema).map(|schema| &schema.kind) {
                Some(Kind::Enumeration(_)) => {
                    let variant = format_ident!("{}", names::variant(value.as_str().unwrap_or_default()));
                    quote! { super::#name::#variant }
                }
                Some(Kind::Text(_)) => {
                    let text = literal(value);
                    quote! { super::#name(#text.to_owned()) }
                }
                Some(Kind::Integer(_)) => {
                    let number = literal(value);
                    quote! { super::#name(#number) }
                }
                Some(Kind::Object(_) | Kind::Formatted(_)) | None => literal(value),
            }
        }
        Type::String => {
            let text = literal(value);
            quote! { #text.to_owned() }
        }
        Type::Array(_) => quote! { Vec::new() },
        Type::FreeForm => quote! { super::JsonObject::default() },
        Type::Number => {
            let number = Literal::f64_unsuffixed(value.as_f64().unwrap_or_default());
            quote! { #number }
        }
        Type::Boolean | Type::Integer(_) | Type::Formatted(_) => literal(value),
    }
}

fn literal(value: &Value) -> TokenStream {
    match value {
        Value::String(text) => quote! { #text },
        Value::Bool(value) => quote! { #value },
        Value::Number(number) => {
            let number = Literal::i64_unsuffixed(number.as_i64().unwrap_or_default());
            quote! { #number }
        }
        // The reader rejects defaults of these types.
        Value::Null | Value::Array(_) | Value::Object(_) => TokenStream::new(),
    }
}

/// How to construct a value other than by a literal.
enum Constructor {
    /// None. Responses are built only by literals, so that code that omits a new property does not compile.
    None,
    /// Every field has the `Default` of its type.
    DeriveDefault,
    /// This implementation.
    Code(TokenStream),
}

/// The constructor of an object that only requests contain.
fn constructor(api: &Api, usage: &Usage, schema: &Schema, name: &Ident, properties: &[Property]) -> Constructor {
    if usage.is_in_response(&schema.name) {
        return Constructor::None;
    }
    let is_default = |property: &Property| {
        let default = property.default.as_ref();
        default.is_none_or(|default| is_rust_default(&property.ty, default))
    };
    let has_required = properties.iter().any(|property| property.required);
    if !has_required && properties.iter().all(is_default) {
        return Constructor::DeriveDefault;
    }
    let arguments = properties.iter().filter(|property| property.required).map(|property| {
        let (name, plain) = (names::field(&property.name), plain_type(property));
        if property.nullable {
            quote! { #name: Option<#plain> }
        } else {
            quote! { #name: #plain }
        }
    });
    let fields = properties.iter().map(|property| {
        let name = names::field(&property.name);
        match (&property.default, property.required) {
            (_, true) => quote! { #name },
            (Some(default), false) => {
                let value = expression(api, &property.ty, default);
                quote! { #name: #value }
            }
            (None, false) => quote! { #name: None },
        }
    });
    Constructor::Code(if has_required {
        quote! {
            impl #name {
                /// Creates a value with these properties. All others are absent or have their default.
                pub fn new(#(#arguments),*) -> Self {
                    Self { #(#fields),* }
                }
            }
        }
    } else {
        quote! {
            impl Default for #name {
                fn default() -> Self {
                    Self { #(#fields),* }
                }
            }
        }
    })
}
