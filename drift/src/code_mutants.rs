//! Mutants of hand-written code: a missing operation, an undeclared status, a missing response field.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use heck::ToUpperCamelCase;
use serde_json::Value;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::error::Error;
use crate::mutant::{Change, Kind, Mutant};
use crate::spec::{Operation, Spec};

const SOURCES: &str = "server/src";

/// Statuses that operations declare, and their enum variants.
const VARIANTS: [(&str, &str); 6] = [
    ("409", "Conflict"),
    ("404", "NotFound"),
    ("400", "BadRequest"),
    ("202", "Accepted"),
    ("201", "Created"),
    ("200", "Ok"),
];

/// Returns the mutants of hand-written code, ordered by kind.
pub(crate) fn all(spec: &Spec, workspace: &Path) -> Result<Vec<Mutant>, Error> {
    let mut mutants = Vec::new();
    let mut mutated = Vec::new();
    for path in sources(&workspace.join(SOURCES))? {
        let text = fs::read_to_string(&path).map_err(Error::file(&path))?;
        let file = path.strip_prefix(workspace).unwrap_or(&path).to_owned();
        let parsed = syn::parse_file(&text).map_err(|source| Error::Source {
            path: file.clone(),
            source,
        })?;
        let mut finder = Finder {
            spec,
            file: &file,
            text: &text,
            mutated: &mut mutated,
            mutants: &mut mutants,
        };
        finder.visit_file(&parsed);
    }
    mutants.sort_by_key(|mutant| mutant.kind);
    Ok(mutants)
}

/// The Rust files below a directory, in order.
pub(crate) fn sources(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(Error::file(directory))? {
        let path = entry.map_err(Error::file(directory))?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

struct Finder<'a> {
    spec: &'a Spec,
    file: &'a Path,
    text: &'a str,
    /// The operations that already have a mutant with an undeclared status. One per operation is enough.
    mutated: &'a mut Vec<String>,
    mutants: &'a mut Vec<Mutant>,
}

impl Finder<'_> {
    fn push(&mut self, kind: Kind, line: usize, description: String, range: Range<usize>, replacement: &str) {
        let mut text = self.text.to_owned();
        text.replace_range(range, replacement);
        self.mutants.push(Mutant {
            kind,
            place: format!("{}:{line}", self.file.display()),
            description,
            change: Change::Code {
                file: self.file.to_owned(),
                text,
            },
            probe: None,
        });
    }

    /// Mutates a path such as `TenantGetResponse::Ok` to an undeclared status.
    fn visit_response_path(&mut self, path: &syn::Path) {
        let mut steps = path.segments.iter().rev();
        let (Some(variant), Some(name)) = (steps.next(), steps.next()) else {
            return;
        };
        let Some(operation) = self.spec.operations.iter().find(|it| name.ident == response_enum(it)) else {
            return;
        };
        let id = operation.id.clone();
        let pointer = format!("{}/responses", operation.pointer);
        let Some(declared) = self.spec.document.pointer(&pointer).and_then(Value::as_object) else {
            return;
        };
        let undeclared = VARIANTS.iter().find(|(status, _)| !declared.contains_key(*status));
        if let Some((status, undeclared)) = undeclared
            && !self.mutated.contains(&id)
        {
            let span = variant.ident.span();
            let description = format!("`{id}` returns {status} instead of `{}`", variant.ident);
            self.push(
                Kind::UndeclaredStatusReturned,
                span.start().line,
                description,
                span.byte_range(),
                undeclared,
            );
            self.mutated.push(id);
        }
    }

    /// Returns the response schema of a struct literal, unless its type only has the same name.
    fn response_schema(&self, literal: &syn::ExprStruct) -> Option<&str> {
        let name = literal.path.segments.last()?.ident.to_string();
        let schema = self.spec.responses.iter().find(|it| it.to_upper_camel_case() == name)?;
        let properties = self.spec.properties(schema);
        literal
            .fields
            .iter()
            .all(|field| properties.iter().any(|it| is_named(&field.member, it.name)))
            .then_some(schema)
    }
}

fn response_enum(operation: &Operation) -> String {
    format!("{}Response", operation.id.to_upper_camel_case())
}

fn is_named(member: &syn::Member, name: &str) -> bool {
    matches!(member, syn::Member::Named(ident) if ident == name)
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let implemented = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
        let tags = self.spec.document.get("tags").and_then(Value::as_array);
        let is_contract = implemented.is_some_and(|implemented| {
            tags.into_iter()
                .flatten()
                .filter_map(|tag| tag.get("name").and_then(Value::as_str))
                .any(|tag| implemented.ident == tag.to_upper_camel_case())
        });
        if is_contract {
            for part in &item.items {
                if let syn::ImplItem::Fn(method) = part
                    && self.spec.operations.iter().any(|it| method.sig.ident == it.id)
                {
                    let line = method.sig.span().start().line;
                    let description = format!("`{}`", method.sig.ident);
                    let range = method.span().byte_range();
                    self.push(Kind::OperationUnimplemented, line, description, range, "");
                }
            }
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_expr_path(&mut self, expression: &'ast syn::ExprPath) {
        self.visit_response_path(&expression.path);
        visit::visit_expr_path(self, expression);
    }

    fn visit_expr_struct(&mut self, literal: &'ast syn::ExprStruct) {
        self.visit_response_path(&literal.path);
        if let Some(schema) = self.response_schema(literal).map(str::to_owned) {
            for pair in literal.fields.pairs() {
                let field = pair.value();
                let mut range = field.span().byte_range();
                if let Some(comma) = pair.punct() {
                    range.end = comma.span().byte_range().end;
                }
                if let syn::Member::Named(name) = &field.member {
                    let description = format!("`{schema}.{name}`");
                    let line = field.span().start().line;
                    self.push(Kind::ResponseFieldNotFilled, line, description, range, "");
                }
            }
        }
        visit::visit_expr_struct(self, literal);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Kind, Spec, all};

    #[test]
    fn every_operation_and_every_response_field_has_a_mutant() {
        let spec = Spec::read(include_str!("../../spec/openapi.yaml").to_owned()).expect("the spec is read");
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mutants = all(&spec, &workspace).expect("the sources are read");
        let count = |kind| mutants.iter().filter(|mutant| mutant.kind == kind).count();
        assert_eq!(count(Kind::OperationUnimplemented), spec.operations.len());
        assert_eq!(count(Kind::UndeclaredStatusReturned), spec.operations.len());
        let fields: usize = spec.responses.iter().map(|it| spec.properties(it).len()).sum();
        assert!(count(Kind::ResponseFieldNotFilled) >= fields);
    }
}
