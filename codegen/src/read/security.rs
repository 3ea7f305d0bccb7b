//! Reads the security scheme, the scopes of each operation, and the responses for callers without them. Every
//! operation must have `security`, so that no operation becomes public by accident.

use super::{resolve, status};
use crate::document::Place;
use crate::model::{Access, Operation, Scheme, Scope};
use crate::{Error, error, names};

/// The header that tells a caller how to authenticate (RFC 9110, section 11.6.1). The HTTP layer writes it.
pub(super) const CHALLENGE: &str = "WWW-Authenticate";

/// The extension in which a scheme lists its scopes.
const SCOPES: &str = "x-scopes";

/// The generated code stores scopes as the bits of a `u64`.
const SCOPES_MAX: usize = 64;

/// Returns an error if the document has a default for operations without `security`.
pub(super) fn check_document(root: &Place<'_>) -> Result<(), Error> {
    match root.get("security") {
        None => Ok(()),
        Some(place) => Err(place.error("declare `security` in each operation; a default is easily overlooked")),
    }
}

/// The security scheme, where there is one.
pub(super) fn scheme(root: &Place<'_>) -> Result<Option<Scheme>, Error> {
    let Some(place) = root.get("components").and_then(|it| it.get("securitySchemes")) else {
        return Ok(None);
    };
    match place.entries()?.as_slice() {
        [(name, place)] => read_scheme(name, place).map(Some),
        _ => Err(place.error("there must be at most one security scheme")),
    }
}

fn read_scheme(name: &str, place: &Place<'_>) -> Result<Scheme, Error> {
    place.only(&["type", "scheme", "bearerFormat", "description"])?;
    let (kind, scheme) = (place.require("type")?, place.require("scheme")?);
    if kind.text()? != "http" || !scheme.text()?.eq_ignore_ascii_case("bearer") {
        return Err(place.error("only bearer tokens are supported; use `type: http` and `scheme: bearer`"));
    }
    let listed = place.require(SCOPES)?;
    let mut variants = names::Scope::default();
    let scopes = error::all(listed.entries()?.into_iter().map(|(name, description)| {
        let rust_name = names::variant(name);
        names::check_type(&description, &name.replace(':', "_"), &rust_name)?;
        variants.add("variant", &rust_name, &description)?;
        Ok(Scope {
            name: name.to_owned(),
            description: description.text()?.trim().to_owned(),
        })
    }))?;
    if scopes.is_empty() || scopes.len() > SCOPES_MAX {
        return Err(listed.error(format!(
            "a scheme must have 1 to {SCOPES_MAX} scopes, not {}",
            scopes.len()
        )));
    }
    Ok(Scheme {
        name: name.to_owned(),
        scopes,
    })
}

/// Who may call an operation.
pub(super) fn access(scheme: Option<&Scheme>, operation: &Place<'_>) -> Result<Access, Error> {
    let Some(place) = operation.get("security") else {
        return Err(operation
            .error("`security` is missing; name the required scopes, or write `security: []` for a public operation"));
    };
    let mut alternatives: Vec<Vec<String>> = Vec::new();
    for requirement in place.items()? {
        let scopes = required_scopes(scheme, &requirement)?;
        let contains = |all: &[String], part: &[String]| part.iter().all(|scope| all.contains(scope));
        if alternatives
            .iter()
            .any(|other| contains(other, &scopes) || contains(&scopes, other))
        {
            return Err(requirement
                .error("one of two alternatives has all scopes of the other, so it is never needed; remove it"));
        }
        alternatives.push(scopes);
    }
    Ok(if alternatives.is_empty() {
        Access::Open
    } else {
        Access::Secured(alternatives)
    })
}

/// The scopes of one alternative.
fn required_scopes(scheme: Option<&Scheme>, requirement: &Place<'_>) -> Result<Vec<String>, Error> {
    let (name, needed) = match requirement.entries()?.as_slice() {
        [(name, needed)] => (*name, needed.clone()),
        _ => return Err(requirement.error("exactly one security scheme is expected here")),
    };
    let Some(scheme) = scheme.filter(|it| it.name == name) else {
        return Err(requirement.error(format!("there is no `{name}` under components.securitySchemes")));
    };
    let mut scopes = Vec::new();
    for item in needed.items()? {
        let text = item.text()?;
        if !scheme.scopes.iter().any(|it| it.name == text) {
            return Err(item.error(format!("`{text}` is not among the `{SCOPES}` of `{name}`")));
        }
        if scopes.iter().any(|it| it == text) {
            return Err(item.error(format!("`{text}` is listed twice")));
        }
        scopes.push(text.to_owned());
    }
    if scopes.is_empty() {
        return Err(needed.error("a token without scopes would be accepted; name the required scopes"));
    }
    Ok(scopes)
}

/// The operation must declare the errors that the HTTP layer returns to callers, or the implementation must get them.
pub(super) fn check_error_responses(root: &Place<'_>, operation: &Operation, place: &Place<'_>) -> Result<(), Error> {
    for (key, response) in place.require("responses")?.entries()? {
        check_challenge(root, key, response)?;
    }
    let declares = |code| operation.response(code).is_some();
    if !operation.access.is_secured() {
        return match [401, 403, 429].into_iter().find(|code| declares(*code)) {
            None => Ok(()),
            Some(code) => Err(place.error(format!("{code} is declared, but the operation is public; remove it"))),
        };
    }
    if let Some(code) = [401, 403].into_iter().find(|code| !declares(*code)) {
        return Err(place.error(format!("the operation is secured; declare {code}")));
    }
    if declares(429) != declares(503) {
        return Err(place.error(
            "of 429 and 503 only one is declared; a secured operation must declare both, or neither (its implementation \
             then gets the principal as a `Result`)",
        ));
    }
    if operation.body.is_some() && operation.rejects_bodies() && !declares(429) {
        return Err(place.error(
            "413 is declared, but not 429 and 503; without room for a body, the implementation would be called without \
             it: declare all of them, or none (it then gets the principal and the body as a `Result`)",
        ));
    }
    Ok(())
}

/// 401 and 403 must have the challenge, and no other response can.
fn check_challenge(root: &Place<'_>, key: &str, response: Place<'_>) -> Result<(), Error> {
    let code = status::read(key, &response).map(|it| it.code).unwrap_or_default();
    let response = resolve(root, response, "responses")?;
    let headers = response
        .get("headers")
        .map(|it| it.entries())
        .transpose()?
        .unwrap_or_default();
    let challenge = headers
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(CHALLENGE));
    match challenge {
        None if matches!(code, 401 | 403) => Err(response.error(format!(
            "{code} must have the header `{CHALLENGE}` (RFC 6750, section 3); declare it"
        ))),
        Some((_, header)) if !matches!(code, 401 | 403) => {
            Err(header.error(format!("only 401 and 403 can have the header `{CHALLENGE}`")))
        }
        Some((_, header)) => {
            let header = resolve(root, header, "headers")?;
            header.only(&["description", "required", "schema", "example", "examples"])?;
            let schema = header.require("schema")?;
            schema.only(&["type"])?;
            if header.flag("required")? && schema.require("type")?.text()? == "string" {
                Ok(())
            } else {
                Err(header.error("the challenge is text that is always sent; use `required: true` and `type: string`"))
            }
        }
        None => Ok(()),
    }
}
