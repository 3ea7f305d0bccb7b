//! Bounds how deep the values of the schemas are nested.

use std::collections::BTreeMap;

use crate::Error;
use crate::document::Place;
use crate::error::Faults;
use crate::model::{Kind, Schema, Type};

/// The levels of objects and lists that a value may have. serde_json reads at most 127, and a free-form object adds its own.
const LEVELS_MAX: usize = 64;

/// Returns an error for each schema that contains itself, and for each whose values have too many levels.
pub(super) fn check(place: &Place<'_>, schemas: &[Schema]) -> Result<(), Error> {
    let mut walk = Walk {
        place,
        schemas: schemas.iter().map(|schema| (schema.name.as_str(), schema)).collect(),
        levels: BTreeMap::new(),
        path: Vec::new(),
        faults: Faults::default(),
    };
    for schema in schemas {
        walk.levels_of(schema)?;
    }
    walk.faults.finish(Some(()))
}

struct Walk<'a> {
    place: &'a Place<'a>,
    schemas: BTreeMap<&'a str, &'a Schema>,
    /// The levels of the schemas that are walked already.
    levels: BTreeMap<&'a str, usize>,
    /// The schemas from the first one to the current one. Its length bounds the recursion.
    path: Vec<&'a str>,
    faults: Faults,
}

impl<'a> Walk<'a> {
    fn levels_of(&mut self, schema: &'a Schema) -> Result<usize, Error> {
        if let Some(levels) = self.levels.get(schema.name.as_str()) {
            return Ok(*levels);
        }
        let Kind::Object(properties) = &schema.kind else {
            return Ok(0);
        };
        self.path.push(&schema.name);
        let mut most = 0;
        for property in properties {
            let (lists, content) = unlisted(&property.ty);
            let Some(content) = content.and_then(|name| self.schemas.get(name).copied()) else {
                most = most.max(lists);
                continue;
            };
            let message = if self.path.contains(&content.name.as_str()) {
                let cycle: Vec<&str> = self.path.iter().copied().skip_while(|it| *it != content.name).collect();
                Some(format!(
                    "`{}` would contain itself ({} → {}), and its values could be nested without a limit; refer to it by an \
                     id, or use a free-form object",
                    content.name,
                    cycle.join(" → "),
                    content.name
                ))
            } else if self.path.len() >= LEVELS_MAX {
                Some(too_deep())
            } else {
                let levels = lists + self.levels_of(content)?;
                most = most.max(levels);
                (levels >= LEVELS_MAX).then(too_deep)
            };
            if let Some(message) = message {
                let place = self.place.require(&schema.name)?.require("properties")?;
                self.faults.add(place.require(&property.name)?.error(message));
            }
        }
        self.path.pop();
        self.levels.insert(&schema.name, most + 1);
        Ok(most + 1)
    }
}

fn too_deep() -> String {
    format!("a value would have more than {LEVELS_MAX} levels of objects and lists here; use fewer")
}

/// The number of lists around a type, and the schema inside, if it has a name.
fn unlisted(ty: &Type) -> (usize, Option<&str>) {
    match ty {
        Type::Array(items) => {
            let (lists, content) = unlisted(items);
            (lists + 1, content)
        }
        Type::Named(name) => (0, Some(name)),
        Type::FreeForm => (1, None),
        Type::String | Type::Boolean | Type::Integer(_) | Type::Number | Type::Formatted(_) => (0, None),
    }
}
