//! Serializes responses, and responds with the errors of the HTTP layer.

use bytes::Bytes;
use dropshot::{Body, HEADER_REQUEST_ID, HttpError};
use flate2::Compression;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use serde::Serialize;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Instant;

use super::context::{ObservedRequest, ObservedResponse, Observer, RequestContext, ServerContext};
use super::negotiation;
use super::negotiation::Coding;
use crate::server::{Api, OperationResponse, Tagged};
use crate::types::{Error, ErrorCode};

/// What a handler returns. dropshot expects this type of endpoints; the error never occurs.
pub(super) type HttpResult = Result<Response<Body>, HttpError>;

/// The size from which bodies are compressed. A smaller body fits into one packet with its head and would arrive no sooner.
const COMPRESSION_MIN: usize = 1024;

/// A response that may still change its form.
pub(super) struct PendingResponse {
    response: Response<Vec<u8>>,
    /// Contains a secret: must not be stored or compressed.
    is_secret: bool,
    /// The digest in its `ETag`, if it gets one.
    digest: Option<String>,
    /// Becomes a 304 for a caller that has it.
    is_conditional: bool,
    /// In which coding it is sent, once that was negotiated.
    coding: Option<Coding>,
    /// What is dropped when the caller has received the response.
    held: Option<Box<dyn Send>>,
}

fn pending(status: StatusCode, body: Vec<u8>) -> PendingResponse {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    PendingResponse { response, is_secret: false, digest: None, is_conditional: false, coding: None, held: None }
}

pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Result<PendingResponse, HttpError> {
    let text = serde_json::to_vec(body).map_err(|error| HttpError::for_internal_error(error.to_string()))?;
    Ok(json_text(status, text))
}

/// A response with JSON that is already written.
pub(super) fn json_text(status: StatusCode, text: Vec<u8>) -> PendingResponse {
    with_header(pending(status, text), CONTENT_TYPE, HeaderValue::from_static("application/json"))
}

pub(super) fn pending_status(pending: &PendingResponse) -> StatusCode {
    pending.response.status()
}

pub(super) fn without_body(status: StatusCode) -> PendingResponse {
    pending(status, Vec::new())
}

pub(super) fn with_header(mut pending: PendingResponse, name: HeaderName, value: HeaderValue) -> PendingResponse {
    pending.response.headers_mut().insert(name, value);
    pending
}

/// Marks a response that contains a secret. It is never compressed: its length would reveal parts of the request that it
/// repeats (BREACH).
pub(super) fn secret(pending: PendingResponse) -> PendingResponse {
    PendingResponse { is_secret: true, ..pending }
}

/// Adds an entity tag with this digest, if there is one.
pub(super) fn with_entity_tag(pending: PendingResponse, digest: Option<String>) -> PendingResponse {
    PendingResponse { digest, ..pending }
}

/// Adds the entity tag of the body.
pub(super) fn tagged<T: Tagged>(pending: PendingResponse, body: &T) -> Result<PendingResponse, HttpError> {
    let digest = body.digest().map_err(|error| HttpError::for_internal_error(error.to_string()))?;
    Ok(with_entity_tag(pending, Some(digest)))
}

/// Marks a response to everyone. Any cache may store it if it revalidates it each time (RFC 9111, section 5.2.2.4).
pub(super) fn conditional(pending: PendingResponse) -> PendingResponse {
    let pending = with_header(pending, CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    PendingResponse { is_conditional: true, ..pending }
}

/// Marks a response to an authorized caller. Only the caller's own cache may store it (RFC 9111, section 5.2.2.7).
pub(super) fn conditional_private(pending: PendingResponse) -> PendingResponse {
    with_header(conditional(pending), CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))
}

/// Keeps something until the caller has received the response.
pub(super) fn until_sent(pending: PendingResponse, held: impl Send + 'static) -> PendingResponse {
    PendingResponse { held: Some(Box::new(held)), ..pending }
}

/// The number of bytes of the body before it is compressed.
pub(super) fn size(pending: &PendingResponse) -> usize {
    pending.response.body().len()
}

/// The bytes of a body, which the listener drops once it has written them.
struct Sent {
    body: Vec<u8>,
    _held: Box<dyn Send>,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

/// Sends a response in the form that was negotiated with the caller, or is now.
pub(super) fn send<A: Api>(context: &RequestContext<ServerContext<A>>, pending: PendingResponse) -> HttpResult {
    let request = context.request.headers();
    let PendingResponse { mut response, held, .. } = compress(negotiate(request, pending)?)?;
    context.context().allowed_origins.mark(request, response.headers_mut());
    Ok(response.map(|body| {
        Body::from(match held {
            Some(held) => Bytes::from_owner(Sent { body, _held: held }),
            None => Bytes::from(body),
        })
    }))
}

/// Serializes a response that an operation declares.
pub(super) trait ToResponse: OperationResponse {
    fn into_pending(self) -> Result<PendingResponse, HttpError>;
}

/// The response of the operation `R`, serialized.
pub(super) struct Serialized<R> {
    pending: Result<PendingResponse, HttpError>,
    operation: PhantomData<fn() -> R>,
}

impl<R> Serialized<R> {
    pub(super) fn new(pending: Result<PendingResponse, HttpError>) -> Self {
        Self { pending, operation: PhantomData }
    }
}

impl<R: OperationResponse> OperationResponse for Serialized<R> {
    const OPERATION: &'static str = R::OPERATION;
}

impl<R: OperationResponse> ToResponse for Serialized<R> {
    fn into_pending(self) -> Result<PendingResponse, HttpError> {
        self.pending
    }
}

/// An error response of the HTTP layer itself; the implementation is not called.
pub(super) struct ErrorResponse(pub(super) Result<PendingResponse, HttpError>);

impl ErrorResponse {
    pub(super) fn new(status: StatusCode, error: ErrorCode, message: String) -> Self {
        Self(json(status, &Error { error, message, errors: None }))
    }

    pub(super) fn with_header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self(self.0.map(|pending| with_header(pending, name, value)))
    }
}

/// A request that is reported to the observer.
struct Observation<'a> {
    observer: &'a dyn Observer,
    request: ObservedRequest<'a>,
    context: Context,
    start: Instant,
}

impl<'a> Observation<'a> {
    fn begin<A: Api>(context: &'a RequestContext<ServerContext<A>>, operation: Option<&'static str>) -> Self {
        let start = Instant::now();
        let observer = context.context().observer.as_ref();
        let request = ObservedRequest { operation, id: &context.request_id, head: &context.request };
        let context = observer.on_request(&request);
        Self { observer, request, context, start }
    }

    /// Adds the headers that every response has, and reports the response. If it could not be serialized, dropshot's response
    /// takes its place, which does not show the cause.
    fn end(self, result: HttpResult) -> HttpResult {
        let (mut response, fault) = match result {
            Ok(response) => (response, None),
            Err(error) => {
                let fault = error.internal_message.clone();
                (error.into_response(self.request.id), Some(fault))
            }
        };
        let observed = ObservedResponse {
            status: response.status(),
            latency: self.start.elapsed(),
            fault: fault.as_deref(),
        };
        self.observer.on_response(&self.request, &self.context, &observed);
        let headers = response.headers_mut();
        // Unless the response says otherwise, no cache may store it (RFC 9111, section 5.2.2.5).
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(id) = HeaderValue::try_from(self.request.id) {
            headers.insert(HEADER_REQUEST_ID, id);
        }
        Ok(response)
    }
}

/// Runs an operation and responds. `work` is pinned because moving a future copies all of it.
pub(super) async fn respond<A: Api, R: ToResponse>(
    context: &RequestContext<ServerContext<A>>,
    work: Pin<&mut (impl Future<Output = Result<R, ErrorResponse>> + Send)>,
) -> HttpResult {
    let observation = Observation::begin(context, Some(R::OPERATION));
    let pending = match work.with_context(observation.context.clone()).await {
        Ok(response) => response.into_pending(),
        Err(ErrorResponse(pending)) => pending,
    };
    observation.end(pending.and_then(|pending| send(context, pending)))
}

/// Responds to a request that is not for an operation, and reports it to the observer.
fn respond_unlisted<A: Api>(
    context: &RequestContext<ServerContext<A>>,
    respond: impl FnOnce() -> HttpResult,
) -> HttpResult {
    let observation = Observation::begin(context, None);
    observation.end(respond())
}

/// Responds with an error before an operation is chosen.
pub(super) fn reject<A: Api>(
    context: &RequestContext<ServerContext<A>>,
    ErrorResponse(pending): ErrorResponse,
) -> HttpResult {
    respond_unlisted(context, || send(context, pending?))
}

/// Negotiates the form of a response with the caller, unless that was done.
pub(super) fn negotiate(request: &HeaderMap, mut pending: PendingResponse) -> Result<PendingResponse, HttpError> {
    if pending.coding.is_some() {
        return Ok(pending);
    }
    let mut coding = Coding::Identity;
    let response = &mut pending.response;
    if !pending.is_secret && response.body().len() >= COMPRESSION_MIN {
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
        coding = negotiation::coding(request);
    }
    if let Some(digest) = &pending.digest {
        let tag = negotiation::entity_tag(digest, coding)?;
        let is_known = pending.is_conditional && negotiation::is_known(request, &tag);
        response.headers_mut().insert(ETAG, tag);
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(CONTENT_TYPE);
            response.body_mut().clear();
            coding = Coding::Identity;
        }
    }
    pending.coding = Some(coding);
    Ok(pending)
}

/// Whether the caller wants the response compressed, and it is not yet.
pub(super) fn is_to_be_compressed(pending: &PendingResponse) -> bool {
    pending.coding == Some(Coding::Gzip)
}

/// Compresses a response if that was negotiated; at the fastest level, since each response is compressed anew.
pub(super) fn compress(mut pending: PendingResponse) -> Result<PendingResponse, HttpError> {
    if is_to_be_compressed(&pending) {
        let response = &mut pending.response;
        *response.body_mut() = negotiation::gzip(response.body(), Compression::fast())
            .map_err(|error| HttpError::for_internal_error(error.to_string()))?;
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        pending.coding = Some(Coding::Identity);
    }
    Ok(pending)
}

/// Responds to a request whose path no operation has: with a resource, or 404.
pub(super) fn unlisted<A: Api>(context: &RequestContext<ServerContext<A>>) -> HttpResult {
    let (server, request) = (context.context(), context.request.headers());
    let Some(resource) = server.resources.get(context.request.uri().path(), request) else {
        let message = "there is nothing at this path".to_owned();
        return reject(context, ErrorResponse::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message));
    };
    match *context.request.method() {
        Method::GET | Method::HEAD => respond_unlisted(context, || {
            let mut response = resource?;
            server.allowed_origins.mark(request, response.headers_mut());
            Ok(response)
        }),
        _ => method_not_allowed(context, "GET, HEAD"),
    }
}

/// Responds 405 with `Allow` (RFC 9110, section 15.5.6), or to a preflight request with the allowed methods. Methods that
/// HTTP does not define get 405 too, because the response then says which methods the path supports.
pub(super) fn method_not_allowed<A: Api>(
    context: &RequestContext<ServerContext<A>>,
    allowed: &'static str,
) -> HttpResult {
    respond_unlisted(context, || {
        let (method, request) = (context.request.method(), context.request.headers());
        if let Some(preflight) = context.context().allowed_origins.preflight(method, request, allowed) {
            return Ok(preflight.map(|()| Body::empty()));
        }
        let ErrorResponse(pending) = ErrorResponse::new(
            StatusCode::METHOD_NOT_ALLOWED,
            ErrorCode::MethodNotAllowed,
            format!("this path supports only {allowed}"),
        );
        send(context, with_header(pending?, ALLOW, HeaderValue::from_static(allowed)))
    })
}
