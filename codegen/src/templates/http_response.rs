//! Writes answers, and the errors of the HTTP layer itself.

use bytes::Bytes;
use dropshot::{Body, HttpError, RequestContext};
use flate2::Compression;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use serde::Serialize;
use std::pin::Pin;
use std::time::Instant;

use super::negotiation;
use super::negotiation::Coding;
use super::service::{ObservedAnswer, ObservedRequest, Observer, Service};
use crate::server::Api;
use crate::types::{Error, ErrorCode};

/// What dropshot sends.
pub(super) type Answer = Result<Response<Body>, HttpError>;

/// The fewest bytes that are compressed: what fits into one packet beside its head arrives no sooner for being smaller.
const LEAST_COMPRESSED: usize = 1024;

/// An answer before it is known in which form its caller takes it.
pub(super) struct Draft {
    response: Response<Vec<u8>>,
    /// Nobody keeps a copy of it.
    is_secret: bool,
    /// Who has it already is told so.
    is_tagged: bool,
}

fn draft(status: StatusCode, body: Vec<u8>) -> Draft {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    Draft { response, is_secret: false, is_tagged: false }
}

pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Result<Draft, HttpError> {
    let text = serde_json::to_vec(body).map_err(|error| HttpError::for_internal_error(error.to_string()))?;
    Ok(with_header(draft(status, text), CONTENT_TYPE, HeaderValue::from_static("application/json")))
}

pub(super) fn without_body(status: StatusCode) -> Draft {
    draft(status, Vec::new())
}

pub(super) fn with_header(mut draft: Draft, name: HeaderName, value: HeaderValue) -> Draft {
    draft.response.headers_mut().insert(name, value);
    draft
}

/// An answer that holds a secret: whatever it passes through keeps no copy (RFC 9111, section 5.2.2.5). It is never
/// compressed: the length would tell what of the request is in it again (BREACH).
pub(super) fn secret(draft: Draft) -> Draft {
    let draft = with_header(draft, CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Draft { is_secret: true, ..draft }
}

/// An answer that its caller may keep, and ask about by its tag each time (RFC 9111, section 5.2.2.4).
pub(super) fn tagged(draft: Draft) -> Draft {
    let draft = with_header(draft, CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Draft { is_tagged: true, ..draft }
}

/// Sends an answer in the form that its caller takes, or tells the caller that it has it.
pub(super) fn send<A: Api>(context: &RequestContext<Service<A>>, draft: Draft) -> Answer {
    let request = context.request.headers();
    let mut response = negotiated(request, draft)?;
    context.context().allowed_origins.mark(request, response.headers_mut());
    Ok(response.map(|body| Body::from(Bytes::from(body))))
}

/// What is sent for one of the answers that an operation declares.
pub(super) trait Declared {
    fn draft(self) -> Result<Draft, HttpError>;
}

/// An answer that the HTTP layer gives by itself; the implementation does not hear of the request.
pub(super) struct Refusal(pub(super) Result<Draft, HttpError>);

impl Refusal {
    pub(super) fn new(status: StatusCode, error: ErrorCode, message: String) -> Self {
        Self(json(status, &Error { error, message }))
    }
}

/// A request before the eyes of the observer.
struct Observation<'a> {
    observer: &'a dyn Observer,
    request: ObservedRequest<'a>,
    context: Context,
    begun: Instant,
}

impl<'a> Observation<'a> {
    fn begin<A: Api>(context: &'a RequestContext<Service<A>>, operation: Option<&'static str>) -> Self {
        let begun = Instant::now();
        let observer = context.context().observer.as_ref();
        let request = ObservedRequest { operation, id: &context.request_id, head: &context.request };
        let context = observer.came(&request);
        Self { observer, request, context, begun }
    }

    /// Sends the answer. One that could not be written is dropshot's, in words that tell nothing of the fault.
    fn end(self, answer: Answer) -> Answer {
        let (response, fault) = match answer {
            Ok(response) => (response, None),
            Err(error) => {
                let fault = error.internal_message.clone();
                (error.into_response(self.request.id), Some(fault))
            }
        };
        let observed = ObservedAnswer {
            status: response.status(),
            latency: self.begun.elapsed(),
            fault: fault.as_deref(),
        };
        self.observer.answered(&self.request, &self.context, &observed);
        Ok(response)
    }
}

/// Has an operation done, sends its answer, and tells the observer. The work stays where it is: a future that is passed on
/// is copied, all of it.
pub(super) async fn answer<A: Api, D: Declared>(
    context: &RequestContext<Service<A>>,
    operation: &'static str,
    work: Pin<&mut (impl Future<Output = Result<D, Refusal>> + Send)>,
) -> Answer {
    let observation = Observation::begin(context, Some(operation));
    let draft = match work.with_context(observation.context.clone()).await {
        Ok(answer) => answer.draft(),
        Err(Refusal(draft)) => draft,
    };
    observation.end(draft.and_then(|draft| send(context, draft)))
}

/// Answers what is no operation, at once, and tells the observer.
///
/// # Errors
///
/// None: an answer that cannot be made is a 500.
pub fn answer_beside<A: Api>(context: &RequestContext<Service<A>>, answer: impl FnOnce() -> Answer) -> Answer {
    let observation = Observation::begin(context, None);
    observation.end(answer())
}

/// Compresses by the level that takes least time, since it is done for each answer anew.
fn negotiated(request: &HeaderMap, draft: Draft) -> Result<Response<Vec<u8>>, HttpError> {
    let Draft { mut response, is_secret, is_tagged } = draft;
    let mut coding = Coding::Identity;
    if !is_secret && response.body().len() >= LEAST_COMPRESSED {
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
        coding = negotiation::coding(request);
    }
    if is_tagged {
        let tag = negotiation::entity_tag(&negotiation::digest(response.body()), coding)?;
        let is_known = negotiation::is_known(request, &tag);
        response.headers_mut().insert(ETAG, tag);
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(CONTENT_TYPE);
            response.body_mut().clear();
            return Ok(response);
        }
    }
    if coding == Coding::Gzip {
        *response.body_mut() = negotiation::gzip(response.body(), Compression::fast())
            .map_err(|error| HttpError::for_internal_error(error.to_string()))?;
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// The path belongs to no operation.
pub(super) fn not_found<A: Api>(context: &RequestContext<Service<A>>) -> Answer {
    answer_beside(context, || {
        let Refusal(draft) = Refusal::new(
            StatusCode::NOT_FOUND,
            ErrorCode::NotFound,
            "there is nothing at this path".to_owned(),
        );
        send(context, draft?)
    })
}

/// The path exists with other methods alone (RFC 9110, section 15.5.6), unless a browser asks with OPTIONS which those are.
pub(super) fn method_not_allowed<A: Api>(context: &RequestContext<Service<A>>, allowed: &'static str) -> Answer {
    answer_beside(context, || {
        let (method, request) = (context.request.method(), context.request.headers());
        if let Some(answer) = context.context().allowed_origins.preflight(method, request, allowed) {
            return Ok(answer.map(|()| Body::empty()));
        }
        let Refusal(draft) = Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            ErrorCode::MethodNotAllowed,
            format!("this path answers {allowed} alone"),
        );
        send(context, with_header(draft?, ALLOW, HeaderValue::from_static(allowed)))
    })
}
