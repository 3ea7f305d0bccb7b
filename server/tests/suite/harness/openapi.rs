//! The spec as the tests read it: operations, declared responses, and a validator for each schema.

use jsonschema::Validator;
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::iter;
use std::sync::LazyLock;
use tenant_registry_contract::OPENAPI;

/// The spec of this build.
pub(crate) static SPEC: LazyLock<Spec> = LazyLock::new(|| Spec::read(OPENAPI));

/// The methods of an OpenAPI path item.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// An OpenAPI document.
pub(crate) struct Spec {
    pub(crate) document: Value,
    pub(crate) operations: Vec<Operation>,
}

pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// The declared responses, by status.
    pub(crate) responses: BTreeMap<u16, DeclaredResponse>,
}

impl Operation {
    /// The methods it responds to: HEAD too, if the method is GET (RFC 9110, section 9.3.2).
    pub(crate) fn methods(&self) -> impl Iterator<Item = &str> {
        let head = (self.method == "GET").then_some("HEAD");
        iter::once(self.method.as_str()).chain(head)
    }
}

pub(crate) struct DeclaredResponse {
    /// `None` if no body is declared.
    pub(crate) body: Option<Validator>,
    pub(crate) headers: Vec<DeclaredHeader>,
}

pub(crate) struct DeclaredHeader {
    /// In lower case.
    pub(crate) name: String,
    pub(crate) value: Validator,
    pub(crate) is_required: bool,
}

/// What a request refers to.
pub(crate) enum Addressed<'a> {
    Operation(&'a Operation),
    /// A path whose operations have other methods.
    OtherMethod {
        allowed: Vec<&'a str>,
    },
    /// No operation has the path.
    Nothing,
}

impl Spec {
    fn read(text: &str) -> Self {
        let yaml = Yaml::load_from_str(text).unwrap();
        let [yaml] = yaml.as_slice() else {
            panic!("the spec is not one document");
        };
        let mut spec = Self {
            document: json_of(yaml),
            operations: Vec::new(),
        };
        spec.operations = spec.read_operations();
        spec
    }

    fn read_operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (path, item) in self.document["paths"].as_object().unwrap() {
            for method in METHODS {
                if let Some(operation) = item.get(method) {
                    operations.push(Operation {
                        id: operation["operationId"].as_str().unwrap().to_owned(),
                        method: method.to_uppercase(),
                        path: path.clone(),
                        responses: self.responses(operation),
                    });
                }
            }
        }
        operations
    }

    fn responses(&self, operation: &Value) -> BTreeMap<u16, DeclaredResponse> {
        let responses = operation["responses"].as_object().unwrap();
        let read = |(status, response): (&String, &Value)| {
            let response = self.resolve(response);
            let headers = response.get("headers").and_then(Value::as_object);
            let response = DeclaredResponse {
                body: response
                    .get("content")
                    .map(|content| self.validator(&content["application/json"]["schema"])),
                headers: headers
                    .into_iter()
                    .flatten()
                    .map(|(name, header)| {
                        let header = self.resolve(header);
                        DeclaredHeader {
                            name: name.to_lowercase(),
                            value: self.validator(&header["schema"]),
                            is_required: header["required"] == true,
                        }
                    })
                    .collect(),
            };
            (status.parse().unwrap(), response)
        };
        responses.iter().map(read).collect()
    }

    /// The declared response for a status.
    pub(crate) fn response(&self, id: &str, status: u16) -> &Value {
        let objects = self.operation_objects();
        let operation = objects.iter().find(|(_, _, operation)| operation["operationId"] == id);
        self.resolve(&operation.unwrap().2["responses"][status.to_string()])
    }

    /// All scopes in the `security` of an operation; empty if it needs no authentication.
    pub(crate) fn scopes(&self, id: &str) -> Vec<&str> {
        self.alternatives(id).concat()
    }

    /// The alternatives of an operation's `security`. A caller needs all scopes of one of them.
    pub(crate) fn alternatives(&self, id: &str) -> Vec<Vec<&str>> {
        let objects = self.operation_objects();
        let (_, _, operation) = objects
            .iter()
            .find(|(_, _, operation)| operation["operationId"] == id)
            .unwrap();
        let requirements = operation["security"].as_array().unwrap();
        let scopes = requirements.iter().map(|it| it["bearer"].as_array().unwrap());
        scopes
            .map(|scopes| scopes.iter().map(|scope| scope.as_str().unwrap()).collect())
            .collect()
    }

    /// Follows one `$ref` within the document.
    pub(crate) fn resolve<'a>(&'a self, node: &'a Value) -> &'a Value {
        match node.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => node,
        }
    }

    /// The schema without `null`, if it is nullable.
    pub(crate) fn without_null(&self, schema: &Value) -> Option<Value> {
        if let Some(choices) = schema["oneOf"].as_array() {
            return Some(self.resolve(&choices[0]).clone());
        }
        let types = schema["type"].as_array()?;
        let mut other = schema.clone();
        other["type"] = types[0].clone();
        Some(other)
    }

    /// A validator of draft 2020-12, formats included, for a schema of the document.
    pub(crate) fn validator(&self, schema: &Value) -> Validator {
        let mut root = schema.as_object().unwrap().clone();
        // The schema needs the components of the document, since it refers to them.
        root.insert("components".to_owned(), json!({ "schemas": self.schemas() }));
        jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&Value::Object(root))
            .unwrap()
    }

    /// A validator of a component schema.
    pub(crate) fn schema_validator(&self, name: &str) -> Validator {
        self.validator(&json!({ "$ref": format!("#/components/schemas/{name}") }))
    }

    pub(crate) fn schemas(&self) -> &Map<String, Value> {
        self.document["components"]["schemas"].as_object().unwrap()
    }

    /// Method, path and object of each operation.
    pub(crate) fn operation_objects(&self) -> Vec<(&str, &str, &Value)> {
        let mut operations = Vec::new();
        for (path, item) in self.document["paths"].as_object().unwrap() {
            operations.extend(
                METHODS
                    .iter()
                    .filter_map(|method| Some((*method, path.as_str(), item.get(method)?))),
            );
        }
        operations
    }

    /// The path and query parameters of an operation.
    pub(crate) fn parameters<'a>(&'a self, operation: &'a Value) -> impl Iterator<Item = &'a Value> {
        self.all_parameters(operation)
            .filter(|parameter| parameter["in"] != "header")
    }

    /// The header parameters of an operation.
    pub(crate) fn headers<'a>(&'a self, operation: &'a Value) -> impl Iterator<Item = &'a Value> {
        self.all_parameters(operation)
            .filter(|parameter| parameter["in"] == "header")
    }

    fn all_parameters<'a>(&'a self, operation: &'a Value) -> impl Iterator<Item = &'a Value> {
        operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|parameter| self.resolve(parameter))
    }

    /// The schema of an operation's body, if it has one.
    pub(crate) fn body_schema<'a>(&'a self, operation: &'a Value) -> Option<&'a Value> {
        let content = operation.get("requestBody")?.get("content")?;
        Some(self.resolve(&content["application/json"]["schema"]))
    }

    /// The operation of a request. Of two matching paths, the one with fewer variables wins.
    pub(crate) fn addressed(&self, method: &str, path: &str) -> Addressed<'_> {
        let fitting = self.operations.iter().filter(|operation| fits(&operation.path, path));
        let literal_words = |operation: &&Operation| {
            words(&operation.path)
                .map(|word| !is_variable(word))
                .collect::<Vec<_>>()
        };
        let Some(best) = fitting.max_by_key(literal_words) else {
            return Addressed::Nothing;
        };
        let mut of_path = self.operations.iter().filter(|operation| operation.path == best.path);
        match of_path
            .clone()
            .find(|operation| operation.methods().any(|known| known == method))
        {
            Some(operation) => Addressed::Operation(operation),
            None => Addressed::OtherMethod {
                allowed: of_path.by_ref().flat_map(Operation::methods).collect(),
            },
        }
    }
}

fn words(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
}

fn is_variable(word: &str) -> bool {
    word.starts_with('{')
}

fn fits(template: &str, path: &str) -> bool {
    words(template).count() == words(path).count()
        && words(template)
            .zip(words(path))
            .all(|(expected, word)| is_variable(expected) && !word.is_empty() || expected == word)
}

fn json_of(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => (*value).into(),
        Yaml::Value(Scalar::Integer(number)) => (*number).into(),
        Yaml::Value(Scalar::FloatingPoint(number)) => number.into_inner().into(),
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Sequence(items) => items.iter().map(json_of).collect(),
        Yaml::Mapping(entries) => {
            let pairs = entries
                .iter()
                .map(|(key, value)| (json_of(key).as_str().unwrap().to_owned(), json_of(value)));
            Value::Object(pairs.collect())
        }
        Yaml::Tagged(_, inner) => json_of(inner),
        Yaml::Alias(_) | Yaml::BadValue | Yaml::Representation(..) => panic!("{yaml:?} has no JSON"),
    }
}
