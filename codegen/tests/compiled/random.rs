//! Random specs of the dialect, with the names that are most likely to collide: those of the generated code itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use fastrand::Rng;
use serde_json::{Map, Value, json};
use tenant_registry_codegen::generate;

/// Names that a person would choose. The others come from generated code.
const PLAIN: [&str; 12] = [
    "account", "book", "city", "day", "entry", "fruit", "garden", "house", "island", "journey", "key", "letter",
];

const KEYWORDS: [&str; 12] = [
    "type", "gen", "self", "crate", "super", "async", "match", "move", "try", "fn", "box", "yield",
];

/// Every identifier of the generated code below a directory, and the keywords, in snake case.
pub fn words(directory: &Path) -> io::Result<Vec<String>> {
    let mut words: BTreeSet<String> = KEYWORDS.map(str::to_owned).into();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let code = fs::read_to_string(path)?;
                let identifiers = code.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
                words.extend(identifiers.filter_map(snake_case));
            }
        }
    }
    Ok(words.into_iter().collect())
}

/// The word in snake case, if it can be a name in a spec.
fn snake_case(word: &str) -> Option<String> {
    let mut snake = String::new();
    for character in word.chars() {
        if character.is_ascii_uppercase() && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    let plain = snake.starts_with(|it: char| it.is_ascii_lowercase())
        && snake.len() < 24
        && !snake.ends_with('_')
        && !snake.contains("__")
        && !snake.contains(|it: char| it.is_ascii_digit());
    plain.then_some(snake)
}

/// The first spec from this seed on that the generator accepts. It rejects those in which two names collide.
///
/// # Panics
///
/// Panics if it rejects a spec for another reason, or a thousand in a row.
pub fn accepted_spec(seed: u64, words: &[String]) -> String {
    let mut random = Rng::with_seed(seed);
    for _ in 0..1_000 {
        let spec = Spec::new(random.fork(), words).document();
        let text = format!("{spec:#}");
        match generate(&text, &[]) {
            Ok(_) => return text,
            Err(error) => {
                for fault in error.faults() {
                    assert!(is_expected(&fault.message), "seed {seed}: {fault}\n{text}");
                }
            }
        }
    }
    panic!("seed {seed}: the generator rejects every spec");
}

/// Whether the spec can be rejected for this: its names are random, and so is the number of its operations.
fn is_expected(message: &str) -> bool {
    [
        "already has a",
        "the HTTP layer writes",
        "the spec has no operation",
        "are the same path",
        "the client's builder already has",
        "is a keyword of Rust",
        "would both become",
        "is declared twice",
        "is already used at",
        "is listed twice",
        "would be the program's own help",
        "would have one name in code",
    ]
    .iter()
    .any(|part| message.contains(part))
}

struct Spec<'a> {
    random: Rng,
    words: &'a [String],
    /// The schemas so far: a schema refers only to earlier ones.
    schemas: Vec<(String, Shape)>,
    /// The schemas of merge patches, to which nothing else refers.
    patches: Map<String, Value>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Object,
    Enumeration,
    Text,
    Integer,
    Formatted,
    Secret,
}

impl<'a> Spec<'a> {
    fn new(random: Rng, words: &'a [String]) -> Self {
        Self {
            random,
            words,
            schemas: Vec::new(),
            patches: Map::new(),
        }
    }

    fn chance(&mut self, percent: u8) -> bool {
        self.random.u8(0..100) < percent
    }

    fn word(&mut self) -> String {
        if self.chance(30) {
            PLAIN[self.random.usize(0..PLAIN.len())].to_owned()
        } else {
            self.words[self.random.usize(0..self.words.len())].clone()
        }
    }

    fn words(&mut self, count: std::ops::Range<usize>) -> Vec<String> {
        let count = self.random.usize(count);
        (0..count)
            .map(|_| self.word())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    fn text(&mut self) -> String {
        const TEXTS: [&str; 6] = [
            "A text.",
            "A text with `code`, <b>HTML</b>, [brackets] and a \\ at its end \\",
            "Two paragraphs.\n\nThe second, with \"quotes\", '#' and */ in it.",
            "Right \u{202e}to left\u{202c}, \u{0}, \u{7f} and \r.",
            "```\nlet code = 1;\n```",
            "äöü {braces} {{}} %s $x //! ///",
        ];
        TEXTS[self.random.usize(0..TEXTS.len())].to_owned()
    }

    fn document(mut self) -> Value {
        let mut schemas = Map::new();
        for word in self.words(2..12) {
            let name = camel_case(&word);
            let schema = self.schema(&name);
            schemas.insert(name, schema);
        }
        schemas.insert(
            "Error".to_owned(),
            json!({ "description": "Why a request failed.", "type": "object", "required": ["error", "message"], "properties": {
                "error": { "$ref": "#/components/schemas/ErrorCode" },
                "message": { "description": "What to change.", "type": "string" },
                "errors": {
                    "description": "The errors of the body's members.", "type": "array",
                    "items": { "$ref": "#/components/schemas/FieldError" },
                },
            } }),
        );
        schemas.insert(
            "FieldError".to_owned(),
            json!({ "description": "An error in a member of the body.", "type": "object", "required": ["field", "message"],
                "properties": {
                    "field": { "description": "The path of the member.", "type": "string" },
                    "message": { "description": "What to change.", "type": "string" },
                } }),
        );
        schemas.insert(
            "ErrorCode".to_owned(),
            json!({ "description": "What kind of error it is.", "type": "string", "enum": [
                "invalid_input", "not_found", "method_not_allowed", "payload_too_large", "unsupported_media_type",
                "unauthorized", "forbidden",
            ] }),
        );
        let tags = self.words(1..4);
        let tags: Vec<String> = tags.into_iter().filter(|it| !KEYWORDS.contains(&it.as_str())).collect();
        let tags = if tags.is_empty() {
            vec!["things".to_owned()]
        } else {
            tags
        };
        let is_secured = self.chance(50);
        let mut paths = Map::new();
        for _ in 0..self.random.usize(1..10) {
            let (path, variables) = self.path();
            let item = paths.entry(path).or_insert_with(|| json!({}));
            for method in ["get", "post", "put", "patch", "delete"] {
                if self.chance(30) {
                    item[method] = self.operation(method, &tags, &variables, is_secured);
                }
            }
        }
        for (name, schema) in std::mem::take(&mut self.patches) {
            schemas.entry(name).or_insert(schema);
        }
        close(&mut schemas, &paths);
        let listed: Vec<Value> = tags
            .iter()
            .map(|name| json!({ "name": name, "description": self.text() }))
            .collect();
        let mut components = json!({ "schemas": schemas });
        if is_secured {
            components["securitySchemes"] = json!({ "bearer": { "type": "http", "scheme": "bearer", "x-scopes": {
                "things:read": "Read.", "things:write": self.text(),
            } } });
        }
        json!({
            "openapi": "3.1.0",
            "info": { "title": "Random", "version": "1.0.0", "description": self.text() },
            "tags": listed,
            "paths": paths,
            "components": components,
        })
    }

    /// A path, and its variables.
    fn path(&mut self) -> (String, Vec<String>) {
        let mut path = format!("/{}", self.random.choice(["a", "b-c", "b_c", "d.e"]).unwrap_or("a"));
        let mut variables = Vec::new();
        for _ in 0..self.random.usize(0..4) {
            let word = self.word();
            if self.chance(50) && !variables.contains(&word) {
                path.push_str(&format!("/{{{word}}}"));
                variables.push(word);
            } else {
                path.push_str(&format!(
                    "/{}",
                    self.random.choice(["x", "y-z", "y_z", "self"]).unwrap_or("x")
                ));
            }
        }
        (path, variables)
    }

    fn reference(name: &str) -> Value {
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// One of the schemas that are not of these shapes.
    fn named(&mut self, except: &[Shape]) -> Option<(String, Shape)> {
        let fitting: Vec<&(String, Shape)> = self
            .schemas
            .iter()
            .filter(|(_, shape)| !except.contains(shape))
            .collect();
        self.random.choice(fitting).cloned()
    }

    fn schema(&mut self, name: &str) -> Value {
        let description = self.text();
        let (shape, mut schema) = match self.random.u8(0..10) {
            0 => (
                Shape::Enumeration,
                json!({ "type": "string", "enum": self.words(1..6) }),
            ),
            1 => {
                let mut schema = json!({ "type": "string" });
                if self.chance(50) {
                    schema["minLength"] = json!(1);
                }
                if self.chance(50) {
                    schema["maxLength"] = json!(9);
                }
                if self.chance(50) {
                    schema["pattern"] = json!("^[^\\u0000\u{202e}\"#]*$");
                }
                (Shape::Text, schema)
            }
            2 => {
                let mut schema = json!({ "type": "integer" });
                if self.chance(50) {
                    schema["format"] = json!("int32");
                }
                if self.chance(50) {
                    schema["minimum"] = json!(-5);
                }
                if self.chance(50) {
                    schema["maximum"] = json!(5);
                }
                (Shape::Integer, schema)
            }
            3 => {
                let format = self.random.choice(["uuid", "date", "date-time"]);
                (Shape::Formatted, json!({ "type": "string", "format": format }))
            }
            4 => (Shape::Secret, json!({ "type": "string", "format": "password" })),
            _ => (Shape::Object, self.object()),
        };
        schema["description"] = json!(description);
        self.schemas.push((name.to_owned(), shape));
        schema
    }

    fn object(&mut self) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for name in self.words(0..6) {
            let mut property = self.property();
            if self.chance(70) {
                property["description"] = json!(self.text());
            }
            if self.chance(40) {
                required.push(name.clone());
            }
            properties.insert(name, property);
        }
        json!({ "type": "object", "required": required, "properties": properties })
    }

    fn property(&mut self) -> Value {
        if self.chance(40)
            && let Some((name, shape)) = self.named(&[])
        {
            return match self.random.u8(0..4) {
                0 => json!({ "oneOf": [Self::reference(&name), { "type": "null" }] }),
                1 => json!({ "type": "array", "items": Self::reference(&name) }),
                2 if shape == Shape::Integer => {
                    let mut property = Self::reference(&name);
                    property["default"] = json!(0);
                    property
                }
                2 if shape == Shape::Text => {
                    let mut property = Self::reference(&name);
                    property["default"] = json!("text");
                    property
                }
                _ => Self::reference(&name),
            };
        }
        let choices = [
            json!({ "type": "string" }),
            json!({ "type": "string", "default": "a \"text\"" }),
            json!({ "type": "boolean" }),
            json!({ "type": "boolean", "default": true }),
            json!({ "type": "integer", "format": "int32" }),
            json!({ "type": "integer", "default": 7 }),
            json!({ "type": "number", "default": 0.5 }),
            json!({ "type": "string", "format": "uuid" }),
            json!({ "type": "string", "format": "date" }),
            json!({ "type": "string", "format": "date-time" }),
            json!({ "type": ["string", "null"], "format": "date-time" }),
            json!({ "type": ["integer", "null"] }),
            json!({ "type": "array", "items": { "type": "string" } }),
            json!({ "type": "array", "items": { "type": "array", "items": { "type": "number" } }, "default": [] }),
            json!({ "type": "object", "additionalProperties": true }),
        ];
        self.random.choice(choices).unwrap_or_default()
    }

    fn parameter_schema(&mut self) -> Value {
        if self.chance(40)
            && let Some((name, _)) = self.named(&[Shape::Object, Shape::Secret])
        {
            return Self::reference(&name);
        }
        let choices = [
            json!({ "type": "string" }),
            json!({ "type": "boolean" }),
            json!({ "type": "integer" }),
            json!({ "type": "string", "format": "uuid" }),
            json!({ "type": "string", "format": "date" }),
            json!({ "type": "string", "format": "date-time" }),
        ];
        self.random.choice(choices).unwrap_or_default()
    }

    /// The schema of a merge patch: without required members, defaults and objects.
    fn patch(&mut self) -> Value {
        let mut properties = Map::new();
        for name in self.words(0..6) {
            let mut property = self.property();
            let is_object = property["type"] == "object"
                || references(&property)
                    .iter()
                    .any(|name| self.schemas.contains(&(name.clone(), Shape::Object)));
            if is_object && property["type"] != "array" {
                property = json!({ "type": ["boolean", "null"] });
            }
            if let Some(members) = property.as_object_mut() {
                members.remove("default");
            }
            property["description"] = json!(self.text());
            properties.insert(name, property);
        }
        json!({ "description": self.text(), "type": "object", "properties": properties })
    }

    fn operation(&mut self, method: &str, tags: &[String], variables: &[String], is_secured: bool) -> Value {
        let id = format!("{}_{}", self.word(), self.word());
        let mut parameters: Vec<Value> = variables
            .iter()
            .map(|name| json!({ "in": "path", "name": name, "required": true, "schema": self.parameter_schema() }))
            .collect();
        for name in self.words(0..4) {
            let mut schema = self.parameter_schema();
            let required = self.chance(30);
            if !required && schema["type"] == "boolean" {
                schema["default"] = json!(true);
            }
            parameters.push(json!({ "in": "query", "name": name, "required": required, "schema": schema }));
        }
        let is_secured = is_secured && self.chance(60);
        let error = json!({
            "description": self.text(),
            "content": { "application/json": { "schema": Self::reference("Error") } },
        });
        let mut challenged = error.clone();
        challenged["headers"] = json!({ "WWW-Authenticate": { "required": true, "schema": { "type": "string" } } });
        let mut responses = Map::new();
        let body = (Shape::Enumeration, Shape::Text);
        let not_objects = [body.0, body.1, Shape::Integer, Shape::Formatted, Shape::Secret];
        let mut success = json!({ "description": self.text() });
        match self.named(&not_objects).filter(|_| self.random.bool()) {
            None => {
                responses.insert("204".to_owned(), success);
            }
            Some((name, _)) => {
                success["content"] = json!({ "application/json": { "schema": Self::reference(&name) } });
                if self.chance(30) {
                    let mut headers = Map::new();
                    for word in self.words(1..3) {
                        headers.insert(
                            word.replace('_', "-"),
                            json!({ "required": true, "schema": { "type": "integer", "format": "int32" } }),
                        );
                    }
                    success["headers"] = Value::Object(headers);
                }
                if self.chance(20) {
                    responses.insert("201".to_owned(), success.clone());
                }
                responses.insert("200".to_owned(), success);
            }
        }
        let security = match (is_secured, self.chance(30)) {
            (false, _) => json!([]),
            (true, false) => json!([{ "bearer": ["things:read"] }]),
            (true, true) => json!([{ "bearer": ["things:read"] }, { "bearer": ["things:write"] }]),
        };
        let mut operation = json!({
            "operationId": id,
            "tags": [self.random.choice(tags)],
            "summary": self.text(),
            "security": security,
        });
        if self.chance(50) {
            operation["description"] = json!(self.text());
        }
        let mut codes = Vec::new();
        if is_secured {
            codes.extend(["429", "503", "500"]);
            responses.insert("401".to_owned(), challenged.clone());
            responses.insert("403".to_owned(), challenged);
        }
        codes.push("400");
        let body = if !self.chance(40) {
            None
        } else if method == "patch" {
            let name = format!("Patch{}", self.patches.len());
            let (patch, media) = (self.patch(), json!({ "schema": Self::reference(&name) }));
            self.patches.insert(name, patch);
            Some(json!({
                "required": true,
                "content": { "application/json": media.clone(), "application/merge-patch+json": media },
            }))
        } else {
            let required = self.chance(50);
            self.named(&not_objects).map(|(name, _)| {
                json!({
                    "required": required,
                    "content": { "application/json": { "schema": Self::reference(&name) } },
                })
            })
        };
        if let Some(body) = body {
            operation["requestBody"] = body;
            if self.chance(70) {
                codes.extend(["413", "415"]);
            }
        }
        for code in codes {
            responses.insert(code.to_owned(), error.clone());
        }
        operation["parameters"] = Value::Array(parameters);
        operation["responses"] = Value::Object(responses);
        operation
    }
}

/// The objects that a request can contain have to reject unknown members, and no others may.
fn close(schemas: &mut Map<String, Value>, paths: &Map<String, Value>) {
    let operations = paths.values().filter_map(Value::as_object).flat_map(Map::values);
    let mut open: Vec<String> = operations.flat_map(|it| references(&it["requestBody"])).collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if let Some(schema) = schemas.get_mut(&name)
            && seen.insert(name)
        {
            if schema["type"] == "object" {
                schema["additionalProperties"] = json!(false);
                let properties = schema["properties"].as_object_mut();
                properties
                    .into_iter()
                    .flatten()
                    .for_each(|(_, property)| bound(property));
            }
            open.extend(references(schema));
        }
    }
}

/// The lists and free-form objects of a request have a bound.
fn bound(property: &mut Value) {
    if property["type"] == "array" {
        property["maxItems"] = json!(9);
        if property["items"]["type"] == "array" {
            property["items"] = json!({ "type": "string" });
        }
    }
    if property["type"] == "object" {
        property["x-max-bytes"] = json!(99);
        property["x-max-levels"] = json!(9);
    }
}

/// The names of the schemas that a value refers to.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text
            .strip_prefix("#/components/schemas/")
            .map(str::to_owned)
            .into_iter()
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Object(members) => members.values().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

fn camel_case(word: &str) -> String {
    word.split('_')
        .map(|part| {
            let mut characters = part.chars();
            let first = characters.next().map(|it| it.to_ascii_uppercase());
            first.into_iter().chain(characters).collect::<String>()
        })
        .collect()
}
