//! Shortens paths, and says what must be imported for it.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::visit_mut::{self, VisitMut};

/// What progenitor's code names without a path.
const OF_PROGENITOR: [&str; 4] = ["Error", "OperationInfo", "ResponseValue", "encode_path"];

/// Collects imports while it shortens paths.
pub(super) struct Imports {
    /// Names by the module that they come from.
    names: BTreeMap<String, BTreeSet<String>>,
}

impl Imports {
    /// Starts with imports that no path shows, such as those of traits.
    pub(super) fn with(paths: &[&str]) -> Self {
        let mut imports = Self { names: BTreeMap::new() };
        for path in paths {
            imports.add(path);
        }
        imports
    }

    fn add(&mut self, path: &str) {
        if let Some((module, name)) = path.rsplit_once("::") {
            self.names.entry(module.to_owned()).or_default().insert(name.to_owned());
        }
    }

    /// The statements: one for each module, those of the own crate last.
    pub(super) fn statements(&self) -> TokenStream {
        let (own, foreign): (Vec<_>, Vec<_>) = self.names.iter().partition(|(module, _)| module.starts_with("crate"));
        let statements = foreign.into_iter().chain(own).map(|(module, names)| {
            let module = module.split("::").map(|step| format_ident!("{step}"));
            let names: Vec<_> = names.iter().map(|name| format_ident!("{name}")).collect();
            match names.as_slice() {
                [name] => quote! { use #(#module)::*::#name; },
                names => quote! { use #(#module)::*::{#(#names),*}; },
            }
        });
        quote! { #(#statements)* }
    }

    /// How many segments to drop from the front of a path, and what to import for the rest.
    fn shorten(names: &[&str]) -> Option<(usize, Option<String>)> {
        match names {
            ["crate", "types", _, ..] => Some((1, Some("crate::types".to_owned()))),
            ["crate", "Transport"] => Some((1, Some("crate::Transport".to_owned()))),
            ["super", "Client", ..] => Some((1, Some("crate::generated::Client".to_owned()))),
            ["progenitor_client", name, ..] => Some((1, Some(format!("progenitor_client::{name}")))),
            ["reqwest", "header", name, ..] => Some((2, Some(format!("reqwest::header::{name}")))),
            ["std", "string", "String"] => Some((2, None)),
            [name, ..] if OF_PROGENITOR.contains(name) => Some((0, Some(format!("progenitor_client::{name}")))),
            _ => None,
        }
    }
}

impl VisitMut for Imports {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        visit_mut::visit_path_mut(self, path);
        let names: Vec<String> = path.segments.iter().map(|it| it.ident.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let Some((dropped, import)) = Self::shorten(&names) else {
            return;
        };
        path.leading_colon = None;
        path.segments = std::mem::take(&mut path.segments).into_iter().skip(dropped).collect();
        if let Some(import) = import {
            self.add(&import);
        }
    }

    // Their paths stand in documentation or mean macros; neither is to be shortened.
    fn visit_attribute_mut(&mut self, _: &mut syn::Attribute) {}
}
