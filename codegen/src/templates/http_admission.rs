//! Authenticates and authorizes callers, and keeps each within its share of the service.

use std::collections::BTreeSet;

use bytes::Bytes;
use dropshot::{Body, HttpError};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};

use super::context::{RequestContext, ServerContext};
use super::response;
use super::response::{ErrorResponse, PendingResponse, Serialized, ToResponse};
use crate::server::{
    Api, BearerToken, Credentials, InvalidBody, NotAdmitted, Principal, RequestMetadata, Scope, Share, TryLater,
};
use crate::types::{Error, ErrorCode};

/// A caller, or what it is told if it should try again later.
type PrincipalOrLater<I> = Result<Principal<I>, TryLater>;

/// Authenticates the caller and checks that it has the scopes of one alternative.
pub(super) async fn principal<A: Api>(
    context: &RequestContext<ServerContext<A>>,
    metadata: &RequestMetadata,
    operation: &'static str,
    alternatives: &[&[Scope]],
) -> Result<Principal<A::Identity>, ErrorResponse> {
    principal_or_later(context, metadata, operation, alternatives)
        .await?
        .map_err(ErrorResponse::from)
}

/// Like [`principal`], for an operation that declares neither 429 nor 503: the implementation gets a [`TryLater`].
pub(super) async fn principal_or_later<A: Api>(
    context: &RequestContext<ServerContext<A>>,
    metadata: &RequestMetadata,
    operation: &'static str,
    alternatives: &[&[Scope]],
) -> Result<PrincipalOrLater<A::Identity>, ErrorResponse> {
    let credentials = credentials(context.request.headers());
    let has_token = matches!(credentials, Credentials::Bearer(_));
    match context.context().implementation.admit(metadata, operation, credentials).await {
        Ok(admitted) => match Principal::authorize(admitted, alternatives) {
            Ok(principal) => Ok(Ok(principal)),
            Err(missing) => Err(forbidden(&missing, alternatives)),
        },
        Err(NotAdmitted::TryLater(later)) => Ok(Err(later)),
        Err(NotAdmitted::Unauthorized(error)) => Err(unauthorized(&error, has_token)),
    }
}

/// Takes a permit from the caller's share.
pub(super) fn take_permit<A: Api>(
    context: &RequestContext<ServerContext<A>>,
    principal: &Principal<A::Identity>,
) -> Result<A::Share, TryLater> {
    let mut share = context.context().implementation.share(principal);
    share.start()?;
    Ok(share)
}

/// Takes a permit from the caller's share to read a page, once it is the caller's turn.
pub(super) async fn take_turn<A: Api>(
    context: &RequestContext<ServerContext<A>>,
    principal: &Principal<A::Identity>,
) -> Result<A::Share, TryLater> {
    let mut share = context.context().implementation.share(principal);
    share.start_page().await?;
    Ok(share)
}

/// Like [`take_permit`], for an operation that declares neither 429 nor 503.
pub(super) fn take_permit_or_later<A: Api>(
    context: &RequestContext<ServerContext<A>>,
    principal: PrincipalOrLater<A::Identity>,
) -> (PrincipalOrLater<A::Identity>, Option<A::Share>) {
    let taken = principal.and_then(|principal| {
        let mut share = context.context().implementation.share(&principal);
        share.start()?;
        Ok((principal, share))
    });
    match taken {
        Ok((principal, share)) => (Ok(principal), Some(share)),
        Err(later) => (Err(later), None),
    }
}

/// Reads a body into the caller's share of the memory, and then takes a permit. So a caller whose bodies do not arrive takes no
/// permits, and nothing is decoded without one.
pub(super) async fn receive_body<A: Api>(
    context: &RequestContext<ServerContext<A>>,
    principal: &Principal<A::Identity>,
    request: Request<Body>,
) -> Result<(A::Share, Result<Bytes, InvalidBody>), ErrorResponse> {
    let mut share = context.context().implementation.share(principal);
    share.receive(super::request::expected_size(context, &request))?;
    let bytes = super::request::receive(context, request).await;
    share.start()?;
    Ok((share, bytes))
}

/// Like [`receive_body`], for an operation that declares neither 429 nor 503. Without an authenticated caller or room in its
/// share, the body is not read.
pub(super) async fn receive_body_or_later<A: Api>(
    context: &RequestContext<ServerContext<A>>,
    principal: PrincipalOrLater<A::Identity>,
    request: Request<Body>,
) -> (PrincipalOrLater<A::Identity>, Option<A::Share>, Result<Bytes, InvalidBody>) {
    let received = async {
        let principal = principal?;
        let mut share = context.context().implementation.share(&principal);
        share.receive(super::request::expected_size(context, &request))?;
        let bytes = super::request::receive(context, request).await;
        share.start()?;
        Ok((principal, share, bytes))
    };
    match received.await {
        Ok((principal, share, bytes)) => (Ok(principal), Some(share), bytes),
        Err(later) => (Err(later), None, Err(super::request::not_read())),
    }
}

/// Decodes a body in the caller's share.
pub(super) async fn decode<T: Send + 'static>(
    share: &impl Share,
    bytes: Result<Bytes, InvalidBody>,
    decode: impl FnOnce(&[u8]) -> Result<T, InvalidBody> + Send + 'static,
) -> Result<T, InvalidBody> {
    let bytes = bytes?;
    share.process(bytes.len(), move || decode(&bytes)).await
}

/// Responds to a read. The response stays in the caller's share until the caller has received it. If there is no room for it,
/// the caller is asked to try again later.
pub(super) async fn respond_if_room<A: Api, R: ToResponse>(
    context: &RequestContext<ServerContext<A>>,
    mut share: impl Share,
    response: R,
) -> Serialized<R> {
    let pending = match response.into_pending() {
        Ok(pending) => match share.respond(response::size(&pending)) {
            Ok(()) => until_sent(context, share, pending).await,
            Err(later) => later.into_pending(),
        },
        Err(error) => Err(error),
    };
    Serialized::new(pending)
}

/// Responds to a change, which was made already, or in an operation that declares no 429. The response is sent even if there
/// is no room for it; then the request keeps what it has until the caller has received it.
pub(super) async fn respond_in_any_case<A: Api, R: ToResponse>(
    context: &RequestContext<ServerContext<A>>,
    mut share: impl Share,
    response: R,
) -> Serialized<R> {
    let pending = match response.into_pending() {
        Ok(pending) => {
            // The response is at most as large as the body and the record it changed, which have bounds of their own.
            let _counted = share.respond(response::size(&pending));
            until_sent(context, share, pending).await
        }
        Err(error) => Err(error),
    };
    Serialized::new(pending)
}

/// Compresses a response if its caller wants that, and keeps the caller's share until the caller has received it.
async fn until_sent<A: Api>(
    context: &RequestContext<ServerContext<A>>,
    share: impl Share,
    pending: PendingResponse,
) -> Result<PendingResponse, HttpError> {
    let pending = response::negotiate(context.request.headers(), pending)?;
    let compressed = if response::is_to_be_compressed(&pending) {
        share.process(response::size(&pending), || response::compress(pending)).await?
    } else {
        pending
    };
    Ok(response::until_sent(compressed, share))
}

impl From<TryLater> for ErrorResponse {
    fn from(later: TryLater) -> Self {
        Self(later.into_pending())
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
