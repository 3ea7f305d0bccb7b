//! Puts the imports of a generated file in order: the standard library, other crates, our own; one line for each module.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Item, UseTree, Visibility};

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
            modules.entry((Origin::of(&module), module)).or_default().insert(name);
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Standard,
    Elsewhere,
    Own,
}

impl Origin {
    fn of(module: &str) -> Self {
        match module.split("::").next().unwrap_or_default() {
            "std" => Self::Standard,
            "crate" | "super" | "self" => Self::Own,
            _ => Self::Elsewhere,
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

fn line(module: &str, names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let import = match names.as_slice() {
        ["self"] => format!("use {module};"),
        [only] => format!("use {module}::{only};"),
        _ => format!("use {module}::{{{}}};", names.join(", ")),
    };
    // Printed by the printer, which breaks long lines; what it cannot read it would not have given us.
    match syn::parse_str::<Item>(&import) {
        Ok(item) => prettyplease::unparse(&syn::File {
            shebang: None,
            attrs: Vec::new(),
            items: vec![item],
        }),
        Err(_) => format!("{import}\n"),
    }
}
