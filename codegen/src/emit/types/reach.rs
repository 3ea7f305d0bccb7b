//! Which operations reach which schemas: decides the file of a type, and whether a response can hold it.

use std::collections::{BTreeMap, BTreeSet};

use super::SHARED;
use crate::model::{Api, Kind, Operation, Schema, Type};

/// What is known of the way from the operations to the schemas.
pub(super) struct Reach {
    /// The tags by which a schema is reached.
    tags: BTreeMap<String, BTreeSet<String>>,
    /// The schemas that a response reaches.
    answered: BTreeSet<String>,
}

impl Reach {
    pub(super) fn of(api: &Api) -> Self {
        let mut reach = Self {
            tags: BTreeMap::new(),
            // The HTTP layer answers it by itself.
            answered: closure(api, vec!["Error".to_owned()]),
        };
        for operation in &api.operations {
            for name in closure(api, used_by(operation)) {
                reach.tags.entry(name).or_default().insert(operation.tag.clone());
            }
            let bodies = operation
                .responses
                .iter()
                .filter_map(|response| response.body.clone())
                .collect();
            reach.answered.extend(closure(api, bodies));
        }
        reach
    }

    /// The file of a schema's type: that of its only tag, or the shared one.
    pub(super) fn home(&self, schema: &str) -> &str {
        match self.tags.get(schema) {
            Some(tags) if tags.len() == 1 => tags.first().map_or(SHARED, String::as_str),
            Some(_) | None => SHARED,
        }
    }

    /// Can a response hold a value of this schema?
    pub(super) fn is_answered(&self, schema: &str) -> bool {
        self.answered.contains(schema)
    }
}

fn used_by(operation: &Operation) -> Vec<String> {
    let parameters = operation.parameters.iter().filter_map(|it| named(&it.of));
    let headers = operation
        .responses
        .iter()
        .flat_map(|it| &it.headers)
        .filter_map(|it| named(&it.of));
    let bodies = operation
        .responses
        .iter()
        .filter_map(|it| it.body.as_deref())
        .chain(operation.body.as_ref().map(|it| it.schema.as_str()));
    parameters.chain(headers).chain(bodies).map(str::to_owned).collect()
}

fn closure(api: &Api, mut open: Vec<String>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if seen.insert(name.clone())
            && let Some(schema) = api.schema(&name)
        {
            open.extend(references(schema).into_iter().map(str::to_owned));
        }
    }
    seen
}

/// The schemas that this one names in its properties.
pub(super) fn references(schema: &Schema) -> Vec<&str> {
    match &schema.kind {
        Kind::Object(properties) => properties.iter().filter_map(|it| named(&it.of)).collect(),
        Kind::Enumeration(_) | Kind::Text(_) | Kind::Integer(_) | Kind::Formatted(_) => Vec::new(),
    }
}

fn named(of: &Type) -> Option<&str> {
    match of {
        Type::Named(name) => Some(name),
        Type::Array(items) => named(items),
        Type::String | Type::Boolean | Type::Integer(_) | Type::Number | Type::Formatted(_) | Type::FreeForm => None,
    }
}
