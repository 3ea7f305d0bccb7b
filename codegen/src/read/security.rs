//! Reads who may call: the security scheme, what each operation asks of its callers, and the answers to who does not have
//! it. An operation that says nothing is refused, so that none is open by an oversight.

use super::{resolve, status};
use crate::document::Place;
use crate::model::{Access, Operation, Scheme, Scope};
use crate::{Error, names};

/// The header that says how to be let in (RFC 9110, section 11.6.1). The HTTP layer writes it.
pub(super) const CHALLENGE: &str = "WWW-Authenticate";

/// Where a scheme lists what its tokens may allow.
const SCOPES: &str = "x-scopes";

/// Scopes are kept as the bits of one number.
const MOST_SCOPES: usize = 64;

/// Refuses what would stand for operations that say nothing.
pub(super) fn check_document(root: &Place<'_>) -> Result<(), Error> {
    match root.get("security") {
        None => Ok(()),
        Some(place) => Err(place.fault("`security` belongs to each operation; a default is easily forgotten")),
    }
}

/// The security scheme, where there is one.
pub(super) fn scheme(root: &Place<'_>) -> Result<Option<Scheme>, Error> {
    let Some(place) = root.get("components").and_then(|it| it.get("securitySchemes")) else {
        return Ok(None);
    };
    match place.entries()?.as_slice() {
        [(name, place)] => read_scheme(name, place).map(Some),
        _ => Err(place.fault("there is one security scheme, or none")),
    }
}

fn read_scheme(name: &str, place: &Place<'_>) -> Result<Scheme, Error> {
    place.only(&["type", "scheme", "bearerFormat", "description"])?;
    let (kind, scheme) = (place.require("type")?, place.require("scheme")?);
    if kind.text()? != "http" || !scheme.text()?.eq_ignore_ascii_case("bearer") {
        return Err(place.fault("callers show bearer tokens; write `type: http` and `scheme: bearer`"));
    }
    let listed = place.require(SCOPES)?;
    let mut scopes: Vec<Scope> = Vec::new();
    for (name, description) in listed.entries()? {
        let rust_name = names::type_name(name);
        names::check_type(&description, &name.replace(':', "_"), &rust_name)?;
        if scopes.iter().any(|it| names::type_name(&it.name) == rust_name) {
            return Err(description.fault(format!("there is another `{name}`")));
        }
        scopes.push(Scope {
            name: name.to_owned(),
            description: description.text()?.trim().to_owned(),
        });
    }
    if scopes.is_empty() || scopes.len() > MOST_SCOPES {
        return Err(listed.fault(format!("a scheme has 1 to {MOST_SCOPES} scopes, not {}", scopes.len())));
    }
    Ok(Scheme {
        name: name.to_owned(),
        scopes,
    })
}

/// Who may call an operation.
pub(super) fn of_operation(scheme: Option<&Scheme>, operation: &Place<'_>) -> Result<Access, Error> {
    let Some(place) = operation.get("security") else {
        return Err(operation.fault("`security` is missing: say who may call this, or `security: []` for anybody"));
    };
    let requirement = match place.items()?.as_slice() {
        [] => return Ok(Access::Open),
        [requirement] => requirement.clone(),
        _ => return Err(place.fault("there is one way to be let in; alternatives are not supported")),
    };
    let (name, needed) = match requirement.entries()?.as_slice() {
        [(name, needed)] => (*name, needed.clone()),
        _ => return Err(requirement.fault("one security scheme is expected here")),
    };
    let Some(scheme) = scheme.filter(|it| it.name == name) else {
        return Err(requirement.fault(format!("there is no `{name}` under components.securitySchemes")));
    };
    let mut scopes = Vec::new();
    for item in needed.items()? {
        let text = item.text()?;
        if !scheme.scopes.iter().any(|it| it.name == text) {
            return Err(item.fault(format!("`{text}` is not among the `{SCOPES}` of `{name}`")));
        }
        if scopes.iter().any(|it| it == text) {
            return Err(item.fault(format!("`{text}` stands here twice")));
        }
        scopes.push(text.to_owned());
    }
    if scopes.is_empty() {
        return Err(needed.fault("a token that allows nothing would do; name the scopes that are needed"));
    }
    Ok(Access::Secured(scopes))
}

/// Who is turned away is answered as declared, or the implementation is told.
pub(super) fn check_refusals(root: &Place<'_>, operation: &Operation, place: &Place<'_>) -> Result<(), Error> {
    for (key, response) in place.require("responses")?.entries()? {
        check_challenge(root, key, response)?;
    }
    let declares = |code| operation.response(code).is_some();
    if !operation.access.is_secured() {
        return match [401, 403, 429].into_iter().find(|code| declares(*code)) {
            None => Ok(()),
            Some(code) => Err(place.fault(format!("{code} is declared, but nobody is asked who they are"))),
        };
    }
    if let Some(code) = [401, 403].into_iter().find(|code| !declares(*code)) {
        return Err(place.fault(format!("{code} is not declared, but not everybody may call this")));
    }
    if declares(429) == declares(503) {
        Ok(())
    } else {
        Err(place.fault(
            "of 429 and 503 one is declared; an operation that asks who calls declares both, or neither and gets its \
             principal as a `Result`",
        ))
    }
}

/// 401 and 403 carry the challenge, and no other answer does.
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
        None if matches!(code, 401 | 403) => Err(response.fault(format!(
            "{code} says by the header `{CHALLENGE}` what is missing (RFC 6750, section 3); declare it"
        ))),
        Some((_, header)) if !matches!(code, 401 | 403) => {
            Err(header.fault(format!("`{CHALLENGE}` belongs to 401 and 403")))
        }
        Some((_, header)) => {
            let header = resolve(root, header, "headers")?;
            header.only(&["description", "required", "schema", "example", "examples"])?;
            let schema = header.require("schema")?;
            schema.only(&["type"])?;
            if header.flag("required")? && schema.require("type")?.text()? == "string" {
                Ok(())
            } else {
                Err(header.fault("the challenge is text, and always sent: `required: true`, `type: string`"))
            }
        }
        None => Ok(()),
    }
}
