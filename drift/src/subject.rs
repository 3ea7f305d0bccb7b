//! Tells which mutant of a batch an error of the compiler belongs to.
//!
//! Each mutant changes some generated types, its subjects, and no two mutants of a batch have one in common. An error belongs
//! to the mutant whose subject its message names, or in whose literal or pattern it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use heck::ToUpperCamelCase;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::code_mutants::sources;
use crate::error::Error;
use crate::mutant::{Change, Edit, Mutant, escaped};
use crate::spec::Spec;
use crate::worker::CompileError;

/// Names of Rust types and of operations.
pub(crate) type Subjects = BTreeSet<String>;

/// The subjects of a mutant. `None` if an edit is of nothing that has a name in Rust, such as a shared response.
pub(crate) fn subjects(spec: &Spec, mutant: &Mutant) -> Option<Subjects> {
    let Change::Spec(edits) = &mutant.change else {
        return None;
    };
    let mut all = Subjects::new();
    for edit in edits {
        let pointer = match edit {
            Edit::Set(pointer, _) | Edit::Remove(pointer) | Edit::Rename(pointer, _) => pointer.clone(),
            Edit::Move {
                from: (path, method), ..
            } => format!("/paths/{}/{method}", escaped(path)),
        };
        all.extend(of_place(spec, &pointer)?);
    }
    Some(all)
}

fn of_place(spec: &Spec, pointer: &str) -> Option<Vec<String>> {
    if let Some(place) = pointer.strip_prefix("/components/schemas/") {
        return Some(vec![place.split('/').next()?.to_upper_camel_case()]);
    }
    let operation = spec.operations.iter().find(|operation| {
        let rest = pointer.strip_prefix(&operation.pointer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })?;
    let name = operation.id.to_upper_camel_case();
    Some(vec![
        operation.id.clone(),
        format!("{name}Params"),
        format!("{name}Response"),
    ])
}

/// The literals and patterns of structs in hand-written files.
pub(crate) struct Literals(BTreeMap<PathBuf, Vec<Literal>>);

struct Literal {
    /// The parts of its path: a type, or a type and a variant.
    names: Vec<String>,
    /// Line and column of the first character, and of the end.
    start: (usize, usize),
    end: (usize, usize),
}

impl Literals {
    /// Reads the files below these directories of the workspace.
    pub(crate) fn read(workspace: &Path, directories: &[&str]) -> Result<Self, Error> {
        let mut files = BTreeMap::new();
        for directory in directories {
            for path in sources(&workspace.join(directory))? {
                let text = fs::read_to_string(&path).map_err(Error::file(&path))?;
                let file = path.strip_prefix(workspace).unwrap_or(&path).to_owned();
                let parsed = syn::parse_file(&text).map_err(|source| Error::Source {
                    path: file.clone(),
                    source,
                })?;
                let mut finder = Finder(Vec::new());
                finder.visit_file(&parsed);
                files.insert(file, finder.0);
            }
        }
        Ok(Self(files))
    }

    /// Whether the error belongs to the mutant with these subjects.
    pub(crate) fn belongs(&self, error: &CompileError, subjects: &Subjects) -> bool {
        names(&error.message).any(|name| subjects.contains(name))
            || self
                .innermost(error)
                .is_some_and(|literal| literal.names.iter().any(|name| subjects.contains(name)))
    }

    fn innermost(&self, error: &CompileError) -> Option<&Literal> {
        let at = (error.line, error.column);
        let around = self
            .0
            .get(&error.file)?
            .iter()
            .filter(|it| it.start <= at && at < it.end);
        around.max_by_key(|it| it.start)
    }
}

/// The names in the code that a message quotes.
fn names(message: &str) -> impl Iterator<Item = &str> {
    let quoted = message.split('`').skip(1).step_by(2);
    quoted.flat_map(|code| code.split(|it: char| !it.is_alphanumeric() && it != '_'))
}

struct Finder(Vec<Literal>);

impl Finder {
    fn push(&mut self, path: &syn::Path, whole: &impl Spanned) {
        let (start, end) = (whole.span().start(), whole.span().end());
        self.0.push(Literal {
            names: path.segments.iter().map(|segment| segment.ident.to_string()).collect(),
            start: (start.line, start.column + 1),
            end: (end.line, end.column + 1),
        });
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_expr_struct(&mut self, literal: &'ast syn::ExprStruct) {
        self.push(&literal.path, literal);
        visit::visit_expr_struct(self, literal);
    }

    fn visit_pat_struct(&mut self, pattern: &'ast syn::PatStruct) {
        self.push(&pattern.path, pattern);
        visit::visit_pat_struct(self, pattern);
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use syn::visit::Visit;

    use super::{Finder, Literals, Subjects, subjects};
    use crate::mutant::Kind;
    use crate::spec::Spec;
    use crate::spec_mutants;
    use crate::worker::CompileError;

    fn error(message: &str, line: usize, column: usize) -> CompileError {
        CompileError {
            message: message.to_owned(),
            file: PathBuf::from("a.rs"),
            line,
            column,
        }
    }

    #[test]
    fn an_error_belongs_to_the_innermost_literal_or_to_the_names_in_its_message() {
        let text = "fn f() {\n    Outer {\n        a: Inner { b: 1 },\n        c: 2,\n    }\n}\n";
        let mut finder = Finder(Vec::new());
        finder.visit_file(&syn::parse_file(text).unwrap());
        let literals = Literals([(PathBuf::from("a.rs"), finder.0)].into());
        let (outer, inner) = (
            Subjects::from(["Outer".to_owned()]),
            Subjects::from(["Inner".to_owned()]),
        );
        let of = |error: &CompileError| (literals.belongs(error, &outer), literals.belongs(error, &inner));
        assert_eq!(of(&error("mismatched types", 3, 20)), (false, true));
        assert_eq!(of(&error("mismatched types", 4, 9)), (true, false));
        assert_eq!(of(&error("no field `b` on type `&Inner`", 1, 1)), (false, true));
        assert_eq!(of(&error("cannot find the Inner function", 1, 1)), (false, false));
    }

    #[test]
    fn the_subjects_of_a_mutant_are_its_operation_or_schemas() {
        let spec = Spec::read(include_str!("../../spec/openapi.yaml").to_owned()).unwrap();
        for mutant in spec_mutants::all(&spec) {
            let subjects = subjects(&spec, &mutant);
            if mutant.kind == Kind::StatusRemoved {
                assert!(subjects.is_some_and(|it| it.iter().any(|name| name.ends_with("Response"))));
            }
        }
    }
}
