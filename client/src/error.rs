//! What can go wrong with a request, as the caller needs to tell it apart.

use std::time::Duration;

use chrono::Utc;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::retry::retry_after;
use crate::types::{self, ErrorCode};

/// Why a request has no success to return.
///
/// It shows no body of an answer, since that may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value is missing or breaks a rule of the spec. Nothing was sent.
    #[error("the request is not valid: {0}")]
    InvalidRequest(String),
    /// No answer came, or its body broke off: the connection failed or a timeout passed. Whether the request was
    /// carried out is not known, unless [`reqwest::Error::is_connect`].
    #[error("no answer from the Tenant Registry")]
    Connection(#[source] reqwest::Error),
    /// The service refused the request, or failed.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The answer is none that the spec declares for the operation: it comes from something in between, or from a
    /// service with another spec.
    #[error("the answer {status} is not declared for this operation")]
    Undeclared {
        /// The status of the answer.
        status: StatusCode,
        /// The request id, where the answer has one.
        request_id: Option<String>,
    },
    /// The body of the answer is not what the spec declares: it comes from a service with another spec.
    #[error("the answer's body is not as the spec declares it")]
    UnreadableBody(#[source] serde_json::Error),
}

/// An error that the service answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code} ({status}): {message}")]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// What kind of error it is, for programs.
    pub code: ErrorCode,
    /// What to change, for people.
    pub message: String,
    /// Quote it when you report a fault.
    pub request_id: Option<String>,
    /// How long the service asks to wait before the next attempt.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// Can the same request succeed later, with nothing changed in it?
    ///
    /// After [`Error::Connection`] it may have been carried out already; see
    /// [`Operation::is_repeatable`](crate::Operation::is_repeatable).
    pub fn is_worth_retrying(&self) -> bool {
        match self {
            Self::InvalidRequest(_) | Self::UnreadableBody(_) => false,
            Self::Connection(_) => true,
            Self::Refused(refusal) => refusal.code.is_worth_retrying(),
            Self::Undeclared { status, .. } => matches!(
                *status,
                StatusCode::REQUEST_TIMEOUT
                    | StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
        }
    }

    /// What kind of error the service answered; `None` where it answered none.
    pub fn code(&self) -> Option<ErrorCode> {
        self.refusal().map(|refusal| refusal.code)
    }

    /// The error that the service answered; `None` where it answered none.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::InvalidRequest(_) | Self::Connection(_) | Self::Undeclared { .. } | Self::UnreadableBody(_) => None,
        }
    }

    /// How long the service asks to wait before the next attempt, where it does.
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal()?.retry_after
    }

    /// The id to quote when you report a fault, where an answer came.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => refusal.request_id.as_deref(),
            Self::Undeclared { request_id, .. } => request_id.as_deref(),
            Self::InvalidRequest(_) | Self::Connection(_) | Self::UnreadableBody(_) => None,
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
                let types::Error { error, message } = response.into_inner();
                Self::Refused(Box::new(Refusal {
                    status,
                    code: error,
                    message,
                    request_id,
                    retry_after,
                }))
            }
            Generated::InvalidResponsePayload(_, error) => Self::UnreadableBody(error),
            Generated::UnexpectedResponse(response) => Self::Undeclared {
                status: response.status(),
                request_id: request_id(response.headers()),
            },
        }
    }
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    Some(headers.get("x-request-id")?.to_str().ok()?.to_owned())
}
