//! Rust code that several emitters need.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::model::{Format, Operation, Type, Width};
use crate::names;

/// The Rust integer of a width.
pub(super) fn integer(width: Width) -> TokenStream {
    match width {
        Width::I32 => quote! { i32 },
        Width::I64 => quote! { i64 },
    }
}

/// Declares modules, each with the names that it exports.
pub(super) fn modules(modules: impl IntoIterator<Item = (String, Vec<String>)>) -> TokenStream {
    let modules: BTreeMap<String, Vec<String>> = modules.into_iter().collect();
    let names = modules.keys().map(|name| format_ident!("{name}"));
    let exports = modules
        .iter()
        .filter(|(_, exports)| !exports.is_empty())
        .map(|(name, exports)| {
            let name = format_ident!("{name}");
            let mut exports: Vec<Ident> = exports.iter().map(|export| format_ident!("{export}")).collect();
            exports.sort();
            match exports.as_slice() {
                [export] => quote! { pub use self::#name::#export; },
                exports => quote! { pub use self::#name::{#(#exports),*}; },
            }
        });
    quote! {
        #( mod #names; )*
        #(#exports)*
    }
}

/// The Rust type, with its path in full. `types` is the module of the schemas' types, such as `crate::types`.
pub(crate) fn rust_type(ty: &Type, types: &TokenStream) -> TokenStream {
    match ty {
        Type::Named(name) => {
            let name = format_ident!("{}", names::type_name(name));
            quote! { #types::#name }
        }
        Type::String => quote! { ::std::string::String },
        Type::Boolean => quote! { bool },
        Type::Integer(width) => integer(*width),
        Type::Number => quote! { f64 },
        Type::Formatted(Format::Uuid) => quote! { ::uuid::Uuid },
        Type::Formatted(Format::Date) => quote! { #types::Date },
        Type::Formatted(Format::DateTime) => quote! { #types::Timestamp },
        Type::Array(items) => {
            let items = rust_type(items, types);
            quote! { ::std::vec::Vec<#items> }
        }
        Type::FreeForm => quote! { #types::JsonObject },
    }
}

/// The summary of an operation, followed by its description if it has one.
pub(super) fn summary_and_description(operation: &Operation) -> String {
    match &operation.description {
        Some(description) => format!("{}\n\n{description}", operation.summary),
        None => operation.summary.clone(),
    }
}
