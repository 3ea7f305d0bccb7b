//! Reads the schemas under `components` and the types of properties, parameters and items.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::Error;
use crate::document::Place;
use crate::error::{self, Faults};
use crate::model::{Bound, Format, IntegerRules, Kind, Property, Schema, TextRules, Type, Width};
use crate::names::{self, Scope};

/// The keywords that a schema can have in addition to its rules. They do not affect the generated code's behaviour.
const ANNOTATIONS: [&str; 5] = ["description", "title", "examples", "deprecated", "$comment"];

/// The maximum size of JSON, in bytes without white space between the tokens.
const MAX_BYTES: &str = "x-max-bytes";

/// The maximum number of nested objects and lists.
const MAX_LEVELS: &str = "x-max-levels";

/// `false`: a change of the property does not change the entity tag of its object.
const ENTITY_TAG: &str = "x-entity-tag";

/// Keywords that combine schemas or choose between them, each with what to write instead. The generated types have one shape.
const COMBINATIONS: [(&str, &str); 9] = [
    ("allOf", "list all properties in one schema"),
    (
        "anyOf",
        "declare one `type`; a nullable property is `type: [a type, \"null\"]`",
    ),
    (
        "oneOf",
        "declare one `type`; a nullable property is `oneOf: [{$ref: …}, {type: \"null\"}]`",
    ),
    ("not", "say what is allowed, with `enum` or `pattern`"),
    ("if", "declare one `type`"),
    ("$ref", "a named schema and a nullable one state their own `type`"),
    ("$dynamicRef", "refer to a schema under components.schemas with `$ref`"),
    ("patternProperties", "list the properties, or use a free-form object"),
    ("const", "use `enum` with one value"),
];

/// The schemas of a document.
#[derive(Debug, Default)]
pub(super) struct Schemas<'a> {
    /// The names of all schemas.
    pub(super) names: BTreeSet<&'a str>,
    /// Those without errors, in the order of the document.
    pub(super) read: Vec<Schema>,
}

impl Schemas<'_> {
    /// The kind of a schema; `None` if it has errors, which are enough.
    pub(super) fn kind(&self, name: &str) -> Option<&Kind> {
        let schema = self.read.iter().find(|schema| schema.name == name)?;
        Some(&schema.kind)
    }
}

/// Reads all schemas.
pub(super) fn all<'a>(place: &Place<'a>, schemas: &mut Schemas<'a>) -> Result<(), Error> {
    let entries = place.entries()?;
    schemas.names = entries.iter().map(|(name, _)| *name).collect();
    let mut faults = Faults::default();
    let mut scope = Scope::default();
    for (name, place) in entries {
        let rust_name = names::type_name(name);
        faults.keep(names::check_type(&place, name, &rust_name));
        faults.keep(scope.add("type", &rust_name, &place));
        schemas.read.extend(faults.keep(schema(name, &place, &schemas.names)));
    }
    faults.finish(Some(()))
}

fn schema(name: &str, place: &Place<'_>, known: &BTreeSet<&str>) -> Result<Schema, Error> {
    let mut faults = Faults::default();
    let description = faults.keep(place.optional_text("description").and_then(|text| {
        text.ok_or_else(|| place.error("a schema must have a `description`, which becomes the type's documentation"))
    }));
    let kind = faults.keep(kind(place, known));
    let max_bytes = faults.keep(max_bytes(place));
    let schema = match (description, kind, max_bytes) {
        (Some(description), Some(kind), Some(max_bytes)) => Some(Schema {
            name: name.to_owned(),
            description,
            kind,
            max_bytes,
        }),
        (_, _, _) => None,
    };
    faults.finish(schema)
}

fn max_bytes(place: &Place<'_>) -> Result<Option<usize>, Error> {
    match place.get(MAX_BYTES) {
        Some(keyword) if type_keyword(place)? != "object" => {
            Err(keyword.error(format!("`{MAX_BYTES}` is only for objects")))
        }
        Some(_) | None => length(place, MAX_BYTES),
    }
}

fn kind(place: &Place<'_>, known: &BTreeSet<&str>) -> Result<Kind, Error> {
    match type_keyword(place)? {
        "object" => object(place, known),
        "string" if place.get("enum").is_some() => enumeration(place),
        "string" => text(place),
        "integer" => integer(place),
        other => Err(place.require("type")?.error(format!(
            "a named schema must be an object, a string or an integer; declare `{other}` where it is used"
        ))),
    }
}

/// The `type` of a schema, which must be a single one.
fn type_keyword<'a>(place: &Place<'a>) -> Result<&'a str, Error> {
    for (keyword, advice) in COMBINATIONS {
        if let Some(place) = place.get(keyword) {
            return Err(place.error(format!("`{keyword}` is not supported; {advice}")));
        }
    }
    if let Some(types) = place.get("type")
        && types.items().is_ok()
    {
        return Err(types.error("a list of types is supported only in a property, as [a type, \"null\"]"));
    }
    place.require("type")?.text()
}

fn object(place: &Place<'_>, known: &BTreeSet<&str>) -> Result<Kind, Error> {
    only(place, &["type", "required", "properties", "additionalProperties"])?;
    let properties = place.require("properties").map_err(|_| {
        place.error("a named object must have `properties`; declare a free-form object where it is used")
    })?;
    let mut faults = Faults::default();
    let mut required = BTreeSet::new();
    if let Some(list) = place.get("required") {
        for item in list.items()? {
            let name = item.text()?;
            if properties.get(name).is_none() {
                faults.add(item.error(format!("there is no property `{name}`")));
            }
            required.insert(name);
        }
    }
    let mut read = Vec::new();
    for (name, property) in properties.entries()? {
        faults.keep(names::check_identifier(&property, name));
        read.extend(faults.keep(self::property(name, &property, required.contains(name), known)));
    }
    faults.finish(Some(Kind::Object(read)))
}

fn property(name: &str, place: &Place<'_>, required: bool, known: &BTreeSet<&str>) -> Result<Property, Error> {
    let (ty, nullable) = property_type(place, known)?;
    let bound = bound(place, &ty)?;
    if bound.is_some() && nullable {
        return Err(place.error("a list or a free-form object that has a bound cannot be nullable"));
    }
    let default = place.get("default");
    if let (Some(default), true) = (&default, nullable) {
        return Err(default.error("a nullable property cannot have a default; use one or the other"));
    }
    let in_entity_tag = in_entity_tag(place, default.is_none() && (nullable || !required))?;
    Ok(Property {
        name: name.to_owned(),
        description: place.optional_text("description")?,
        ty,
        required,
        nullable,
        default: default.map(|place| place.json()),
        bound,
        in_entity_tag,
    })
}

/// Whether the property is part of the entity tag. One that is not must have a form without a value, in which the tag is made.
fn in_entity_tag(place: &Place<'_>, can_be_absent: bool) -> Result<bool, Error> {
    match place.get(ENTITY_TAG) {
        None => Ok(true),
        Some(keyword) if keyword.json() != false => Err(keyword.error(format!("`{ENTITY_TAG}` can only be `false`"))),
        Some(keyword) if !can_be_absent => Err(keyword.error(format!(
            "only an optional or nullable property without a default can have `{ENTITY_TAG}`"
        ))),
        Some(_) => Ok(false),
    }
}

/// The bound of a list or of a free-form object.
fn bound(place: &Place<'_>, ty: &Type) -> Result<Option<Bound>, Error> {
    let min_items = length(place, "minItems")?;
    let max_items = length(place, "maxItems")?;
    let max_bytes = length(place, MAX_BYTES)?;
    let max_levels = length(place, MAX_LEVELS)?;
    if let Some(minimum) = min_items {
        if max_items.is_none_or(|maximum| minimum > maximum) {
            return Err(place.error("`minItems` needs a `maxItems` that is not smaller"));
        }
        if place.get("default").is_some() {
            return Err(place.error("a list with `minItems` cannot have a default; use one or the other"));
        }
    }
    match (ty, max_items, max_bytes, max_levels) {
        (_, None, None, None) => Ok(None),
        (Type::Array(_), Some(maximum), None, None) => Ok(Some(Bound::Items {
            minimum: min_items.unwrap_or_default(),
            maximum,
        })),
        (Type::FreeForm, None, Some(max_bytes), Some(max_levels)) => Ok(Some(Bound::Json { max_bytes, max_levels })),
        (Type::FreeForm, None, Some(_), None) | (Type::FreeForm, None, None, Some(_)) => Err(place.error(format!(
            "`{MAX_BYTES}` and `{MAX_LEVELS}` belong together; add the other one"
        ))),
        (_, Some(_), ..) => Err(place.error("`maxItems` is only for lists")),
        _ => Err(place.error(format!(
            "`{MAX_BYTES}` and `{MAX_LEVELS}` are only for free-form objects"
        ))),
    }
}

/// The type of a property, and whether it may be `null`.
fn property_type(place: &Place<'_>, known: &BTreeSet<&str>) -> Result<(Type, bool), Error> {
    if let Some(choices) = place.get("oneOf") {
        only(place, &["oneOf", "default"])?;
        return match choices.items()?.as_slice() {
            [first, second] if second.get("type").is_some_and(|it| it.json() == "null") => {
                Ok((type_of(first, known, &[])?, true))
            }
            _ => Err(choices.error("the only supported form of `oneOf` is [a schema, {type: \"null\"}]")),
        };
    }
    if let Some(types) = place.get("type")
        && let Value::Array(names) = types.json()
    {
        return match names.as_slice() {
            [Value::String(name), Value::String(null)] if null == "null" => {
                Ok((inline(place, name, known, &["default"])?, true))
            }
            _ => Err(types.error("the only supported list of types is [a type, \"null\"]")),
        };
    }
    Ok((type_of(place, known, &["default", "minItems", "maxItems"])?, false))
}

/// The type at a place that refers to a schema or declares a type without constraints.
pub(super) fn type_of(place: &Place<'_>, known: &BTreeSet<&str>, also: &[&str]) -> Result<Type, Error> {
    if let Some(reference) = place.get("$ref") {
        only(place, &[&["$ref"], also].concat())?;
        return Ok(Type::Named(named(&reference, known)?.to_owned()));
    }
    inline(place, type_keyword(place)?, known, also)
}

/// The name of the schema that a `$ref` refers to.
pub(super) fn named<'a>(reference: &Place<'a>, known: &BTreeSet<&str>) -> Result<&'a str, Error> {
    let name = reference
        .text()?
        .strip_prefix("#/components/schemas/")
        .ok_or_else(|| reference.error("a reference here must start with `#/components/schemas/`"))?;
    if known.contains(name) {
        Ok(name)
    } else {
        Err(reference.error(format!("there is no schema `{name}`")))
    }
}

fn inline(place: &Place<'_>, type_name: &str, known: &BTreeSet<&str>, also: &[&str]) -> Result<Type, Error> {
    let allow = |keywords: &[&str]| {
        let allowed = [&["type"], keywords, also].concat();
        only(place, &allowed).map_err(|error| {
            error.map_message(|message| {
                format!("{message}; a schema with constraints must have a name: move it to components.schemas and refer to it")
            })
        })
    };
    let format = place.optional_text("format")?;
    let unknown_format = |format: &str| place.error(format!("the format `{format}` is not supported for {type_name}"));
    match type_name {
        "string" => {
            allow(&["format"])?;
            match format.as_deref() {
                None => Ok(Type::String),
                Some(format) => self::format(format)
                    .map(Type::Formatted)
                    .ok_or_else(|| unknown_format(format)),
            }
        }
        "boolean" => {
            allow(&[])?;
            Ok(Type::Boolean)
        }
        "integer" => {
            allow(&["format"])?;
            width(format.as_deref())
                .map(Type::Integer)
                .ok_or_else(|| unknown_format(format.as_deref().unwrap_or_default()))
        }
        "number" => {
            allow(&[])?;
            Ok(Type::Number)
        }
        "array" => {
            allow(&["items"])?;
            let items = type_of(&place.require("items")?, known, &[])?;
            if matches!(items, Type::Formatted(_)) {
                return Err(place.error(
                    "items with a format must have a name; move their schema to components.schemas and refer to it",
                ));
            }
            Ok(Type::Array(Box::new(items)))
        }
        "object" => {
            if place.get("properties").is_some() {
                return Err(place.error(
                    "an object with properties must have a name; move it to components.schemas and refer to it",
                ));
            }
            allow(&["additionalProperties"])?;
            if place.flag("additionalProperties")? {
                Ok(Type::FreeForm)
            } else {
                Err(place.error("an object without `properties` is free-form; add `additionalProperties: true`"))
            }
        }
        other => Err(place.error(format!("the type `{other}` is not supported"))),
    }
}

fn enumeration(place: &Place<'_>) -> Result<Kind, Error> {
    only(place, &["type", "enum"])?;
    let list = place.require("enum")?;
    let mut scope = Scope::default();
    let values = error::all(list.items()?.into_iter().map(|item| {
        let value = item.text()?;
        let variant = names::variant(value);
        names::check_type(&item, value, &variant)?;
        scope.add("variant", &variant, &item)?;
        Ok(value.to_owned())
    }))?;
    if values.is_empty() {
        return Err(list.error("an enum must have at least one value"));
    }
    Ok(Kind::Enumeration(values))
}

fn text(place: &Place<'_>) -> Result<Kind, Error> {
    only(place, &["type", "format", "minLength", "maxLength", "pattern"])?;
    let mut rules = TextRules {
        minimum_length: length(place, "minLength")?,
        maximum_length: length(place, "maxLength")?,
        pattern: place
            .get("pattern")
            .map(|it| it.text().map(str::to_owned))
            .transpose()?,
        secret: false,
    };
    if let (Some(minimum), Some(maximum)) = (rules.minimum_length, rules.maximum_length)
        && minimum > maximum
    {
        return Err(place.error("`minLength` is larger than `maxLength`"));
    }
    if let Some(pattern) = &rules.pattern
        && let Err(error) = regress::Regex::with_flags(pattern, "u")
    {
        return Err(place
            .require("pattern")?
            .error(format!("not an ECMAScript pattern: {error}")));
    }
    match place.optional_text("format")?.as_deref() {
        None => Ok(Kind::Text(rules)),
        Some("password") => {
            rules.secret = true;
            Ok(Kind::Text(rules))
        }
        Some(name) => match format(name) {
            Some(format) if rules.is_unconstrained() => Ok(Kind::Formatted(format)),
            Some(_) => Err(place.error(format!(
                "the format `{name}` defines the text completely; remove the pattern and the lengths"
            ))),
            None => Err(place
                .require("format")?
                .error(format!("the format `{name}` is not supported"))),
        },
    }
}

fn integer(place: &Place<'_>) -> Result<Kind, Error> {
    only(place, &["type", "format", "minimum", "maximum"])?;
    let format = place.optional_text("format")?;
    let width =
        width(format.as_deref()).ok_or_else(|| place.error("the format of an integer must be `int32` or `int64`"))?;
    let rules = IntegerRules {
        width,
        minimum: place.optional_integer("minimum")?,
        maximum: place.optional_integer("maximum")?,
    };
    let (smallest, largest) = width.range();
    for (keyword, bound) in [("minimum", rules.minimum), ("maximum", rules.maximum)] {
        if bound.is_some_and(|bound| bound < smallest || bound > largest) {
            return Err(place
                .require(keyword)?
                .error("the bound is outside the range of the format"));
        }
    }
    if let (Some(minimum), Some(maximum)) = (rules.minimum, rules.maximum)
        && minimum > maximum
    {
        return Err(place.error("`minimum` is larger than `maximum`"));
    }
    Ok(Kind::Integer(rules))
}

fn length(place: &Place<'_>, key: &str) -> Result<Option<usize>, Error> {
    place
        .optional_integer(key)?
        .map(|value| usize::try_from(value).map_err(|_| place.error(format!("`{key}` cannot be negative"))))
        .transpose()
}

fn format(name: &str) -> Option<Format> {
    match name {
        "uuid" => Some(Format::Uuid),
        "date" => Some(Format::Date),
        "date-time" => Some(Format::DateTime),
        _ => None,
    }
}

fn width(format: Option<&str>) -> Option<Width> {
    match format {
        None | Some("int64") => Some(Width::I64),
        Some("int32") => Some(Width::I32),
        Some(_) => None,
    }
}

impl Width {
    /// The smallest and the largest number of this width.
    pub(crate) fn range(self) -> (i64, i64) {
        match self {
            Self::I32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
            Self::I64 => (i64::MIN, i64::MAX),
        }
    }
}

fn only(place: &Place<'_>, keywords: &[&str]) -> Result<(), Error> {
    place.only(&[keywords, &ANNOTATIONS].concat())
}
