//! The spec as a tree of nodes with their places in the file.

use saphyr::{LoadableYamlNode, MarkedYamlOwned, ScalarOwned, YamlDataOwned};
use serde_json::{Map, Number, Value};

use crate::Error;

/// A value of the document, with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    line: usize,
    column: usize,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    Scalar(Value),
    Sequence(Vec<Node>),
    Mapping(Vec<(String, Node)>),
}

/// A node together with its path in the document.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    node: &'a Node,
    pointer: String,
}

impl Node {
    /// Reads a YAML (or JSON) document.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let documents = MarkedYamlOwned::load_from_str(text).map_err(|error| {
            let marker = error.marker();
            Error {
                line: marker.line(),
                column: marker.col() + 1,
                pointer: String::new(),
                operation: None,
                message: format!("not YAML: {}", error.info()),
            }
        })?;
        match documents.as_slice() {
            [document] => Self::from_yaml(document),
            [] => Err(Error::document("the document is empty")),
            [_, second, ..] => Err(Error {
                line: second.span.start.line(),
                column: second.span.start.col() + 1,
                pointer: String::new(),
                operation: None,
                message: "there is a second document; a spec must be a single one".to_owned(),
            }),
        }
    }

    fn from_yaml(yaml: &MarkedYamlOwned) -> Result<Self, Error> {
        let (line, column) = (yaml.span.start.line(), yaml.span.start.col() + 1);
        let error = |message: &str| Error {
            line,
            column,
            pointer: String::new(),
            operation: None,
            message: message.to_owned(),
        };
        let data = match &yaml.data {
            YamlDataOwned::Value(scalar) => Data::Scalar(match scalar {
                ScalarOwned::Null => Value::Null,
                ScalarOwned::Boolean(value) => Value::Bool(*value),
                ScalarOwned::Integer(value) => Value::Number(Number::from(*value)),
                ScalarOwned::FloatingPoint(value) => Number::from_f64(value.into_inner())
                    .map(Value::Number)
                    .ok_or_else(|| error("JSON cannot represent this number"))?,
                ScalarOwned::String(value) => Value::String(value.clone()),
            }),
            YamlDataOwned::Sequence(items) => {
                Data::Sequence(items.iter().map(Self::from_yaml).collect::<Result<_, _>>()?)
            }
            YamlDataOwned::Mapping(entries) => {
                let mut mapping = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let YamlDataOwned::Value(ScalarOwned::String(key)) = &key.data else {
                        return Err(error("a key here is not text; quote it"));
                    };
                    mapping.push((key.clone(), Self::from_yaml(value)?));
                }
                Data::Mapping(mapping)
            }
            YamlDataOwned::Tagged(..) | YamlDataOwned::Representation(..) => {
                return Err(error("YAML tags are not supported"));
            }
            YamlDataOwned::Alias(_) => return Err(error("YAML aliases are not supported")),
            YamlDataOwned::BadValue => return Err(error("this value cannot be read")),
        };
        Ok(Self { line, column, data })
    }

    /// The value as JSON.
    pub(crate) fn to_json(&self) -> Value {
        match &self.data {
            Data::Scalar(value) => value.clone(),
            Data::Sequence(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Data::Mapping(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), value.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// The document's root as a place.
    pub(crate) fn root(&self) -> Place<'_> {
        Place {
            node: self,
            pointer: String::new(),
        }
    }
}

impl<'a> Place<'a> {
    /// An error at this place.
    pub(crate) fn error(&self, message: impl Into<String>) -> Error {
        Error {
            line: self.node.line,
            column: self.node.column,
            pointer: self.pointer.clone(),
            operation: None,
            message: message.into(),
        }
    }

    /// The path from the root to this place.
    pub(crate) fn pointer(&self) -> &str {
        &self.pointer
    }

    fn child(&self, step: &str, node: &'a Node) -> Self {
        let pointer = if self.pointer.is_empty() {
            step.to_owned()
        } else {
            format!("{}.{step}", self.pointer)
        };
        Self { node, pointer }
    }

    /// The entries of a mapping, in the order of the file.
    pub(crate) fn entries(&self) -> Result<Vec<(&'a str, Self)>, Error> {
        let node: &'a Node = self.node;
        match &node.data {
            Data::Mapping(entries) => Ok(entries
                .iter()
                .map(|(key, value)| (key.as_str(), self.child(key, value)))
                .collect()),
            Data::Scalar(_) | Data::Sequence(_) => Err(self.error("a mapping is expected here")),
        }
    }

    /// The items of a sequence.
    pub(crate) fn items(&self) -> Result<Vec<Self>, Error> {
        let node: &'a Node = self.node;
        match &node.data {
            Data::Sequence(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(index, item)| self.child(&index.to_string(), item))
                .collect()),
            Data::Scalar(_) | Data::Mapping(_) => Err(self.error("a list is expected here")),
        }
    }

    /// The entry with this key; `None` if there is none or this is not a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        let node: &'a Node = self.node;
        match &node.data {
            Data::Mapping(entries) => entries
                .iter()
                .find(|(candidate, _)| candidate == key)
                .map(|(key, value)| self.child(key, value)),
            Data::Scalar(_) | Data::Sequence(_) => None,
        }
    }

    /// The entry with this key. Returns an error if there is none.
    pub(crate) fn require(&self, key: &str) -> Result<Self, Error> {
        self.get(key)
            .ok_or_else(|| self.error(format!("`{key}` is missing here")))
    }

    /// The text at this place.
    pub(crate) fn text(&self) -> Result<&'a str, Error> {
        let node: &'a Node = self.node;
        match &node.data {
            Data::Scalar(Value::String(text)) => Ok(text),
            Data::Scalar(_) | Data::Sequence(_) | Data::Mapping(_) => Err(self.error("text is expected here")),
        }
    }

    /// The text under this key, trimmed; `None` if there is no such entry.
    pub(crate) fn optional_text(&self, key: &str) -> Result<Option<String>, Error> {
        self.get(key)
            .map(|place| place.text().map(|text| text.trim().to_owned()))
            .transpose()
    }

    /// The boolean under this key; `false` if there is no such entry.
    pub(crate) fn flag(&self, key: &str) -> Result<bool, Error> {
        match self.get(key) {
            None => Ok(false),
            Some(place) => match &place.node.data {
                Data::Scalar(Value::Bool(value)) => Ok(*value),
                Data::Scalar(_) | Data::Sequence(_) | Data::Mapping(_) => {
                    Err(place.error("`true` or `false` is expected here"))
                }
            },
        }
    }

    /// The integer under this key; `None` if there is no such entry.
    pub(crate) fn optional_integer(&self, key: &str) -> Result<Option<i64>, Error> {
        self.get(key)
            .map(|place| {
                place
                    .json()
                    .as_i64()
                    .ok_or_else(|| place.error("an integer is expected here"))
            })
            .transpose()
    }

    /// The value at this place.
    pub(crate) fn json(&self) -> Value {
        self.node.to_json()
    }

    /// Returns an error for every key except these and extensions (`x-…`), which would otherwise be ignored silently.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Error> {
        for (key, place) in self.entries()? {
            if !known.contains(&key) && !key.starts_with("x-") {
                return Err(place.error(format!(
                    "`{key}` is not supported here; supported are {}",
                    known
                        .iter()
                        .map(|key| format!("`{key}`"))
                        .collect::<Vec<_>>()
                        .join(", ")
                )));
            }
        }
        Ok(())
    }
}
