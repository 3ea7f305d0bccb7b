use dropshot::{HttpError, RequestContext};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::response;
use super::response::{Draft, Refusal};
use super::service::Service;
use crate::server::{
    Api, BearerToken, Credentials, NotAdmitted, Principal, RequestMetadata, Scope, TryLater,
};
use crate::types::{Error, ErrorCode};

/// The caller, who may do all that is needed.
pub(super) async fn principal<A: Api>(
    context: &RequestContext<Service<A>>,
    metadata: &RequestMetadata,
    needed: &[Scope],
) -> Result<Principal<A::Identity>, Refusal> {
    principal_or_later(context, metadata, needed)
        .await?
        .map_err(|later| Refusal(later.draft()))
}

/// The same for an operation that has an answer of its own to who should try again later.
pub(super) async fn principal_or_later<A: Api>(
    context: &RequestContext<Service<A>>,
    metadata: &RequestMetadata,
    needed: &[Scope],
) -> Result<Result<Principal<A::Identity>, TryLater>, Refusal> {
    let credentials = credentials(context.request.headers());
    let is_token = matches!(credentials, Credentials::Bearer(_));
    match context.context().implementation.admit(metadata, credentials).await {
        Ok(admitted) => match Principal::let_in(admitted, needed) {
            Ok(principal) => Ok(Ok(principal)),
            Err(missing) => Err(forbidden(missing, needed)),
        },
        Err(NotAdmitted::TryLater(later)) => Ok(Err(later)),
        Err(NotAdmitted::Unauthorized(error)) => Err(unauthorized(&error, is_token)),
    }
}

fn credentials(headers: &HeaderMap) -> Credentials {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Credentials::Absent,
        (Some(_), Some(_)) => return Credentials::Other,
        (Some(value), None) => value.to_str().unwrap_or_default(),
    };
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Credentials::Bearer(BearerToken::new(token.trim()))
        }
        Some(_) | None => Credentials::Other,
    }
}

/// Who showed nothing is told what to show, and no more (RFC 6750, section 3.1).
fn unauthorized(error: &Error, is_token: bool) -> Refusal {
    let challenge = HeaderValue::from_static(if is_token {
        r#"Bearer error="invalid_token""#
    } else {
        "Bearer"
    });
    let draft = response::json(StatusCode::UNAUTHORIZED, error);
    Refusal(draft.map(|draft| response::with_header(draft, WWW_AUTHENTICATE, challenge)))
}

fn forbidden(missing: Scope, needed: &[Scope]) -> Refusal {
    let error = Error {
        error: ErrorCode::Forbidden,
        message: format!("the token does not allow `{missing}`; ask for one that does"),
    };
    let draft = response::json(StatusCode::FORBIDDEN, &error);
    Refusal(draft.and_then(|draft| insufficient_scope(draft, needed)))
}

/// Says which scopes it takes (RFC 6750, section 3.1).
pub(super) fn insufficient_scope(draft: Draft, needed: &[Scope]) -> Result<Draft, HttpError> {
    let scopes: Vec<&str> = needed.iter().map(|scope| scope.as_str()).collect();
    let challenge = format!(r#"Bearer error="insufficient_scope", scope="{}""#, scopes.join(" "));
    let challenge = HeaderValue::try_from(challenge)
        .map_err(|error| HttpError::for_internal_error(error.to_string()))?;
    Ok(response::with_header(draft, WWW_AUTHENTICATE, challenge))
}
