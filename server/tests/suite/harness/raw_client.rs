//! A client that can send what the generated client cannot.

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tenant_registry_client::types::{Error, ErrorCode};

/// A client of one server.
#[derive(Clone)]
pub(crate) struct RawClient {
    base_url: String,
    client: reqwest::Client,
}

/// A response, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct RawResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl RawClient {
    pub(crate) fn new(base_url: String) -> Self {
        Self {
            base_url,
            client: reqwest::Client::new(),
        }
    }

    /// A request that is not sent yet.
    pub(crate) fn request(&self, method: Method, path_and_query: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path_and_query}", self.base_url))
    }

    pub(crate) async fn get(&self, path_and_query: &str) -> RawResponse {
        RawResponse::from_request(self.request(Method::GET, path_and_query)).await
    }

    /// Sends a body as JSON, valid or not.
    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> RawResponse {
        let request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/json");
        RawResponse::from_request(request.body(body)).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> RawResponse {
        self.post(path, body.to_string()).await
    }
}

impl RawResponse {
    /// Sends a request and waits for the response.
    pub(crate) async fn from_request(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The text of a header.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}"));
        value.to_str().unwrap()
    }

    /// Expects an error with this status and code, and returns its message.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, code: ErrorCode) -> String {
        let error: Error = self.json();
        assert_eq!((self.status, error.error), (status, code.into()), "{self:?}");
        assert!(!error.message.is_empty(), "{self:?}");
        error.message
    }
}
