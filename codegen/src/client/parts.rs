//! Extracts from progenitor's file the parts that the client uses.

use std::collections::BTreeMap;

use syn::{GenericArgument, ImplItem, ImplItemFn, Item, ItemImpl, ItemStruct, Type};

use crate::Error;
use crate::model::Operation;
use crate::names;

/// The parts of progenitor's file that are used.
pub(super) struct Parts {
    /// `impl ClientInfo<Transport> for Client`.
    pub(super) client_info: ItemImpl,
    builders: BTreeMap<String, Builder>,
}

/// The parts of one operation.
pub(super) struct Builder {
    /// The parameters and the body, each a field.
    pub(super) fields: Vec<Field>,
    /// The method that sends the request.
    pub(super) send: ImplItemFn,
}

/// A field of a builder, such as `id: Result<crate::types::LetterId, String>`.
pub(super) struct Field {
    pub(super) name: syn::Ident,
    /// The type of the value, without the `Result` and the `Option` around it.
    pub(super) ty: Type,
    /// `false` if the value may be absent.
    pub(super) required: bool,
}

impl Parts {
    /// Extracts the parts of a file.
    pub(super) fn new(file: syn::File) -> Result<Self, Error> {
        let mut client_info = None;
        let mut builder_module = None;
        for item in file.items {
            if let Item::Impl(item) = item {
                if implements(&item, "ClientInfo") {
                    client_info = Some(item);
                }
            } else if let Item::Mod(item) = item
                && item.ident == "builder"
            {
                builder_module = item.content.map(|(_, items)| items);
            }
        }
        Ok(Self {
            client_info: client_info.ok_or_else(|| missing("`impl ClientInfo`"))?,
            builders: builders(builder_module.ok_or_else(|| missing("`mod builder`"))?)?,
        })
    }

    /// Removes and returns the parts of an operation.
    pub(super) fn take(&mut self, operation: &Operation) -> Result<Builder, Error> {
        self.builders
            .remove(&names::operation_type(&operation.id))
            .ok_or_else(|| missing("the builder").in_operation(&operation.id))
    }
}

/// The error for code that progenitor no longer generates in the expected form.
pub(super) fn missing(what: &str) -> Error {
    Error::document(format!(
        "{what} is not where progenitor 0.15 puts it; this is a bug in the generator"
    ))
}

fn builders(items: Vec<Item>) -> Result<BTreeMap<String, Builder>, Error> {
    let mut fields = BTreeMap::new();
    let mut methods = BTreeMap::new();
    for item in items {
        if let Item::Struct(item) = item {
            fields.insert(item.ident.to_string(), self::fields(item)?);
        } else if let Item::Impl(item) = item
            && let Some(name) = name_of(&item.self_ty)
        {
            methods.insert(name, send(item)?);
        }
    }
    fields
        .into_iter()
        .map(|(name, fields)| {
            let send = methods.remove(&name).ok_or_else(|| missing("`send`"))?;
            Ok((name, Builder { fields, send }))
        })
        .collect()
}

/// The fields except `client`, which every builder has.
fn fields(item: ItemStruct) -> Result<Vec<Field>, Error> {
    item.fields
        .into_iter()
        .filter_map(|field| field.ident.map(|name| (name, field.ty)))
        .filter(|(name, _)| name != "client")
        .map(|(name, ty)| {
            let value = argument(&ty, "Result").ok_or_else(|| missing("a builder's `Result`"))?;
            let (ty, required) = match argument(value, "Option") {
                Some(inner) => (inner.clone(), false),
                None => (value.clone(), true),
            };
            Ok(Field { name, ty, required })
        })
        .collect()
}

fn send(item: ItemImpl) -> Result<ImplItemFn, Error> {
    item.items
        .into_iter()
        .find_map(|item| {
            let ImplItem::Fn(method) = item else {
                return None;
            };
            (method.sig.ident == "send").then_some(method)
        })
        .ok_or_else(|| missing("`send`"))
}

/// The first argument of a generic type with this name, such as `T` of `Option<T>`.
pub(super) fn argument<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last().filter(|it| it.ident == name)?;
    let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| {
        let GenericArgument::Type(ty) = argument else {
            return None;
        };
        Some(ty)
    })
}

fn name_of(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    Some(path.path.segments.last()?.ident.to_string())
}

fn implements(item: &ItemImpl, name: &str) -> bool {
    item.trait_
        .as_ref()
        .and_then(|(_, path, _)| path.segments.last())
        .is_some_and(|segment| segment.ident == name)
}
