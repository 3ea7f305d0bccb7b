//! Values at and beyond the limits of a schema. A validator decides which of them are valid.

use super::openapi::SPEC;
use serde_json::{Value, json};

/// Texts that are near the limits of some schema.
const TEXTS: [&str; 24] = [
    "",
    "a",
    "ab",
    "abc",
    "a-b",
    "-ab",
    "ab-",
    "a--b",
    "Abc",
    "aBc",
    "a_b",
    "a b",
    " ab",
    "ab ",
    "ab\n",
    "\nab",
    "äöü",
    "a\u{0}b",
    "\u{0}",
    "𝄞𝄞𝄞",
    "e\u{301}bc",
    "\u{feff}ab",
    "null",
    "0",
];

/// Values for a property or parameter of this schema; `good` is a valid one.
pub(crate) fn candidates(schema: &Value, good: &Value) -> Vec<Value> {
    if let Some(schema) = SPEC.without_null(schema) {
        let mut values = candidates(&schema, good);
        if !values.contains(&Value::Null) {
            values.push(Value::Null);
        }
        return values;
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("string"), Some("uuid")) => uuids(good.as_str().unwrap()),
        (Some("string"), Some("date")) => texts(&DATES),
        (Some("string"), Some("date-time")) => texts(&TIMES),
        (Some("string"), _) => strings(schema),
        (Some("integer"), _) => integers(schema),
        (Some("array"), _) => lists(schema, good),
        (Some("object"), _) => objects(schema),
        (Some("boolean"), _) => vec![json!(true), json!(false)],
        other => panic!("no candidates for {other:?}"),
    }
}

/// Whether the schema admits a value, with the limits that JSON Schema cannot express.
pub(crate) fn admits(schema: &Value, value: &Value) -> bool {
    let is_within = |name: &str, actual: usize| {
        schema[name]
            .as_u64()
            .is_none_or(|limit| actual <= usize::try_from(limit).unwrap())
    };
    SPEC.validator(schema).is_valid(value)
        && is_within("x-max-bytes", value.to_string().len())
        && is_within("x-max-levels", levels(value))
}

/// How deep objects and lists are nested.
pub(crate) fn levels(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(levels).max().unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn lists(schema: &Value, good: &Value) -> Vec<Value> {
    let good_item = good.get(0).cloned().unwrap_or_else(|| json!("a"));
    let mut values = vec![
        json!([]),
        json!([""]),
        json!(["a", "a"]),
        json!(["a\u{0}"]),
        json!(["a".repeat(256)]),
        json!(["a".repeat(257)]),
        json!([null]),
        json!([1]),
    ];
    if let Some(limit) = schema["maxItems"].as_u64() {
        let limit = usize::try_from(limit).unwrap();
        values.extend([limit, limit + 1].map(|length| json!(vec![&good_item; length])));
    }
    let item = SPEC.resolve(&schema["items"]);
    if item["type"] == "object" {
        values.extend(items(item, &good_item).into_iter().map(|item| json!([good_item, item])));
    }
    values
}

/// Items of a list of objects: each without one of the required members, with an unknown one, or with another value of one.
fn items(schema: &Value, good: &Value) -> Vec<Value> {
    let with = |name: &str, value: Value| {
        let mut item = good.clone();
        item[name] = value;
        item
    };
    let mut items = vec![json!([]), with("unknown", json!("a"))];
    for name in schema["required"].as_array().into_iter().flatten() {
        let mut item = good.clone();
        item.as_object_mut().unwrap().remove(name.as_str().unwrap());
        items.push(item);
    }
    for (name, property) in schema["properties"].as_object().unwrap() {
        let property = SPEC.resolve(property);
        if property["type"] == "string" && property.get("format").is_none() {
            items.extend([Value::Null, json!(1), json!("a\u{0}")].map(|value| with(name, value)));
            if let Some(limit) = property["maxLength"].as_u64() {
                let limit = usize::try_from(limit).unwrap();
                items.extend([limit, limit + 1].map(|length| with(name, json!("ä".repeat(length)))));
            }
        }
    }
    items
}

fn objects(schema: &Value) -> Vec<Value> {
    let mut values = vec![
        json!({}),
        json!({ "": { "a": [null, 1.5, "ä"] } }),
        json!({ "a\u{0}": "\u{0}" }),
    ];
    if let Some(limit) = schema["x-max-bytes"].as_u64() {
        let rest = usize::try_from(limit).unwrap() - json!({ "a": "" }).to_string().len();
        values.extend([rest, rest + 1].map(|length| json!({ "a": "x".repeat(length) })));
    }
    if let Some(limit) = schema["x-max-levels"].as_u64() {
        for depth in [limit - 1, limit] {
            let lists = (0..depth).fold(json!(1), |inner, _| json!([inner]));
            let objects = (0..depth).fold(json!(1), |inner, _| json!({ "a": inner }));
            values.extend([json!({ "a": lists }), json!({ "a": objects })]);
        }
    }
    values
}

const DATES: [&str; 18] = [
    "2026-11-23",
    "2028-02-29",
    "2026-02-29",
    "2100-02-29",
    "2000-02-29",
    "2026-04-31",
    "2026-13-01",
    "2026-00-10",
    "2026-01-00",
    "2026-1-2",
    "26-01-02",
    "2026/01/02",
    "20260102",
    "2026-11-23T00:00:00Z",
    " 2026-11-23",
    " 2026-1-23",
    "+2026-1-23",
    "-026-11-23",
];

const TIMES: [&str; 18] = [
    "2026-11-23T09:30:00Z",
    "2026-11-23T09:30:00.123456Z",
    "2026-11-23T09:30:00.123456789Z",
    "2026-11-23T09:30:00+02:00",
    "2026-11-23T09:30:00-23:59",
    "2026-11-23T09:30:00\u{2212}02:00",
    "2026-11-23 09:30:00Z",
    "2026-11-23T09:30:00",
    "2026-11-23T09:30Z",
    "2026-11-23",
    "2026-11-23T24:00:00Z",
    "2026-11-23T09:60:00Z",
    "2026-02-30T09:30:00Z",
    "2026-11-23T09:30:00+24:00",
    "2026-11-23T9:30:00Z",
    "2026-11-23T09:30:00.Z",
    "1764000000",
    "",
];

fn texts(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| json!(text)).collect()
}

fn uuids(good: &str) -> Vec<Value> {
    let forms = [
        good.to_owned(),
        good.to_uppercase(),
        good.replace('-', ""),
        format!("{{{good}}}"),
        format!("urn:uuid:{good}"),
        format!(" {good}"),
        format!("{good}0"),
        good[..35].to_owned(),
        good.replacen('-', "0", 1),
        format!("{}g", &good[..35]),
        String::new(),
    ];
    forms.into_iter().map(Value::from).collect()
}

fn strings(schema: &Value) -> Vec<Value> {
    let mut values = texts(&TEXTS);
    if let Some(allowed) = schema["enum"].as_array() {
        for word in allowed.iter().filter_map(Value::as_str) {
            values.extend([
                json!(word),
                json!(word.to_uppercase()),
                json!(format!("{word} ")),
                json!(&word[1..]),
            ]);
        }
    }
    for limit in limits(schema) {
        for length in [limit.saturating_sub(1), limit, limit + 1] {
            // A character of one, two and four bytes, and one that the pattern forbids at the end.
            values.extend(["a", "ä", "𝄞"].map(|character| json!(character.repeat(length))));
            values.push(json!("a-".repeat(length).get(..length).unwrap_or_default()));
        }
    }
    values
}

/// The lengths at which validity may change: those of the schema, and every number of its pattern, with and without
/// the characters at both ends.
fn limits(schema: &Value) -> Vec<usize> {
    let named = ["minLength", "maxLength"]
        .into_iter()
        .filter_map(|name| schema[name].as_u64());
    let pattern = schema["pattern"].as_str().unwrap_or_default();
    let counted = pattern
        .split(|character: char| !character.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok());
    let counted: Vec<u64> = counted.flat_map(|number: u64| [number, number + 2]).collect();
    let small = |number: u64| usize::try_from(number).ok().filter(|number| *number < 10_000);
    named.chain(counted).filter_map(small).collect()
}

fn integers(schema: &Value) -> Vec<Value> {
    let limits = ["minimum", "maximum"]
        .into_iter()
        .filter_map(|name| schema[name].as_i64());
    let near = limits.flat_map(|limit| [limit - 1, limit, limit + 1]);
    near.chain([0, -1]).map(Value::from).collect()
}
