use blake2::{Blake2s256, Digest};
use bytes::Bytes;
use dropshot::HttpError;
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, StatusCode};

use super::context::{RequestContext, ServerContext};
use super::response;
use super::response::{ErrorResponse, PendingResponse, Serialized, ToResponse};
use crate::server::{
    Api, KeyedRequest, Principal, RequestKey, RequestMetadata, ServerErrorResponse, Share, StoredResponse,
};
use crate::types::ErrorCode;

/// Marks a repeated response.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The seconds after which to repeat a request whose first one is still running.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// The text of a structured-field string (RFC 8941, section 3.3.3), or the text itself if it has no quotes.
fn unquoted(text: String) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return text;
    };
    let mut unquoted = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        let escaped = if character == '\\' { characters.next() } else { None };
        unquoted.push(escaped.unwrap_or(character));
    }
    unquoted
}

/// The request of this caller with a key, if it has one. `success` is the status of a success.
pub(super) async fn keyed_request<A: Api>(
    context: &RequestContext<ServerContext<A>>,
    principal: &Principal<A::Identity>,
    share: &A::Share,
    operation: &'static str,
    success: StatusCode,
    key: Option<impl Into<String>>,
    body: Bytes,
) -> Option<KeyedRequest> {
    let key = RequestKey {
        caller: digest(&[&A::caller(principal)]),
        operation,
        key: unquoted(key?.into()),
    };
    let size = body.len();
    let (method, uri) = (context.request.method().clone(), context.request.uri().clone());
    let fingerprint = move || digest(&[method.as_str().as_bytes(), uri.path().as_bytes(), &body]);
    Some(KeyedRequest {
        key,
        fingerprint: share.process(size, fingerprint).await,
        status: success.as_u16(),
    })
}

/// A digest of texts of which only the last may contain zero bytes.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Blake2s256::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            digest.update([0]);
        }
        digest.update(part);
    }
    digest.finalize().into()
}

/// Runs an operation, unless there is a response for the request's key.
///
/// `run` stores the response of its success together with its change. Between the look for a response and that change,
/// another replica may handle a request with the same key. Only one of them can store its response. The other fails, maybe
/// because of the first one's change. So the response is looked for again after each failure.
pub(super) async fn once<A, R, F>(
    context: &RequestContext<ServerContext<A>>,
    metadata: RequestMetadata,
    keyed: Option<KeyedRequest>,
    run: impl FnOnce(RequestMetadata, Option<KeyedRequest>) -> F,
) -> Result<Serialized<R>, ErrorResponse>
where
    A: Api,
    R: ToResponse + From<ServerErrorResponse>,
    F: Future<Output = R>,
{
    let implementation = &context.context().implementation;
    let Some(request) = keyed else {
        return Ok(Serialized::new(run(metadata, None).await.into_pending()));
    };
    match implementation.stored_response(&metadata, &request.key).await {
        Ok(None) => {}
        Ok(Some(stored)) => return Ok(Serialized::new(replay(&request, stored))),
        Err(error) => return Ok(Serialized::new(R::from(error).into_pending())),
    }
    let Some(_running) = implementation.running_requests().start(&request.key) else {
        return Err(still_running());
    };
    let pending = run(metadata.clone(), Some(request.clone())).await.into_pending();
    let is_success = pending
        .as_ref()
        .is_ok_and(|pending| response::pending_status(pending).is_success());
    if !is_success && let Ok(Some(stored)) = implementation.stored_response(&metadata, &request.key).await {
        return Ok(Serialized::new(replay(&request, stored)));
    }
    Ok(Serialized::new(pending))
}

/// Repeats the response to the first request, if this is the same request.
fn replay(request: &KeyedRequest, stored: StoredResponse) -> Result<PendingResponse, HttpError> {
    let StoredResponse {
        fingerprint,
        status,
        entity_tag,
        body,
    } = stored;
    if fingerprint != request.fingerprint {
        return ErrorResponse::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            ErrorCode::IdempotencyKeyReused,
            "another request had this `Idempotency-Key`; send a new key, or the same path and body as before".to_owned(),
        )
        .0;
    }
    let status = StatusCode::from_u16(status).map_err(|error| HttpError::for_internal_error(error.to_string()))?;
    let pending = match body {
        Some(text) => response::json_text(status, text.into_bytes()),
        None => response::without_body(status),
    };
    let pending = response::with_entity_tag(pending, entity_tag);
    Ok(if status.is_success() {
        response::with_header(pending, REPLAYED, HeaderValue::from_static("true"))
    } else {
        pending
    })
}

fn still_running() -> ErrorResponse {
    ErrorResponse::new(
        StatusCode::CONFLICT,
        ErrorCode::Conflict,
        "a request with this `Idempotency-Key` is still running; repeat yours later to get its response".to_owned(),
    )
    .with_header(RETRY_AFTER, RETRY_SECONDS)
}
