//! The operations of the spec.

use http::Method;
use serde_json::Value;
use std::sync::LazyLock;
use tenant_registry_contract::OPENAPI_JSON;

use crate::report::expect;

/// A valid value for every path variable: it is both an id and a slug.
pub(crate) const PATH_VALUE: &str = "0193a5e4-7b1c-7c3e-9d52-6a1f0e4b8c7d";

/// The method and path of an operation.
pub(crate) struct Operation {
    id: String,
    pub(crate) method: Method,
    /// Variables are in braces.
    path: String,
}

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let document: Value = expect(serde_json::from_str(OPENAPI_JSON), "the spec is JSON");
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let Some(id) = operation["operationId"].as_str() else {
                continue;
            };
            operations.push(Operation {
                id: id.to_owned(),
                method: expect(method.to_uppercase().parse(), "a method"),
                path: path.clone(),
            });
        }
    }
    operations
});

impl Operation {
    /// The operation with this id.
    pub(crate) fn named(id: &[u8]) -> Option<&'static Self> {
        OPERATIONS.iter().find(|operation| operation.id.as_bytes() == id)
    }

    /// The path with this text in place of each variable.
    pub(crate) fn path_with(&self, text: &str) -> String {
        let segments = self.path.split('/').map(|segment| {
            let is_variable = segment.starts_with('{') && segment.ends_with('}');
            if is_variable { text } else { segment }
        });
        segments.collect::<Vec<_>>().join("/")
    }
}
