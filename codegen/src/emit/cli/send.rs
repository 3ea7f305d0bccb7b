//! How the arguments of a command become a request of the client.

use super::arguments::{Argument, BODY_FILE, Role, Value};
use crate::model::{Operation, Response};
use crate::names;

/// The schema of the body of a success, where it has one.
pub(super) fn success(operation: &Operation) -> Option<&str> {
    let is_success = |response: &&Response| (200..300).contains(&response.status.code);
    operation
        .responses
        .iter()
        .find(is_success)
        .and_then(|response| response.body.as_deref())
}

/// The statements of `send`.
pub(super) fn body(operation: &Operation, arguments: &[Argument]) -> String {
    let mut code = String::new();
    if operation.body.is_some() {
        code.push_str(&format!("let mut body = Body::begin(self.{BODY_FILE})?;\n"));
    }
    let mut chain = format!("client.{}()", operation.id);
    let mut optional = String::new();
    for Argument { name, role, .. } in arguments {
        match role {
            Role::Parameter {
                name: parameter,
                required: true,
            } => chain.push_str(&format!(".{parameter}(self.{name})")),
            Role::Parameter {
                name: parameter,
                required: false,
            } => optional.push_str(&format!(
                "if let Some(value) = self.{name} {{ request = request.{parameter}(value); }}\n"
            )),
            Role::Property { name: property, value } => {
                let value = match value {
                    Value::Typed => format!("self.{name}"),
                    Value::Json => format!("arguments::json(self.{name})?"),
                    Value::SecretText => format!("arguments::secret(self.{name})?"),
                    Value::SecretJson => format!("arguments::secret_json(self.{name})?"),
                };
                code.push_str(&format!("body.set({property:?}, {value})?;\n"));
            }
            Role::Body => {}
        }
    }
    match &operation.body {
        Some(body) if body.required => {
            let ty = names::type_name(&body.schema);
            code.push_str(&format!("let body: types::{ty} = arguments::finish(body)?;\n"));
            chain.push_str(".body(body)");
        }
        Some(body) => {
            let ty = names::type_name(&body.schema);
            code.push_str(&format!(
                "let body: Option<types::{ty}> = arguments::finish_unless_empty(body)?;\n"
            ));
            optional.push_str("if let Some(body) = body { request = request.body(body); }\n");
        }
        None => {}
    }
    let request = if optional.is_empty() {
        chain
    } else {
        code.push_str(&format!("let mut request = {chain};\n{optional}"));
        "request".to_owned()
    };
    code.push_str(&match success(operation) {
        Some(_) => format!("Ok({request}.send().await?.into_inner())"),
        None => format!("{request}.send().await?;\nOk(())"),
    });
    code
}
