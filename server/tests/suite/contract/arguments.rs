//! Arguments of operations, and values of any schema, generated from the spec.

use crate::harness::openapi::SPEC;
use chrono::{DateTime, NaiveDate, SecondsFormat};
use proptest::collection::{hash_map, vec};
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::string::string_regex;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// By name. The body is called `body`.
pub(crate) type Arguments = Map<String, Value>;

fn operation(id: &str) -> &'static Value {
    let objects = SPEC.operation_objects();
    let found = objects
        .into_iter()
        .find(|(_, _, operation)| operation["operationId"] == id);
    found.unwrap().2
}

/// Valid arguments of an operation: the required ones, and any subset of the others.
pub(super) fn declared_arguments(id: &str) -> BoxedStrategy<Arguments> {
    let operation = operation(id);
    let mut members: Vec<_> = SPEC
        .parameters(operation)
        .map(|parameter| {
            let any_value = value(&parameter["schema"]);
            let values = if parameter["in"] == "path" {
                // These make another path.
                let is_segment = |value: &Value| value.as_str().is_none_or(|text| !["", ".", ".."].contains(&text));
                any_value.prop_filter("is no segment of a path", is_segment).boxed()
            } else {
                any_value
            };
            (
                parameter["name"].as_str().unwrap(),
                parameter["required"] == true,
                values,
            )
        })
        .collect();
    members.extend(
        SPEC.headers(operation)
            .map(|parameter| match parameter["name"].as_str().unwrap() {
                "If-Match" => ("if_match", false, value(&parameter["schema"])),
                "If-None-Match" => (
                    "if_none_match",
                    false,
                    string_regex("\"[!#-~]{0,40}\"").unwrap().prop_map(Value::from).boxed(),
                ),
                "Idempotency-Key" => ("idempotency_key", false, value(&parameter["schema"])),
                other => panic!("no values of the header {other}"),
            }),
    );
    if let Some(schema) = SPEC.body_schema(operation) {
        members.push(("body", operation["requestBody"]["required"] == true, value(schema)));
    }
    object(members)
}

/// The arguments as the server receives them, with defaults for those left out.
pub(super) fn expected_at_server(id: &str, mut arguments: Arguments) -> Arguments {
    let operation = operation(id);
    // Only the HTTP layer sees them.
    arguments.remove("if_none_match");
    arguments.remove("idempotency_key");
    // White space between the tags has no meaning, and there is none in them.
    if let Some(tags) = arguments.remove("if_match") {
        arguments.insert("If-Match".to_owned(), tags.as_str().unwrap().replace(' ', "").into());
    }
    for parameter in SPEC.parameters(operation) {
        if let Some(default) = parameter["schema"].get("default") {
            arguments
                .entry(parameter["name"].as_str().unwrap())
                .or_insert_with(|| default.clone());
        }
    }
    if let (Some(body), Some(schema)) = (arguments.get_mut("body"), SPEC.body_schema(operation)) {
        add_defaults(body, schema);
    }
    arguments
}

/// Adds the defaults of members that are left out, also those of objects in lists.
fn add_defaults(value: &mut Value, schema: &'static Value) {
    let schema = SPEC.resolve(schema);
    match value {
        Value::Object(members) => {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                if let Some(member) = members.get_mut(name) {
                    add_defaults(member, property);
                } else if let Some(default) = property.get("default") {
                    members.insert(name.clone(), default.clone());
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| add_defaults(item, &schema["items"])),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An object of members, each with its name, whether it is required, and its values.
fn object(members: Vec<(&'static str, bool, BoxedStrategy<Value>)>) -> BoxedStrategy<Map<String, Value>> {
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, required, value)| {
            let there = if required {
                Just(true).boxed()
            } else {
                any::<bool>().boxed()
            };
            (there, value).prop_map(move |(there, value)| there.then_some((name.to_owned(), value)))
        })
        .collect();
    members
        .prop_map(|members| members.into_iter().flatten().collect())
        .boxed()
}

/// Any value that a schema allows.
pub(super) fn value(schema: &'static Value) -> BoxedStrategy<Value> {
    let schema = SPEC.resolve(schema);
    if let Some(words) = schema["enum"].as_array() {
        return select(words.clone()).boxed();
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        assert!(choices.len() == 2 && choices[1]["type"] == "null", "{schema}");
        return prop_oneof![Just(Value::Null), value(&choices[0])].boxed();
    }
    let Some(types) = schema["type"].as_array() else {
        return of_type(schema, schema["type"].as_str().unwrap());
    };
    assert!(types.len() == 2 && types[1] == "null", "{schema}");
    prop_oneof![Just(Value::Null), of_type(schema, types[0].as_str().unwrap())].boxed()
}

fn of_type(schema: &'static Value, kind: &str) -> BoxedStrategy<Value> {
    match kind {
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "integer" => {
            let (least, greatest) = if schema["format"] == "int32" {
                (i64::from(i32::MIN), i64::from(i32::MAX))
            } else {
                (i64::MIN, i64::MAX)
            };
            let least = schema["minimum"].as_i64().unwrap_or(least);
            let greatest = schema["maximum"].as_i64().unwrap_or(greatest);
            prop_oneof![Just(least), Just(greatest), least..=greatest]
                .prop_map(Value::from)
                .boxed()
        }
        "string" => text(schema).prop_map(Value::from).boxed(),
        "array" => {
            let least = schema["minItems"]
                .as_u64()
                .map_or(0, |least| usize::try_from(least).unwrap());
            vec(value(&schema["items"]), least..least + 4)
                .prop_map(Value::from)
                .boxed()
        }
        "object" if schema["additionalProperties"] == true => anything_in_an_object(),
        "object" => {
            let required = schema["required"].as_array();
            let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|required| required == name));
            let properties = schema["properties"].as_object().unwrap().iter();
            let members = properties.map(|(name, property)| (name.as_str(), is_required(name), value(property)));
            object(members.collect()).prop_map(Value::Object).boxed()
        }
        other => panic!("no values of type {other}"),
    }
}

/// 9999-12-31 as a day number, where 0001-01-01 is 1. The spec's years have four digits.
const LAST_DAY: i32 = 3_652_059;

/// Texts in the form in which the service writes them, so that they compare equal after a round trip.
fn text(schema: &Value) -> BoxedStrategy<String> {
    let pattern = schema["pattern"].as_str();
    match (schema["format"].as_str(), pattern) {
        (Some("uuid"), None) => any::<u128>().prop_map(|bits| Uuid::from_u128(bits).to_string()).boxed(),
        (Some("date"), None) => (1..=LAST_DAY)
            .prop_map(|day| NaiveDate::from_num_days_from_ce_opt(day).unwrap().to_string())
            .boxed(),
        (Some("date-time"), None) => (-62_135_596_800..=253_402_300_799_i64, 0..1_000_000_u32)
            .prop_map(|(seconds, microseconds)| {
                DateTime::from_timestamp(seconds, microseconds * 1_000)
                    .unwrap()
                    .to_rfc3339_opts(SecondsFormat::Micros, true)
            })
            .boxed(),
        (None | Some("password"), None) => any::<String>().boxed(),
        // Any text without U+0000. string_regex would generate no line breaks.
        (None, Some(r"^[^\u0000]*$")) => {
            let length = |name: &str| schema[name].as_u64().map(|number| usize::try_from(number).unwrap());
            let (least, most) = (length("minLength").unwrap_or(0), length("maxLength").unwrap_or(40));
            let character = any::<char>().prop_filter("is U+0000", |character| *character != '\0');
            let lengths = prop_oneof![Just(least), Just(most), least..=most];
            lengths
                .prop_flat_map(move |length| vec(character.clone(), length))
                .prop_map(String::from_iter)
                .boxed()
        }
        (None | Some("password"), Some(pattern)) => string_regex(pattern.trim_matches(['^', '$'])).unwrap().boxed(),
        (Some(format), _) => panic!("no values of the format {format}"),
    }
}

/// Any JSON object. Its numbers are the same in every implementation of JSON.
fn anything_in_an_object() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("has no JSON", |number| number.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let anything = leaf.prop_recursive(3, 12, 4, |inner| {
        let object = hash_map(any::<String>(), inner.clone(), 0..4);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|members| json!(members))
        ]
    });
    hash_map(any::<String>(), anything, 0..4)
        .prop_map(|members| json!(members))
        .boxed()
}
