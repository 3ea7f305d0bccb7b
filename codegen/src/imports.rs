//! The imports of a generated file.
//!
//! Emitters write every path in full: `::chrono::NaiveDate`, `crate::types::Letter`, `super::decode::present`. [`shorten`]
//! replaces each by its short form and adds the import that this needs, so that no emitter keeps a list of imports.
//! [`separate`] prints the imports in order.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprLit, Item, Lit, LitStr, Meta, Path, QSelf, Token, UseTree, Visibility, parse_quote};

/// Modules whose items are not imported by name, because the names are too general.
const QUALIFIERS: [&str; 3] = ["crate::types", "std::fmt", "crate::client::types"];

/// Names that need no import.
const PRELUDE: [&str; 8] = [
    "std::boxed::Box",
    "std::option::Option",
    "std::result::Result",
    "std::string::String",
    "std::string::ToString",
    "std::vec::Vec",
    "std::convert::TryFrom",
    "std::convert::TryInto",
];

/// Shortens the full paths of a file and adds the imports that the short forms need.
///
/// Types, traits, constants and macros are imported by name; functions are called through their module. If several paths
/// end in the same name, the most frequent one is imported, and the others stay in full. If the file itself defines `Name`,
/// `super::Name` refers to that definition, because modules re-export the items of their files.
pub(crate) fn shorten(file: &mut syn::File) {
    let defined: BTreeSet<String> = file.items.iter().filter_map(defined_name).collect();
    let mut in_scope: BTreeSet<String> = PRELUDE.map(str::to_owned).into();
    in_scope.extend(defined.iter().map(|name| format!("super::{name}")));
    for item in &file.items {
        if let Item::Use(import) = item {
            in_scope.extend(leaves(&import.tree, String::new()).into_iter().map(|(module, name)| {
                if module.is_empty() {
                    name
                } else {
                    format!("{module}::{name}")
                }
            }));
        }
    }
    // For each name, how often each path that ends in it occurs.
    let mut counts: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for path in &in_scope {
        let count = counts.entry(last(path).to_owned()).or_default();
        count.insert(path.clone(), usize::MAX / 2);
    }
    Paths(&mut |path, is_macro| {
        if let Some((_, import)) = short_form(path, is_macro) {
            let count = counts.entry(last(&import).to_owned()).or_default();
            *count.entry(import).or_default() += 1;
        }
        0
    })
    .visit_file_mut(file);

    let mut imports = BTreeSet::new();
    Paths(&mut |path, is_macro| {
        let Some((dropped, import)) = short_form(path, is_macro) else {
            return 0;
        };
        path.leading_colon = None;
        if !is_most_frequent(&counts, &import) {
            return 0;
        }
        path.segments = std::mem::take(&mut path.segments).into_iter().skip(dropped).collect();
        if !in_scope.contains(&import) {
            imports.insert(import);
        }
        dropped
    })
    .visit_file_mut(file);
    for import in imports.iter().rev() {
        // The segments come from a path, so they parse as one.
        if let Ok(path) = syn::parse_str::<Path>(import) {
            file.items.insert(0, parse_quote! { use #path; });
        }
    }
}

fn is_most_frequent(counts: &BTreeMap<String, BTreeMap<String, usize>>, path: &str) -> bool {
    counts.get(last(path)).is_some_and(|counts| {
        let own = counts.get(path);
        counts.iter().all(|(other, count)| other == path || Some(count) < own)
    })
}

fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

/// The number of segments to drop from a full path, and what to import for the rest; `None` if the path is not a full one.
fn short_form(path: &Path, is_macro: bool) -> Option<(usize, String)> {
    let names: Vec<String> = path.segments.iter().map(|it| it.ident.to_string()).collect();
    let is_own = names.first().is_some_and(|it| it == "crate" || it == "super");
    if names.len() < 2 || !(is_own || path.leading_colon.is_some()) {
        return None;
    }
    let import = |dropped: usize| (dropped, names[..=dropped].join("::"));
    let qualifier = (1..names.len() - 1).find(|it| QUALIFIERS.contains(&import(*it).1.as_str()));
    let item = names.iter().position(|it| it.starts_with(char::is_uppercase));
    match (qualifier, item, names.len()) {
        (Some(index), ..) | (None, Some(index), _) => Some(import(index)),
        (None, None, length) if is_macro => Some(import(length - 1)),
        // There is no module to call it through.
        (None, None, 2) => (!is_own).then(|| import(1)),
        (None, None, length) => Some(import(length - 2)),
    }
}

fn defined_name(item: &Item) -> Option<String> {
    let name = if let Item::Struct(item) = item {
        &item.ident
    } else if let Item::Enum(item) = item {
        &item.ident
    } else if let Item::Trait(item) = item {
        &item.ident
    } else if let Item::Type(item) = item {
        &item.ident
    } else if let Item::Const(item) = item {
        &item.ident
    } else if let Item::Fn(item) = item {
        &item.sig.ident
    } else if let Item::Mod(item) = item {
        &item.ident
    } else {
        return None;
    };
    Some(name.to_string())
}

/// Visits each path of a file, those in attributes and in the arguments of macros too. The function is told whether the
/// path names a macro, and returns how many segments it has dropped from the front.
struct Paths<'a>(&'a mut dyn FnMut(&mut Path, bool) -> usize);

impl Paths<'_> {
    fn visit_qualified(&mut self, qself: &mut Option<QSelf>, path: &mut Path) {
        visit_mut::visit_path_mut(self, path);
        let dropped = (self.0)(path, false);
        if let Some(qself) = qself {
            self.visit_type_mut(&mut qself.ty);
            qself.position -= dropped;
        }
    }

    /// A path that an attribute takes as text, as those of serde do.
    fn visit_quoted_path(&mut self, text: &mut LitStr) {
        let Ok(full) = text.parse::<Path>() else {
            return;
        };
        let mut path = full.clone();
        self.visit_path_mut(&mut path);
        if path != full {
            let short = path.to_token_stream().to_string().replace(' ', "");
            *text = LitStr::new(&short, text.span());
        }
    }
}

impl VisitMut for Paths<'_> {
    fn visit_path_mut(&mut self, path: &mut Path) {
        visit_mut::visit_path_mut(self, path);
        (self.0)(path, false);
    }

    fn visit_expr_path_mut(&mut self, expression: &mut syn::ExprPath) {
        self.visit_qualified(&mut expression.qself, &mut expression.path);
    }

    fn visit_type_path_mut(&mut self, ty: &mut syn::TypePath) {
        self.visit_qualified(&mut ty.qself, &mut ty.path);
    }

    fn visit_macro_mut(&mut self, called: &mut syn::Macro) {
        (self.0)(&mut called.path, true);
        let arguments = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(called.tokens.clone());
        if let Ok(mut arguments) = arguments {
            arguments.iter_mut().for_each(|it| self.visit_expr_mut(it));
            called.tokens = arguments.into_token_stream();
        }
    }

    fn visit_attribute_mut(&mut self, attribute: &mut syn::Attribute) {
        let Meta::List(list) = &mut attribute.meta else {
            return;
        };
        let Ok(mut arguments) = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
            return;
        };
        for argument in &mut arguments {
            match argument {
                Meta::Path(path) => self.visit_path_mut(path),
                Meta::List(_) => {}
                Meta::NameValue(argument) => {
                    if let Expr::Lit(ExprLit {
                        lit: Lit::Str(text), ..
                    }) = &mut argument.value
                    {
                        self.visit_quoted_path(text);
                    } else {
                        self.visit_expr_mut(&mut argument.value);
                    }
                }
            }
        }
        list.tokens = arguments.into_token_stream();
    }

    /// `pub(in path)` is not an import.
    fn visit_visibility_mut(&mut self, _: &mut Visibility) {}
}

/// The private imports of a file in printing order, a blank line between the groups, and all other items.
pub(crate) fn separate(items: &[Item]) -> (String, Vec<&Item>) {
    let mut modules: BTreeMap<(Origin, String), BTreeSet<String>> = BTreeMap::new();
    let mut others = Vec::new();
    for item in items {
        let Item::Use(import) = item else {
            others.push(item);
            continue;
        };
        if !matches!(import.vis, Visibility::Inherited) {
            others.push(item);
            continue;
        }
        for (module, name) in leaves(&import.tree, String::new()) {
            modules
                .entry((Origin::from_module(&module), module))
                .or_default()
                .insert(name);
        }
    }
    let mut text = String::new();
    let mut previous = None;
    for ((origin, module), names) in modules {
        if previous.is_some_and(|previous| previous != origin) {
            text.push('\n');
        }
        text.push_str(&line(&module, &names));
        previous = Some(origin);
    }
    (text, others)
}

/// The groups of imports, in printing order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Standard,
    OtherCrate,
    OwnCrate,
}

impl Origin {
    fn from_module(module: &str) -> Self {
        match module.split("::").next().unwrap_or_default() {
            "std" => Self::Standard,
            "crate" | "super" | "self" => Self::OwnCrate,
            _ => Self::OtherCrate,
        }
    }
}

/// What a tree imports, as (module, name).
fn leaves(tree: &UseTree, module: String) -> Vec<(String, String)> {
    match tree {
        UseTree::Path(path) => {
            let module = if module.is_empty() {
                path.ident.to_string()
            } else {
                format!("{module}::{}", path.ident)
            };
            leaves(&path.tree, module)
        }
        UseTree::Group(group) => group
            .items
            .iter()
            .flat_map(|tree| leaves(tree, module.clone()))
            .collect(),
        UseTree::Name(name) => vec![(module, name.ident.to_string())],
        UseTree::Rename(rename) => vec![(module, format!("{} as {}", rename.ident, rename.rename))],
        UseTree::Glob(_) => vec![(module, "*".to_owned())],
    }
}

/// The statement that imports these names of a module.
fn line(module: &str, names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let import = match names.as_slice() {
        ["self"] => format!("use {module};"),
        [only] => format!("use {module}::{only};"),
        _ => format!("use {module}::{{{}}};", names.join(", ")),
    };
    // The printer breaks long lines. The names come from imports, so the statement parses.
    match syn::parse_str::<Item>(&import) {
        Ok(item) => prettyplease::unparse(&syn::File {
            shebang: None,
            attrs: Vec::new(),
            items: vec![item],
        }),
        Err(_) => format!("{import}\n"),
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::shorten;
    use crate::print;

    /// The file as it is printed, without its header.
    fn shortened(items: proc_macro2::TokenStream) -> String {
        let text = print::rust_file("", items).expect("the items parse");
        text.split_once("\n\n").expect("a header").1.to_owned()
    }

    #[test]
    fn types_are_imported_and_functions_called_through_their_module() {
        let text = shortened(quote! {
            fn at(time: ::chrono::DateTime<::chrono::Utc>) -> crate::types::Text {
                super::encode::text(time)
            }
        });
        assert_eq!(
            text,
            "use chrono::{DateTime, Utc};\n\nuse crate::types;\nuse super::encode;\n\n\
             fn at(time: DateTime<Utc>) -> types::Text {\n    encode::text(time)\n}\n"
        );
    }

    #[test]
    fn of_two_items_of_one_name_the_more_frequent_is_imported() {
        let text = shortened(quote! {
            type Outcome = Result<::http::Error, ::dropshot::Error>;
        });
        assert_eq!(text, "type Outcome = Result<http::Error, dropshot::Error>;\n");
        let text = shortened(quote! {
            type Outcome = Result<Result<(), ::http::Error>, (::http::Error, ::dropshot::Error)>;
        });
        assert_eq!(
            text,
            "use http::Error;\n\ntype Outcome = Result<Result<(), Error>, (Error, dropshot::Error)>;\n"
        );
    }

    #[test]
    fn what_the_file_defines_or_the_prelude_has_needs_no_import() {
        let text = shortened(quote! {
            struct Name(::std::string::String);
            struct Person { name: super::Name, result: ::std::fmt::Result }
        });
        assert_eq!(
            text,
            "use std::fmt;\n\nstruct Name(String);\n\nstruct Person {\n    name: Name,\n    result: fmt::Result,\n}\n"
        );
    }

    #[test]
    fn paths_in_attributes_and_macros_are_shortened() {
        let text = shortened(quote! {
            #[derive(Debug, ::serde::Serialize)]
            struct Day {
                #[serde(serialize_with = "super::encode::day", rename = "day-of-week")]
                day: ::chrono::NaiveDate,
            }

            fn work() {
                ::std::pin::pin!(<::chrono::NaiveDate as ::text::Format>::parse);
            }
        });
        assert_eq!(
            text,
            "use std::pin::pin;\n\nuse chrono::NaiveDate;\nuse serde::Serialize;\nuse text::Format;\n\n\
             use super::encode;\n\n\
             #[derive(Debug, Serialize)]\nstruct Day {\n    \
             #[serde(serialize_with = \"encode::day\", rename = \"day-of-week\")]\n    day: NaiveDate,\n}\n\n\
             fn work() {\n    pin!(< NaiveDate as Format > ::parse);\n}\n"
        );
    }

    #[test]
    fn existing_imports_are_respected() {
        let mut file = syn::parse_quote! {
            use http::Error;
            type Both = (crate::Error, ::http::StatusCode);
        };
        shorten(&mut file);
        assert_eq!(
            prettyplease::unparse(&file),
            "use http::StatusCode;\nuse http::Error;\ntype Both = (crate::Error, StatusCode);\n"
        );
    }
}
