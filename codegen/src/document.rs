//! The spec as a tree of nodes with their places in the file.

use saphyr::{LoadableYamlNode, MarkedYamlOwned, ScalarOwned, YamlDataOwned};
use saphyr_parser::{Event, Parser};
use serde_json::{Map, Number, Value};

use crate::Error;
use crate::error;

/// How deep lists and mappings may be nested. Everything that walks a document is recursive, the YAML loader included.
const DEPTH_MAX: usize = 64;

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
        check_depth(text)?;
        let documents = MarkedYamlOwned::load_from_str(text).map_err(|error| {
            let marker = error.marker();
            let message = format!("not YAML: {}", error.info());
            Error::new(marker.line(), marker.col() + 1, "", &message)
        })?;
        match documents.as_slice() {
            [document] => Self::from_yaml(document),
            [] => Err(Error::document("the document is empty")),
            [_, second, ..] => Err(Error::new(
                second.span.start.line(),
                second.span.start.col() + 1,
                "",
                "there is a second document; a spec must be a single one",
            )),
        }
    }

    fn from_yaml(yaml: &MarkedYamlOwned) -> Result<Self, Error> {
        let (line, column) = (yaml.span.start.line(), yaml.span.start.col() + 1);
        let error = |message: &str| Error::new(line, column, "", message);
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

/// Checks the depth without recursion, before the loader recurses.
fn check_depth(text: &str) -> Result<(), Error> {
    let mut depth = 0_usize;
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else {
            // The loader reports it.
            return Ok(());
        };
        match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
            Event::SequenceEnd | Event::MappingEnd => depth = depth.saturating_sub(1),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::Alias(_)
            | Event::Scalar(..) => {}
        }
        if depth > DEPTH_MAX {
            let (line, column) = (span.start.line(), span.start.col() + 1);
            let message = format!("more than {DEPTH_MAX} levels are nested here; a spec may have at most {DEPTH_MAX}");
            return Err(Error::new(line, column, "", &message));
        }
    }
    Ok(())
}

impl<'a> Place<'a> {
    /// An error at this place.
    pub(crate) fn error(&self, message: impl AsRef<str>) -> Error {
        Error::new(self.node.line, self.node.column, &self.pointer, message.as_ref())
    }

    /// The line, column and pointer of the operation with this `operationId`, in the document with this root.
    pub(crate) fn operation(&self, id: &str) -> Option<(usize, usize, String)> {
        let items = self.get("paths")?.entries().ok()?.into_iter();
        let mut operations = items.flat_map(|(_, item)| item.entries().unwrap_or_default());
        let has_id = |place: &Self| {
            place
                .get("operationId")
                .is_some_and(|it| it.text().is_ok_and(|it| it == id))
        };
        let (_, place) = operations.find(|(_, place)| has_id(place))?;
        Some((place.node.line, place.node.column, place.pointer))
    }

    /// The line and the column, counted from 1.
    pub(crate) fn position(&self) -> (usize, usize) {
        (self.node.line, self.node.column)
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
        let unknown = self
            .entries()?
            .into_iter()
            .filter(|(key, _)| !known.contains(key) && !key.starts_with("x-"));
        error::all(unknown.map(|(key, place)| {
            let known: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
            let message = format!("`{key}` is not supported here; supported are {}", known.join(", "));
            Err(place.error(message))
        }))
        .map(|_: Vec<()>| ())
    }
}
