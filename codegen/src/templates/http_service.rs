use dropshot::{Body, RequestInfo};
use http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use std::net::SocketAddr;
use std::sync::Arc;
use uuid::Uuid;

use super::context::{RequestContext, ServerContext};
use super::response;
use super::response::{ErrorResponse, HttpResult};
use super::routes;
use crate::server::Api;
use crate::types::ErrorCode;

/// Responds to a request, whatever it asks for. Errors of the HTTP layer itself are the spec's `Error` too, and every
/// response carries the id of its request.
///
/// For a server of your own, such as one on hyper: call this function for each request. The request is not finished if the
/// future is dropped, for example when the client disconnects; spawn it to avoid that.
pub async fn respond<A: Api>(
    server: Arc<ServerContext<A>>,
    peer: SocketAddr,
    request: Request<Body>,
) -> Response<Body> {
    let context = RequestContext {
        server,
        request_id: Uuid::now_v7().to_string(),
        request: RequestInfo::new(&request, peer),
    };
    let id = context.request_id.clone();
    match serve(context, request).await {
        Ok(response) => response,
        Err(error) => error.into_response(&id),
    }
}

/// Responds to a request that already has an id.
pub(super) async fn serve<A: Api>(context: RequestContext<ServerContext<A>>, request: Request<Body>) -> HttpResult {
    let head = &context.request;
    if let Err(message) = check_host(head) {
        let error = ErrorResponse::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidInput, message.to_owned());
        return response::reject(&context, error);
    }
    if !is_decodable(head) {
        let message = "the only supported `Transfer-Encoding` is `chunked`".to_owned();
        let error = ErrorResponse::new(StatusCode::NOT_IMPLEMENTED, ErrorCode::InvalidInput, message);
        return response::reject(&context, error.with_header(CONNECTION, HeaderValue::from_static("close")));
    }
    if let Err((status, error)) = context.context().policy.check(head) {
        return response::reject(&context, ErrorResponse(response::json(status, &error)));
    }
    routes::route(context, request).await
}

/// A request of HTTP/1.1 names its host exactly once (RFC 9112, section 3.2), one of HTTP/2 in `:authority` or `Host` (RFC
/// 9113, section 8.3.1).
fn check_host(request: &RequestInfo) -> Result<(), &'static str> {
    let mut hosts = request.headers().get_all(HOST).iter();
    Err(match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => "the request has several `Host` headers; send one",
        (Some(host), None) if !is_host(host) => "the `Host` header is not a host with an optional port",
        (Some(host), None) => match request.uri().authority() {
            Some(authority) if request.version() == Version::HTTP_2 && authority.as_str().as_bytes() != host.as_bytes() => {
                "`Host` and `:authority` differ; send only `:authority`"
            }
            Some(_) | None => return Ok(()),
        },
        (None, _) if request.version() == Version::HTTP_11 => "the `Host` header is missing",
        (None, _) if request.version() == Version::HTTP_2 && request.uri().authority().is_none() => {
            "`:authority` is missing"
        }
        (None, _) => return Ok(()),
    })
}

/// Whether the value is `uri-host [ ":" port ]` (RFC 9110, section 7.2).
fn is_host(value: &HeaderValue) -> bool {
    let Ok(authority) = Authority::try_from(value.as_bytes()) else {
        return false;
    };
    match authority.as_str().strip_prefix(authority.host()) {
        None => false,
        Some("" | ":") => !authority.host().is_empty(),
        Some(_) => !authority.host().is_empty() && authority.port_u16().is_some(),
    }
}

/// No other transfer coding than `chunked` is decoded (RFC 9112, section 6.1).
fn is_decodable(request: &RequestInfo) -> bool {
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}
