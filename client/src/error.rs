//! Errors of requests.

use std::time::Duration;

use chrono::Utc;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::retry::retry_after;
use crate::types::{self, ErrorCode};
use crate::{OpenEnum, TokenError};

/// An error of a request.
///
/// It contains no response body, because the body may contain a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value is missing or violates a constraint of the OpenAPI document. Nothing was sent.
    #[error("invalid request: {0}")]
    InvalidRequest(String),
    /// There is no access token. Nothing was sent.
    #[error("no access token")]
    Token(#[source] TokenError),
    /// There was no complete response: the connection failed, or a timeout expired. Unless
    /// [`reqwest::Error::is_connect`] returns `true`, the service may have processed the request.
    #[error("no response from the Tenant Registry")]
    Connection(#[source] reqwest::Error),
    /// The service returned an error response.
    #[error(transparent)]
    Response(Box<ErrorResponse>),
    /// The response has not changed: its `ETag` is one of those in `if_none_match`. Use the stored response.
    #[error("not modified: the `ETag` of the response is one of those in `if_none_match`")]
    NotModified {
        /// The request ID, if the response has one.
        request_id: Option<String>,
    },
    /// The OpenAPI document does not declare this response for the operation. It came from a proxy, or from another
    /// version of the service.
    #[error("unexpected response: the operation does not declare the status {status}")]
    UndeclaredResponse {
        /// The status of the response.
        status: StatusCode,
        /// The request ID, if the response has one.
        request_id: Option<String>,
    },
    /// The response body does not match the OpenAPI document. It came from another version of the service.
    #[error("the response body does not match the OpenAPI document")]
    UnreadableBody(#[source] serde_json::Error),
}

/// An error response of the service.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code} ({status}): {message}")]
pub struct ErrorResponse {
    /// The status of the response.
    pub status: StatusCode,
    /// The error code, for programs.
    pub code: OpenEnum<ErrorCode>,
    /// A message that tells people what to change.
    pub message: String,
    /// All errors in the members of the request's body. Empty for other errors.
    pub errors: Vec<types::FieldError>,
    /// The request ID. Include it when you report a problem.
    pub request_id: Option<String>,
    /// How long to wait before retrying, if the service says so.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// Whether the same request can succeed later, without any change to it.
    ///
    /// After [`Error::Connection`], the service may already have processed the request; see
    /// [`Operation::is_idempotent`](crate::Operation::is_idempotent).
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::InvalidRequest(_) | Self::NotModified { .. } | Self::UnreadableBody(_) => false,
            Self::Token(error) => error.is_retryable(),
            Self::Connection(_) => true,
            Self::Response(response) => match response.code {
                // The first request with the same `Idempotency-Key` is still running.
                OpenEnum::Known(ErrorCode::Conflict) => response.retry_after.is_some(),
                OpenEnum::Known(code) => code.is_retryable(),
                OpenEnum::Unknown(_) => is_temporary(response.status),
            },
            Self::UndeclaredResponse { status, .. } => is_temporary(*status),
        }
    }

    /// The error code of the service, if it returned an error response with a code that this version of the client knows.
    /// [`response`](Self::response) also has other codes.
    pub fn code(&self) -> Option<ErrorCode> {
        self.response()?.code.known()
    }

    /// The error response of the service, if it returned one.
    pub fn response(&self) -> Option<&ErrorResponse> {
        match self {
            Self::Response(response) => Some(response),
            Self::InvalidRequest(_)
            | Self::Token(_)
            | Self::Connection(_)
            | Self::NotModified { .. }
            | Self::UndeclaredResponse { .. }
            | Self::UnreadableBody(_) => None,
        }
    }

    /// How long to wait before retrying, if the service says so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.response()?.retry_after
    }

    /// The request ID of the response, if there is one. Include it when you report a problem.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Response(response) => response.request_id.as_deref(),
            Self::NotModified { request_id } | Self::UndeclaredResponse { request_id, .. } => request_id.as_deref(),
            Self::InvalidRequest(_) | Self::Token(_) | Self::Connection(_) | Self::UnreadableBody(_) => None,
        }
    }
}

impl From<progenitor_client::Error<types::Error>> for Error {
    fn from(error: progenitor_client::Error<types::Error>) -> Self {
        use progenitor_client::Error as Generated;
        match error {
            Generated::InvalidRequest(message) | Generated::Custom(message) => Self::InvalidRequest(message),
            Generated::CommunicationError(error) if error.is_builder() => Self::InvalidRequest(error.to_string()),
            Generated::CommunicationError(error)
            | Generated::InvalidUpgrade(error)
            | Generated::ResponseBodyError(error) => Self::Connection(error),
            Generated::ErrorResponse(response) => {
                let status = response.status();
                let request_id = request_id(response.headers());
                let retry_after = retry_after(response.headers(), Utc::now());
                let types::Error { error, message, errors } = response.into_inner();
                Self::Response(Box::new(ErrorResponse {
                    status,
                    code: error,
                    message,
                    errors: errors.unwrap_or_default(),
                    request_id,
                    retry_after,
                }))
            }
            Generated::InvalidResponsePayload(_, error) => Self::UnreadableBody(error),
            Generated::UnexpectedResponse(response) if response.status() == StatusCode::NOT_MODIFIED => {
                Self::NotModified {
                    request_id: request_id(response.headers()),
                }
            }
            Generated::UnexpectedResponse(response) => Self::UndeclaredResponse {
                status: response.status(),
                request_id: request_id(response.headers()),
            },
        }
    }
}

/// Whether the status alone says that the request can succeed later.
fn is_temporary(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    Some(headers.get("x-request-id")?.to_str().ok()?.to_owned())
}
