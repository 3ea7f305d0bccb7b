//! Which operations use which schemas. This decides the file of a type, and whether it has a constructor.

use std::collections::{BTreeMap, BTreeSet};

use super::SHARED;
use crate::model::{Api, Operation};
use crate::names;

/// How the operations use the schemas, directly or through other schemas.
pub(super) struct Usage {
    /// For each schema, the tags of the operations that use it.
    tags: BTreeMap<String, BTreeSet<String>>,
    /// The schemas of the values that a request body can contain.
    in_requests: BTreeSet<String>,
    /// The schemas of the values that a response can contain.
    in_responses: BTreeSet<String>,
}

impl Usage {
    pub(super) fn from_api(api: &Api) -> Self {
        let mut usage = Self {
            tags: BTreeMap::new(),
            in_requests: api.in_requests(),
            // The HTTP layer itself returns it.
            in_responses: api.reachable(vec!["Error".to_owned()]),
        };
        for operation in &api.operations {
            for name in api.reachable(used_by(operation)) {
                usage.tags.entry(name).or_default().insert(operation.tag.clone());
            }
            let bodies = operation
                .responses
                .iter()
                .filter_map(|response| response.body.clone())
                .collect();
            usage.in_responses.extend(api.reachable(bodies));
        }
        usage
    }

    /// The module of a schema's type: that of the only tag that uses it, or the shared one.
    pub(super) fn module(&self, schema: &str) -> String {
        let tags = self.tags.get(schema).filter(|tags| tags.len() == 1);
        match tags.and_then(BTreeSet::first) {
            Some(tag) => names::module(tag).to_string(),
            None => SHARED.to_owned(),
        }
    }

    /// Whether a request body can contain a value of this schema.
    pub(super) fn is_in_request(&self, schema: &str) -> bool {
        self.in_requests.contains(schema)
    }

    /// Whether a response can contain a value of this schema.
    pub(super) fn is_in_response(&self, schema: &str) -> bool {
        self.in_responses.contains(schema)
    }
}

/// The schemas that an operation refers to.
fn used_by(operation: &Operation) -> Vec<String> {
    let parameters = operation.parameters.iter().filter_map(|it| it.ty.named());
    let headers = operation
        .responses
        .iter()
        .flat_map(|it| &it.headers)
        .filter_map(|it| it.ty.named());
    let bodies = operation
        .responses
        .iter()
        .filter_map(|it| it.body.as_deref())
        .chain(operation.body.as_ref().map(|it| it.schema.as_str()));
    parameters.chain(headers).chain(bodies).map(str::to_owned).collect()
}
