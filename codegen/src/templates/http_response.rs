//! Writes answers, and the errors of the HTTP layer itself.

use dropshot::{Body, HttpError};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::request::InvalidParameter;
use crate::server::InvalidBody;
use crate::types::{Error, ErrorCode};

/// What dropshot sends.
pub(super) type Answer = Result<Response<Body>, HttpError>;

pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Answer {
    let text = serde_json::to_vec(body).map_err(|error| HttpError::for_internal_error(error.to_string()))?;
    let response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(text))?;
    Ok(response)
}

pub(super) fn empty(status: StatusCode) -> Answer {
    Ok(Response::builder().status(status).body(Body::empty())?)
}

pub(super) fn with_header(
    answer: Answer,
    name: HeaderName,
    value: i64,
) -> Answer {
    let mut response = answer?;
    response.headers_mut().insert(name, HeaderValue::from(value));
    Ok(response)
}

/// An answer that holds a secret: whatever it passes through keeps no copy (RFC 9111, section 5.2.2.5).
pub(super) fn not_kept(answer: Answer) -> Answer {
    let mut response = answer?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The path belongs to no operation.
pub(super) fn not_found() -> Answer {
    json(
        StatusCode::NOT_FOUND,
        &Error {
            error: ErrorCode::NotFound,
            message: "there is nothing at this path".to_owned(),
        },
    )
}

/// The path exists with other methods alone (RFC 9110, section 15.5.6).
pub(super) fn method_not_allowed(allowed: &'static str) -> Answer {
    let mut response = json(
        StatusCode::METHOD_NOT_ALLOWED,
        &Error {
            error: ErrorCode::MethodNotAllowed,
            message: format!("this path answers {allowed} alone"),
        },
    )?;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    Ok(response)
}

pub(super) fn invalid_parameter(refused: &InvalidParameter) -> Error {
    Error { error: ErrorCode::InvalidInput, message: refused.to_string() }
}

pub(super) fn invalid_body(refused: &InvalidBody) -> Error {
    let error = match refused {
        InvalidBody::Malformed { .. } => ErrorCode::InvalidInput,
        InvalidBody::TooLarge { .. } => ErrorCode::PayloadTooLarge,
        InvalidBody::UnsupportedMediaType { .. } => ErrorCode::UnsupportedMediaType,
    };
    Error { error, message: refused.to_string() }
}
