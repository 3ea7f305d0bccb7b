//! A client that sends whatever it is told, also what the generated one cannot.

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tenant_registry_client::types::{Error, ErrorCode};

/// Sends to one service.
#[derive(Clone)]
pub(crate) struct RawClient {
    base_url: String,
    client: reqwest::Client,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
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

    pub(crate) async fn get(&self, path_and_query: &str) -> Answer {
        Answer::of(self.request(Method::GET, path_and_query)).await
    }

    /// Sends text as JSON, whether it is or not.
    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/json");
        Answer::of(request.body(body)).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.post(path, body.to_string()).await
    }
}

impl Answer {
    /// Sends a request and waits for its answer.
    pub(crate) async fn of(request: RequestBuilder) -> Self {
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

    /// Expects an error with this status and word; returns its message.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: ErrorCode) -> String {
        let error: Error = self.json();
        assert_eq!((self.status, error.error), (status, code), "{self:?}");
        assert!(!error.message.is_empty(), "{self:?}");
        error.message
    }
}
