//! The names of the commands: the resource of an operation, then the action.

use std::collections::BTreeMap;

use crate::Error;
use crate::error::Faults;
use crate::model::{Api, Operation, Tag};
use crate::names;

/// The commands about one resource.
pub(super) struct Group<'a> {
    /// In snake case: the name of the module.
    pub(super) name: String,
    pub(super) about: String,
    pub(super) commands: Vec<Command<'a>>,
}

pub(super) struct Command<'a> {
    /// In snake case.
    pub(super) name: String,
    pub(super) operation: &'a Operation,
}

impl Group<'_> {
    /// The name as a user types it.
    pub(super) fn word(&self) -> String {
        self.name.replace('_', "-")
    }
}

/// All groups, in the order of their first operations.
pub(super) fn from_api(api: &Api) -> Result<Vec<Group<'_>>, Error> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known = BTreeMap::new();
    let mut resources = BTreeMap::new();
    let mut faults = Faults::default();
    for operation in &api.operations {
        let (resource, name) = words(operation);
        let command = format!("{} {}", resource.replace('_', "-"), name.replace('_', "-"));
        let other = known.insert((names::variant(&resource), names::variant(&name)), &operation.id);
        let namesake = resources
            .insert(names::variant(&resource), resource.clone())
            .filter(|other| *other != resource);
        let fault = if let Some(other) = other {
            Some(format!(
                "the operations `{other}` and `{}` would both become the command `{command}`; rename one",
                operation.id
            ))
        } else if let Some(namesake) = namesake {
            Some(format!(
                "the commands about `{resource}` and `{namesake}` would have one name in code; rename one"
            ))
        } else if [&resource, &name].into_iter().any(|word| word == "help") {
            Some(format!(
                "`{command}` would be the program's own help; choose another operationId"
            ))
        } else {
            None
        };
        if let Some(message) = fault {
            faults.add(Error::document(message).in_operation(&operation.id));
        }
        let command = Command { name, operation };
        match groups.iter_mut().find(|group| group.name == resource) {
            Some(group) => group.commands.push(command),
            None => groups.push(Group {
                name: resource,
                about: String::new(),
                commands: vec![command],
            }),
        }
    }
    for group in &mut groups {
        group.about = about(api, group);
    }
    faults.finish(Some(groups))
}

/// Splits an operationId into resource and action. If it starts with the tag, the tag is the resource; else the first word
/// is.
fn words(operation: &Operation) -> (String, String) {
    let tag = operation.tag.as_str();
    let singular = singular(tag);
    for resource in [tag, singular] {
        if let Some(rest) = operation.id.strip_prefix(resource)
            && let Some(name) = rest.strip_prefix('_')
        {
            return (resource.to_owned(), name.to_owned());
        }
    }
    match operation.id.split_once('_') {
        Some((resource, name)) => (resource.to_owned(), name.to_owned()),
        None => (singular.to_owned(), operation.id.clone()),
    }
}

fn singular(tag: &str) -> &str {
    tag.strip_suffix('s').unwrap_or(tag)
}

/// The description of the tag if that is the resource; the summary of the command if there is only one.
fn about(api: &Api, group: &Group<'_>) -> String {
    let tag_of = |operation: &Operation| api.tags.iter().find(|tag| tag.name == operation.tag);
    let is_resource = |tag: &Tag| group.name == tag.name || group.name == singular(&tag.name);
    let tag = group.commands.first().and_then(|command| tag_of(command.operation));
    match (tag, group.commands.as_slice()) {
        (Some(tag), _) if is_resource(tag) => tag.description.clone(),
        (_, [only]) => only.operation.summary.clone(),
        (Some(tag), _) => tag.description.clone(),
        (None, _) => format!("The commands about `{}`.", group.word()),
    }
}

#[cfg(test)]
mod tests {
    use super::words;
    use crate::model::{Access, Conditions, Method, Operation};

    fn command(tag: &str, id: &str) -> String {
        let (resource, name) = words(&Operation {
            id: id.to_owned(),
            tag: tag.to_owned(),
            method: Method::Get,
            path: Vec::new(),
            summary: String::new(),
            description: None,
            parameters: Vec::new(),
            body: None,
            responses: Vec::new(),
            conditions: Conditions::None,
            idempotency: None,
            access: Access::Open,
        });
        format!("{resource} {name}")
    }

    #[test]
    fn the_resource_comes_first() {
        assert_eq!(command("letters", "letter_get_by_name"), "letter get_by_name");
        assert_eq!(command("post_offices", "post_office_close"), "post_office close");
        assert_eq!(command("letters", "stamp_list"), "stamp list");
        assert_eq!(command("catalog", "catalog_trial_request"), "catalog trial_request");
        assert_eq!(command("things", "things_purge"), "things purge");
        assert_eq!(command("things", "post"), "thing post");
    }
}
