//! A mutant: one change of the spec or of hand-written code, as data.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::probe::Probe;

/// The kinds of mutants, in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    OperationAdded,
    OperationRemoved,
    PathChanged,
    MethodChanged,
    SecurityRemoved,
    ScopeAdded,
    ScopeRemoved,
    ParameterAdded,
    ParameterRemoved,
    ParameterRenamed,
    ParameterRetyped,
    ParameterMadeRequired,
    ParameterMadeOptional,
    HeaderParameterAdded,
    HeaderParameterRemoved,
    HeaderParameterMadeRequired,
    RequestBodyMadeRequired,
    RequestBodyMadeOptional,
    RequestFieldAddedRequired,
    RequestFieldAddedOptional,
    RequestFieldRemoved,
    RequestFieldRenamed,
    RequestFieldRetyped,
    RequestFieldMadeRequired,
    RequestFieldMadeOptional,
    RequestFieldMadeNullable,
    MergePatchMemberAdded,
    MergePatchMemberMadeNullable,
    MergePatchMemberMadeNonNullable,
    ResponseFieldAddedRequired,
    ResponseFieldAddedOptional,
    ResponseFieldRemoved,
    ResponseFieldRenamed,
    ResponseFieldRetyped,
    ResponseFieldMadeRequired,
    ResponseFieldMadeOptional,
    ResponseFieldMadeNullable,
    ResponseFieldMadeNonNullable,
    StatusAdded,
    SuccessAdded,
    StatusRemoved,
    HeaderRemoved,
    HeaderMadeOptional,
    EnumValueAdded,
    EnumValueRemoved,
    PatternChanged,
    MinimumLengthChanged,
    MaximumLengthChanged,
    MinimumChanged,
    MaximumChanged,
    DefaultChanged,
    DefaultRemoved,
    UnknownMembersAllowed,
    MinimumItemsChanged,
    MaximumItemsChanged,
    JsonLimitChanged,
    ContentTypeChanged,
    TextChanged,
    OperationUnimplemented,
    UndeclaredStatusReturned,
    ResponseFieldNotFilled,
}

impl Kind {
    pub(crate) const ALL: [Self; 61] = [
        Self::OperationAdded,
        Self::OperationRemoved,
        Self::PathChanged,
        Self::MethodChanged,
        Self::SecurityRemoved,
        Self::ScopeAdded,
        Self::ScopeRemoved,
        Self::ParameterAdded,
        Self::ParameterRemoved,
        Self::ParameterRenamed,
        Self::ParameterRetyped,
        Self::ParameterMadeRequired,
        Self::ParameterMadeOptional,
        Self::HeaderParameterAdded,
        Self::HeaderParameterRemoved,
        Self::HeaderParameterMadeRequired,
        Self::RequestBodyMadeRequired,
        Self::RequestBodyMadeOptional,
        Self::RequestFieldAddedRequired,
        Self::RequestFieldAddedOptional,
        Self::RequestFieldRemoved,
        Self::RequestFieldRenamed,
        Self::RequestFieldRetyped,
        Self::RequestFieldMadeRequired,
        Self::RequestFieldMadeOptional,
        Self::RequestFieldMadeNullable,
        Self::MergePatchMemberAdded,
        Self::MergePatchMemberMadeNullable,
        Self::MergePatchMemberMadeNonNullable,
        Self::ResponseFieldAddedRequired,
        Self::ResponseFieldAddedOptional,
        Self::ResponseFieldRemoved,
        Self::ResponseFieldRenamed,
        Self::ResponseFieldRetyped,
        Self::ResponseFieldMadeRequired,
        Self::ResponseFieldMadeOptional,
        Self::ResponseFieldMadeNullable,
        Self::ResponseFieldMadeNonNullable,
        Self::StatusAdded,
        Self::SuccessAdded,
        Self::StatusRemoved,
        Self::HeaderRemoved,
        Self::HeaderMadeOptional,
        Self::EnumValueAdded,
        Self::EnumValueRemoved,
        Self::PatternChanged,
        Self::MinimumLengthChanged,
        Self::MaximumLengthChanged,
        Self::MinimumChanged,
        Self::MaximumChanged,
        Self::DefaultChanged,
        Self::DefaultRemoved,
        Self::UnknownMembersAllowed,
        Self::MinimumItemsChanged,
        Self::MaximumItemsChanged,
        Self::JsonLimitChanged,
        Self::ContentTypeChanged,
        Self::TextChanged,
        Self::OperationUnimplemented,
        Self::UndeclaredStatusReturned,
        Self::ResponseFieldNotFilled,
    ];

    /// The name of the kind, as used by `--kind`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::OperationAdded => "operation added",
            Self::OperationRemoved => "operation removed",
            Self::PathChanged => "path changed",
            Self::MethodChanged => "method changed",
            Self::SecurityRemoved => "security removed",
            Self::ScopeAdded => "scope added",
            Self::ScopeRemoved => "scope removed",
            Self::ParameterAdded => "parameter added",
            Self::ParameterRemoved => "parameter removed",
            Self::ParameterRenamed => "parameter renamed",
            Self::ParameterRetyped => "parameter retyped",
            Self::ParameterMadeRequired => "parameter made required",
            Self::ParameterMadeOptional => "parameter made optional",
            Self::HeaderParameterAdded => "header parameter added",
            Self::HeaderParameterRemoved => "header parameter removed",
            Self::HeaderParameterMadeRequired => "header parameter made required",
            Self::RequestBodyMadeRequired => "request body made required",
            Self::RequestBodyMadeOptional => "request body made optional",
            Self::RequestFieldAddedRequired => "request field added (required)",
            Self::RequestFieldAddedOptional => "request field added (optional)",
            Self::RequestFieldRemoved => "request field removed",
            Self::RequestFieldRenamed => "request field renamed",
            Self::RequestFieldRetyped => "request field retyped",
            Self::RequestFieldMadeRequired => "request field made required",
            Self::RequestFieldMadeOptional => "request field made optional",
            Self::RequestFieldMadeNullable => "request field made nullable",
            Self::MergePatchMemberAdded => "member of a merge patch added",
            Self::MergePatchMemberMadeNullable => "member of a merge patch made nullable",
            Self::MergePatchMemberMadeNonNullable => "member of a merge patch made non-nullable",
            Self::ResponseFieldAddedRequired => "response field added (required)",
            Self::ResponseFieldAddedOptional => "response field added (optional)",
            Self::ResponseFieldRemoved => "response field removed",
            Self::ResponseFieldRenamed => "response field renamed",
            Self::ResponseFieldRetyped => "response field retyped",
            Self::ResponseFieldMadeRequired => "response field made required",
            Self::ResponseFieldMadeOptional => "response field made optional",
            Self::ResponseFieldMadeNullable => "response field made nullable",
            Self::ResponseFieldMadeNonNullable => "response field made non-nullable",
            Self::StatusAdded => "status added",
            Self::SuccessAdded => "status of success added",
            Self::StatusRemoved => "status removed",
            Self::HeaderRemoved => "response header removed",
            Self::HeaderMadeOptional => "response header made optional",
            Self::EnumValueAdded => "enum value added",
            Self::EnumValueRemoved => "enum value removed",
            Self::PatternChanged => "pattern changed",
            Self::MinimumLengthChanged => "minLength changed",
            Self::MaximumLengthChanged => "maxLength changed",
            Self::MinimumChanged => "minimum changed",
            Self::MaximumChanged => "maximum changed",
            Self::DefaultChanged => "default changed",
            Self::DefaultRemoved => "default removed",
            Self::UnknownMembersAllowed => "unknown members allowed",
            Self::MinimumItemsChanged => "minItems changed",
            Self::MaximumItemsChanged => "maxItems changed",
            Self::JsonLimitChanged => "limit of free-form JSON changed",
            Self::ContentTypeChanged => "content type changed",
            Self::TextChanged => "text changed",
            Self::OperationUnimplemented => "code: operation not implemented",
            Self::UndeclaredStatusReturned => "code: undeclared status returned",
            Self::ResponseFieldNotFilled => "code: response field not set",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One change at one place.
#[derive(Clone, Debug)]
pub(crate) struct Mutant {
    pub(crate) kind: Kind,
    /// A JSON pointer into the spec, or `FILE:LINE` in hand-written code.
    pub(crate) place: String,
    pub(crate) description: String,
    pub(crate) change: Change,
    /// How to observe the change in responses, for a mutant that may build without changes to hand-written code.
    pub(crate) probe: Option<Probe>,
}

/// The change to the sources.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Spec(Vec<Edit>),
    /// The new text of a hand-written file.
    Code {
        file: PathBuf,
        text: String,
    },
}

/// One edit of the spec. Places are JSON pointers.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    /// Adds an entry or replaces its value.
    Set(String, Value),
    Remove(String),
    /// Renames an entry without moving it.
    Rename(String, String),
    /// Moves an operation to another path and method.
    Move {
        from: (String, String),
        to: (String, String),
    },
}

impl Edit {
    /// Applies the edit. Returns whether the place exists.
    pub(crate) fn apply(&self, document: &mut Value) -> bool {
        match self {
            Self::Set(pointer, value) => match document.pointer_mut(pointer) {
                Some(place) => {
                    *place = value.clone();
                    true
                }
                None => parent(document, pointer)
                    .map(|(map, key)| map.insert(key, value.clone()))
                    .is_some(),
            },
            Self::Remove(pointer) => parent(document, pointer)
                .and_then(|(map, key)| map.shift_remove(&key))
                .is_some(),
            Self::Rename(pointer, to) => parent(document, pointer).is_some_and(|(map, key)| {
                let found = map.contains_key(&key);
                *map = std::mem::take(map)
                    .into_iter()
                    .map(|(name, value)| (if name == key { to.clone() } else { name }, value))
                    .collect();
                found
            }),
            Self::Move { from, to } => {
                let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else {
                    return false;
                };
                let Some(item) = paths.get_mut(&from.0).and_then(Value::as_object_mut) else {
                    return false;
                };
                let Some(operation) = item.shift_remove(&from.1) else {
                    return false;
                };
                if item.is_empty() {
                    paths.shift_remove(&from.0);
                }
                let target = paths.entry(to.0.clone()).or_insert_with(|| Value::Object(Map::new()));
                target
                    .as_object_mut()
                    .is_some_and(|item| item.insert(to.1.clone(), operation).is_none())
            }
        }
    }
}

fn parent<'a>(document: &'a mut Value, pointer: &str) -> Option<(&'a mut Map<String, Value>, String)> {
    let (parent, key) = pointer.rsplit_once('/')?;
    let key = key.replace("~1", "/").replace("~0", "~");
    Some((document.pointer_mut(parent)?.as_object_mut()?, key))
}

/// Escapes a key for a JSON pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
