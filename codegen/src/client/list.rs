//! Streams of the items of a list.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::rust;
use crate::model::{Api, Kind, Location, Operation, Property, Type};

const ITEMS: &str = "items";
const CURSOR: &str = "cursor";
const NEXT_CURSOR: &str = "next_cursor";

/// A list that an operation returns.
pub(super) struct List {
    item: TokenStream,
    /// Whether the list has pages, each with the cursor of the next one.
    has_pages: bool,
}

/// The list that an operation returns, if its success is an object with `items`.
pub(super) fn items(api: &Api, operation: &Operation) -> Option<List> {
    let success = operation.responses.iter().find(|response| response.status.code < 300)?;
    let Kind::Object(properties) = &api.schema(success.body.as_deref()?)?.kind else {
        return None;
    };
    let property = |name: &str| properties.iter().find(|property| property.name == name);
    let Some(Property {
        ty: Type::Array(item),
        required: true,
        nullable: false,
        ..
    }) = property(ITEMS)
    else {
        return None;
    };
    let next = property(NEXT_CURSOR).filter(|next| !next.required && !next.nullable && next.default.is_none());
    let has_pages = next.is_some_and(|next| {
        operation.parameters.iter().any(|parameter| {
            parameter.name == CURSOR && parameter.location == Location::Query && parameter.ty == next.ty
        })
    });
    Some(List {
        item: rust::rust_type(item, &quote! { crate::types }),
        has_pages,
    })
}

/// The method of the builder that returns the stream.
pub(super) fn stream(List { item, has_pages }: List) -> TokenStream {
    let stream = quote! { ::futures_util::stream::BoxStream<'a, Result<#item, crate::Error>> };
    if has_pages {
        quote! {
            /// Returns the items of this page and of all pages after it. Each page is requested when its first item is
            /// needed. The stream ends after an error.
            pub fn stream(self) -> #stream {
                let pages = ::futures_util::stream::try_unfold(Some(self), |request| async move {
                    let Some(request) = request else {
                        return Ok::<_, crate::Error>(None);
                    };
                    let page = request.clone().send().await?.into_inner();
                    let next = page.next_cursor.map(|cursor| request.cursor(cursor));
                    Ok(Some((::futures_util::stream::iter(page.items.into_iter().map(Ok)), next)))
                });
                Box::pin(pages.try_flatten())
            }
        }
    } else {
        quote! {
            /// Returns the items one by one. The list is requested when the first item is needed.
            pub fn stream(self) -> #stream {
                let list = ::futures_util::stream::once(self.send());
                Box::pin(
                    list.map_ok(|list| ::futures_util::stream::iter(list.into_inner().items.into_iter().map(Ok)))
                        .try_flatten(),
                )
            }
        }
    }
}
