//! The mock of the service that progenitor generates for the crate `httpmock`, for tests of programs that use the client.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Expr, ImplItem, Item, TraitItem, parse_quote};

use super::parts::missing;
use super::progenitor;
use crate::model::Api;
use crate::print::doc;
use crate::{Error, names};

/// The items of the file: a type of requests and a type of responses for each operation, and a trait with their methods.
pub(super) fn items(api: &Api, version: &str) -> Result<TokenStream, Error> {
    let mut file = progenitor::mock(api, version)?;
    Adapted.visit_file_mut(&mut file);
    let mut items = Vec::new();
    for item in file.items {
        // The items of the module become those of the file.
        if let Item::Mod(module) = item {
            let (_, inner) = module.content.ok_or_else(|| missing("`mod operations`"))?;
            items.extend(inner.into_iter().filter(|item| !matches!(item, Item::Use(_))));
        } else {
            items.push(item);
        }
    }
    for item in &mut items {
        document(item);
    }
    Ok(quote! { #(#items)* })
}

/// Adapts expressions and paths.
struct Adapted;

impl VisitMut for Adapted {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        visit_mut::visit_path_mut(self, path);
        if path.segments.first().is_some_and(|first| first.ident == "operations") {
            path.segments = std::mem::take(&mut path.segments).into_iter().skip(1).collect();
        }
    }

    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        visit_mut::visit_expr_mut(self, expression);
        if let Expr::MethodCall(call) = expression
            && call.method == "unwrap"
        {
            let receiver = &call.receiver;
            *expression = parse_quote! { #receiver.expect("the pattern was generated") };
        }
    }

    /// Macros that format do not need `to_string`.
    fn visit_macro_mut(&mut self, mac: &mut syn::Macro) {
        let text = mac.tokens.to_string().replace(". to_string ()", "");
        if let Ok(tokens) = text.parse() {
            mac.tokens = tokens;
        }
    }
}

fn document(item: &mut Item) {
    if let Item::Struct(item) = item {
        let name = item.ident.to_string();
        let text = match (name.strip_suffix("When"), name.strip_suffix("Then")) {
            (Some(operation), _) => format!("Matches requests of `{}`.", names::snake_case(operation)),
            (None, Some(operation)) => format!("Sets the response of `{}`.", names::snake_case(operation)),
            (None, None) => return,
        };
        add(&mut item.attrs, &text);
    } else if let Item::Impl(item) = item {
        // The methods of a trait are documented there.
        if item.trait_.is_some() {
            return;
        }
        let is_then = item.self_ty.to_token_stream().to_string().ends_with("Then");
        for member in &mut item.items {
            if let ImplItem::Fn(method) = member {
                let name = method.sig.ident.to_string();
                let text = match (name.as_str(), is_then) {
                    ("new", _) => "Wraps a value of `httpmock`.".to_owned(),
                    ("into_inner", _) => {
                        "Returns the value of `httpmock`, for what the document does not declare.".to_owned()
                    }
                    (_, true) => format!("Responds with the status `{name}`."),
                    (_, false) => format!("Matches requests with this `{name}`."),
                };
                add(&mut method.attrs, &text);
            }
        }
    } else if let Item::Trait(item) = item {
        item.attrs.clear();
        add(
            &mut item.attrs,
            "Adds a method for each operation to a mock server. The client's base URL is that of the server.",
        );
        for member in &mut item.items {
            if let TraitItem::Fn(method) = member {
                let text = format!("Mocks `{}`.", method.sig.ident);
                add(&mut method.attrs, &text);
            }
        }
    }
}

fn add(attributes: &mut Vec<Attribute>, text: &str) {
    let documentation = doc(text);
    let holder: syn::ItemStruct = parse_quote! { #documentation struct Holder; };
    attributes.extend(holder.attrs);
}
