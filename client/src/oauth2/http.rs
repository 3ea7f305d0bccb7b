//! Sends requests to the issuer.

use std::time::Duration;

use ::oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::{StatusCode, Url, redirect};

use crate::token::is_loopback;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(30);

/// The issuer did not answer, or says that it cannot answer now.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("no response from the issuer of access tokens")]
    Connection(#[source] reqwest::Error),
    #[error("the issuer of access tokens has a problem: it returned {0}")]
    Status(StatusCode),
}

/// The client for requests to an issuer.
#[derive(Clone, Debug)]
pub(super) struct HttpClient(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        send(&self.0, request).boxed()
    }
}

/// Creates the client for requests to an issuer.
pub(super) fn client(issuer: &Url) -> Result<HttpClient, HttpError> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        // A redirect could send the secret elsewhere.
        .redirect(redirect::Policy::none());
    if is_loopback(issuer) {
        builder = builder.no_proxy();
    }
    builder.build().map(HttpClient).map_err(HttpError::Connection)
}

async fn send(client: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let request = reqwest::Request::try_from(request).map_err(HttpError::Connection)?;
    let response = client.execute(request).await.map_err(HttpError::Connection)?;
    let status = response.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(HttpError::Status(status));
    }
    let mut received = HttpResponse::new(Vec::new());
    *received.status_mut() = status;
    *received.headers_mut() = response.headers().clone();
    *received.body_mut() = response.bytes().await.map_err(HttpError::Connection)?.into();
    Ok(received)
}
