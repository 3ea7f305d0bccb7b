//! What the emitters share: how the model's types are written in Rust.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::model::{Format, Type, Width};
use crate::names;

/// The Rust type; `path` goes before the name of a schema's type, as in `types::`.
pub(super) fn type_of(ty: &Type, path: &str) -> String {
    match ty {
        Type::Named(name) => format!("{path}{}", names::type_name(name)),
        Type::String => "String".to_owned(),
        Type::Boolean => "bool".to_owned(),
        Type::Integer(width) => integer(*width).to_owned(),
        Type::Number => "f64".to_owned(),
        Type::Formatted(format) => formatted(*format).to_owned(),
        Type::Array(items) => format!("Vec<{}>", type_of(items, path)),
        Type::FreeForm => "Map<String, Value>".to_owned(),
    }
}

/// The Rust integer of a width.
pub(super) fn integer(width: Width) -> &'static str {
    match width {
        Width::I32 => "i32",
        Width::I64 => "i64",
    }
}

/// The Rust type of a format.
pub(super) fn formatted(format: Format) -> &'static str {
    match format {
        Format::Uuid => "Uuid",
        Format::Date => "NaiveDate",
        Format::DateTime => "DateTime<Utc>",
    }
}

/// The imports, out of a list of (what the code mentions, the import), that the code needs.
pub(super) fn imports(code: &str, candidates: &[(&str, &str)]) -> String {
    candidates
        .iter()
        .filter(|(mention, _)| code.contains(mention))
        .map(|(_, import)| format!("use {import};\n"))
        .collect()
}

/// The Rust type, with its path in full. `types` is the module of the schemas' types, such as `crate::types`.
#[allow(dead_code, reason = "the emitters are being moved to tokens")]
pub(super) fn rust_type(ty: &Type, types: &TokenStream) -> TokenStream {
    match ty {
        Type::Named(name) => {
            let name = format_ident!("{}", names::type_name(name));
            quote! { #types::#name }
        }
        Type::String => quote! { ::std::string::String },
        Type::Boolean => quote! { bool },
        Type::Integer(Width::I32) => quote! { i32 },
        Type::Integer(Width::I64) => quote! { i64 },
        Type::Number => quote! { f64 },
        Type::Formatted(Format::Uuid) => quote! { ::uuid::Uuid },
        Type::Formatted(Format::Date) => quote! { ::chrono::NaiveDate },
        Type::Formatted(Format::DateTime) => quote! { ::chrono::DateTime<::chrono::Utc> },
        Type::Array(items) => {
            let items = rust_type(items, types);
            quote! { ::std::vec::Vec<#items> }
        }
        Type::FreeForm => quote! { ::serde_json::Map<::std::string::String, ::serde_json::Value> },
    }
}
