use std::collections::BTreeSet;

use dropshot::HttpError;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::context::{RequestContext, ServerContext};
use super::response;
use super::response::{ErrorResponse, PendingResponse};
use crate::server::{
    Api, BearerToken, Credentials, NotAdmitted, Principal, RequestMetadata, Scope, TryLater,
};
use crate::types::{Error, ErrorCode};

/// Authenticates the caller and checks that it has the scopes of one alternative.
pub(super) async fn principal<A: Api>(
    context: &RequestContext<ServerContext<A>>,
    metadata: &RequestMetadata,
    alternatives: &[&[Scope]],
) -> Result<Principal<A::Identity>, ErrorResponse> {
    principal_or_later(context, metadata, alternatives)
        .await?
        .map_err(|later| ErrorResponse(later.into_pending()))
}

/// Like [`principal`], for an operation that declares neither 429 nor 503: the implementation gets a [`TryLater`].
pub(super) async fn principal_or_later<A: Api>(
    context: &RequestContext<ServerContext<A>>,
    metadata: &RequestMetadata,
    alternatives: &[&[Scope]],
) -> Result<Result<Principal<A::Identity>, TryLater>, ErrorResponse> {
    let credentials = credentials(context.request.headers());
    let has_token = matches!(credentials, Credentials::Bearer(_));
    match context.context().implementation.admit(metadata, credentials).await {
        Ok(admitted) => match Principal::authorize(admitted, alternatives) {
            Ok(principal) => Ok(Ok(principal)),
            Err(missing) => Err(forbidden(&missing, alternatives)),
        },
        Err(NotAdmitted::TryLater(later)) => Ok(Err(later)),
        Err(NotAdmitted::Unauthorized(error)) => Err(unauthorized(&error, has_token)),
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

/// A request without a token gets a challenge without an error code (RFC 6750, section 3.1).
fn unauthorized(error: &Error, has_token: bool) -> ErrorResponse {
    let challenge = HeaderValue::from_static(if has_token {
        r#"Bearer error="invalid_token""#
    } else {
        "Bearer"
    });
    let pending = response::json(StatusCode::UNAUTHORIZED, error);
    ErrorResponse(pending.map(|pending| response::with_header(pending, WWW_AUTHENTICATE, challenge)))
}

fn forbidden(missing: &BTreeSet<Scope>, alternatives: &[&[Scope]]) -> ErrorResponse {
    let missing: Vec<String> = missing.iter().map(|scope| format!("`{scope}`")).collect();
    let error = Error {
        error: ErrorCode::Forbidden,
        message: format!("the token does not allow {}; ask for one that does", missing.join(" or ")),
        errors: None,
    };
    let pending = response::json(StatusCode::FORBIDDEN, &error);
    ErrorResponse(pending.and_then(|pending| insufficient_scope(pending, alternatives)))
}

/// Names the required scopes in a challenge (RFC 6750, section 3.1), one for each alternative.
pub(super) fn insufficient_scope(
    pending: PendingResponse,
    alternatives: &[&[Scope]],
) -> Result<PendingResponse, HttpError> {
    let challenges = alternatives.iter().map(|scopes| {
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        format!(r#"Bearer error="insufficient_scope", scope="{}""#, scopes.join(" "))
    });
    let challenges: Vec<String> = challenges.collect();
    let challenge = HeaderValue::try_from(challenges.join(", "))
        .map_err(|error| HttpError::for_internal_error(error.to_string()))?;
    Ok(response::with_header(pending, WWW_AUTHENTICATE, challenge))
}
