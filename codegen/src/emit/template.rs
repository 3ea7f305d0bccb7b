//! Templates: hand-written parts of the generated code. Unused items are removed, so that there is no dead code.

use syn::{Item, UseTree};

use crate::Error;
use crate::print::syntax_tree;

/// Keeps the items that the roots mention, directly or indirectly. Returns the file and the number of functions in it.
pub(crate) fn prune(template: &str, roots: &str) -> Result<(String, usize), Error> {
    let mut file = syn::parse_file(template)
        .map_err(|error| Error::document(format!("a template of the generator does not parse: {error}")))?;
    let documentation = template
        .lines()
        .map_while(|line| line.strip_prefix("//! "))
        .collect::<Vec<_>>()
        .join(" ");
    file.attrs.clear();
    let items = std::mem::take(&mut file.items);
    let mut mentioned = qualified_names(roots);
    let imports = items.iter().filter(|item| matches!(item, Item::Use(_))).map(text_of);
    let standard: String = imports.filter(|import| import.starts_with("use std::")).collect();
    let mut kept = vec![false; items.len()];
    loop {
        let mut changed = false;
        for (item, keep) in items.iter().zip(&mut kept) {
            if !*keep && is_needed(item, &mentioned, &standard) {
                *keep = true;
                changed = true;
                mentioned.push_str(&without_comments(&text_of(item)));
            }
        }
        if !changed {
            break;
        }
    }
    let body: String = items
        .iter()
        .zip(&kept)
        .filter(|(item, keep)| **keep && !matches!(item, Item::Use(_)))
        .map(|(item, _)| text_of(item))
        .collect();
    let functions = items
        .iter()
        .zip(&kept)
        .filter(|(item, keep)| **keep && matches!(item, Item::Fn(_)))
        .count();
    for (item, keep) in items.into_iter().zip(kept) {
        if let Item::Use(mut import) = item {
            if let Some(tree) = needed_imports(import.tree, &without_comments(&body)) {
                import.tree = tree;
                file.items.push(Item::Use(import));
            }
        } else if keep {
            file.items.push(item);
        }
    }
    Ok((syntax_tree(&documentation, file), functions))
}

/// Whether something uses the item. Types of the standard library (`standard`) are always in use.
fn is_needed(item: &Item, mentioned: &str, standard: &str) -> bool {
    let is_mentioned = |name: &str| mentions(mentioned, name);
    name_of(item).is_some_and(|name| is_mentioned(&name))
        && source_of(item).is_none_or(|name| is_mentioned(&name) || mentions(standard, &name))
}

/// The source type of an implementation of `From`. If nothing uses the type, the implementation is not needed.
fn source_of(item: &Item) -> Option<String> {
    let Item::Impl(item) = item else {
        return None;
    };
    let (_, path, _) = item.trait_.as_ref()?;
    let ty = quote::quote!(#path).to_string().replace(' ', "");
    Some(ty.strip_prefix("From<")?.strip_suffix('>')?.to_owned())
}

/// The name by which other code mentions the item. An implementation has the name of its type, or of its trait if the type is
/// one like `()`.
fn name_of(item: &Item) -> Option<String> {
    if let Item::Fn(item) = item {
        return Some(item.sig.ident.to_string());
    }
    if let Item::Const(item) = item {
        return Some(item.ident.to_string());
    }
    if let Item::Struct(item) = item {
        return Some(item.ident.to_string());
    }
    if let Item::Enum(item) = item {
        return Some(item.ident.to_string());
    }
    if let Item::Type(item) = item {
        return Some(item.ident.to_string());
    }
    if let Item::Trait(item) = item {
        return Some(item.ident.to_string());
    }
    if let Item::Impl(item) = item {
        let ty = text_of_type(&item.self_ty);
        if let (Some((_, path, _)), false) = (&item.trait_, ty.starts_with(char::is_alphabetic)) {
            return path.segments.last().map(|it| it.ident.to_string());
        }
        return Some(ty.split('<').next().unwrap_or(&ty).to_owned());
    }
    None
}

/// The words next to `::` in code, in imports and in paths in attributes too, outside of `types::`, whose names come from the
/// spec. Generated code mentions the items of a template by such paths only; a property of the same name is another matter.
fn qualified_names(code: &str) -> String {
    let code = without_comments(code);
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == ':';
    let paths = code.split(|it: char| !is_part(it)).filter(|it| it.contains("::"));
    let mut names: Vec<&str> = paths
        .filter(|path| !path.starts_with("types::"))
        .flat_map(|path| path.split("::"))
        .collect();
    for import in code.split("use ").skip(1).filter_map(|rest| rest.split(';').next()) {
        names.extend(import.split(|it: char| !is_part(it)).flat_map(|path| path.split("::")));
    }
    names.join(" ")
}

/// Removes comments: an item that only comments mention is not used.
fn without_comments(code: &str) -> String {
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect()
}

fn text_of(item: &Item) -> String {
    prettyplease::unparse(&syn::File {
        shebang: None,
        attrs: Vec::new(),
        items: vec![item.clone()],
    })
}

fn text_of_type(ty: &syn::Type) -> String {
    quote::quote!(#ty).to_string().replace(' ', "")
}

/// Does the text contain the word, other than as a part of a longer one?
fn mentions(text: &str, word: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    text.match_indices(word)
        .any(|(start, _)| !text[..start].ends_with(is_part) && !text[start + word.len()..].starts_with(is_part))
}

/// Does the text contain the word at the start of a path? `Error` is not in `serde_json::Error`, nor `Item` in
/// `Iterator<Item = T>`.
fn begins_path(text: &str, word: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    text.match_indices(word)
        .filter(|(start, _)| !text[..*start].ends_with("::") && !text[start + word.len()..].starts_with(" = "))
        .any(|(start, _)| !text[..start].ends_with(is_part) && !text[start + word.len()..].starts_with(is_part))
}

fn needed_imports(tree: UseTree, code: &str) -> Option<UseTree> {
    match tree {
        UseTree::Path(mut path) => {
            let rest = needed_imports(*path.tree, code)?;
            path.tree = Box::new(rest);
            Some(UseTree::Path(path))
        }
        UseTree::Name(name) => {
            let used = begins_path(code, &name.ident.to_string())
                // Traits whose methods are called without naming the trait.
                || name.ident == "BodyExt" && code.contains(".frame()")
                || name.ident == "FutureExt" && code.contains(".with_context(")
                || name.ident == "Write" && code.contains(".write_all(");
            used.then_some(UseTree::Name(name))
        }
        UseTree::Group(group) => {
            let items: Vec<UseTree> = group
                .items
                .into_iter()
                .filter_map(|tree| needed_imports(tree, code))
                .collect();
            match items.len() {
                0 => None,
                1 => items.into_iter().next(),
                _ => Some(UseTree::Group(syn::UseGroup {
                    brace_token: group.brace_token,
                    items: items.into_iter().collect(),
                })),
            }
        }
        // A trait that is imported as `_` for its functions. The templates have one, `serde::de::Error`.
        UseTree::Rename(rename) => code.contains("::custom").then_some(UseTree::Rename(rename)),
        UseTree::Glob(glob) => Some(UseTree::Glob(glob)),
    }
}
