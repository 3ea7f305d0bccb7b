//! Emits `server/entity_tag.rs`: which values have an entity tag, and the precondition `If-Match`.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};

use super::template::prune;
use crate::model::{Api, Kind, Property};
use crate::print::rust_file;
use crate::{Error, GeneratedFile, names};

const TEMPLATE: &str = include_str!("../templates/entity_tag.rs");

/// The file and what it exports, if any operation returns an entity tag.
pub(super) fn file(api: &Api) -> Result<Option<(GeneratedFile, Vec<String>)>, Error> {
    if api.tagged().is_empty() {
        return Ok(None);
    }
    let has_precondition = api.operations.iter().any(|it| it.conditions.precondition().is_some());
    let exports = if has_precondition {
        vec!["IfMatch", "InvalidIfMatch", "Tagged"]
    } else {
        vec!["Tagged"]
    };
    let roots: String = exports.iter().map(|name| format!(" entity_tag::{name}")).collect();
    let (template, _) = prune(TEMPLATE, &roots)?;
    let template = syn::parse_file(&template)
        .map_err(|error| Error::document(format!("a template of the generator does not parse: {error}")))?;
    let items = template.items.iter().map(ToTokens::into_token_stream);
    let implementations = api.tagged().into_iter().map(|name| implementation(api, name));
    let text = rust_file(
        "Entity tags, and the preconditions that compare them.",
        quote! {
            #(#items)*
            #(#implementations)*
        },
    )?;
    let exports = exports.into_iter().map(str::to_owned).collect();
    Ok(Some((GeneratedFile::new("server/entity_tag.rs", text), exports)))
}

fn implementation(api: &Api, schema: &str) -> TokenStream {
    let name = format_ident!("{}", names::type_name(schema));
    let properties = match api.schema(schema).map(|schema| &schema.kind) {
        Some(Kind::Object(properties)) => properties.as_slice(),
        Some(Kind::Enumeration(_) | Kind::Text(_) | Kind::Integer(_) | Kind::Formatted(_)) | None => &[],
    };
    let excluded: Vec<&Property> = properties.iter().filter(|it| !it.in_entity_tag).collect();
    let digest = (!excluded.is_empty()).then(|| {
        let fields = excluded.iter().map(|it| names::field(&it.name));
        let rest = (excluded.len() < properties.len()).then(|| quote! { ..self.clone() });
        quote! {
            fn digest(&self) -> ::serde_json::Result<String> {
                digest_of(&Self { #(#fields: None,)* #rest })
            }
        }
    });
    let documentation = (!excluded.is_empty()).then(|| {
        let names: Vec<String> = excluded.iter().map(|it| format!("`{}`", it.name)).collect();
        crate::print::doc(&format!(
            "Without {}, whose changes do not change the tag.",
            names.join(" and ")
        ))
    });
    quote! {
        #documentation
        impl Tagged for crate::types::#name { #digest }
    }
}
