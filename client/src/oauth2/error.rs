//! Errors of the issuer. They never quote a response, because it may contain a token.

use std::fmt::Display;

use ::oauth2::{ErrorResponse, ErrorResponseType, RequestTokenError, StandardErrorResponse};

use super::http::HttpError;
use crate::TokenError;

/// Something about the issuer that has to change before it can be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum IssuerError {
    #[error("the issuer's URL is not valid: it must be a URL such as https://sso.example.com/realms/platform")]
    Url,
    #[error(
        "secrets are sent only over https, or over http to this machine, but the URL of the issuer's {0} is neither"
    )]
    NotConfidential(&'static str),
    #[error("the issuer calls itself by another URL; use exactly `{0}`")]
    OtherIssuer(String),
    #[error("the issuer has no {0}")]
    Missing(&'static str),
    #[error("the issuer's {0} does not return what OAuth 2.0 requires")]
    Unreadable(&'static str),
    #[error("the issuer rejects the request: {0}")]
    Rejected(String),
}

impl From<IssuerError> for TokenError {
    fn from(error: IssuerError) -> Self {
        Self::permanent(error)
    }
}

impl From<HttpError> for TokenError {
    fn from(error: HttpError) -> Self {
        Self::temporary(error)
    }
}

/// Converts an error of a request to the issuer's endpoint with this name.
pub(super) fn token_error<T>(
    endpoint: &'static str,
    error: RequestTokenError<HttpError, StandardErrorResponse<T>>,
) -> TokenError
where
    T: ErrorResponseType + Display + 'static,
    StandardErrorResponse<T>: ErrorResponse,
{
    match error {
        RequestTokenError::Request(error) => error.into(),
        RequestTokenError::ServerResponse(response) => {
            let error = IssuerError::Rejected(response.to_string());
            match response.error().to_string().as_str() {
                "server_error" | "temporarily_unavailable" => TokenError::temporary(error),
                _ => error.into(),
            }
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => IssuerError::Unreadable(endpoint).into(),
    }
}
