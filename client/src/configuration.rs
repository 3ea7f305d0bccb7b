//! How a client is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Url, redirect};

use crate::Client;
use crate::retry::RetryPolicy;
use crate::transport::{HeaderHook, Transport};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// Sets a client up; made by [`Client::builder`].
#[derive(Clone)]
#[must_use = "it makes a client only when `build` is called"]
pub struct ClientBuilder {
    base_url: String,
    connect_timeout: Duration,
    request_timeout: Duration,
    user_agent: String,
    bearer_token: Option<String>,
    header_hook: Option<HeaderHook>,
    retry: RetryPolicy,
    http_client: Option<reqwest::Client>,
}

/// Why a client cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The base URL is none. It is not shown, since it may hold a password.
    #[error("the base URL is not valid: {0}")]
    BaseUrl(&'static str),
    /// The bearer token has characters that no header can carry. It is not shown.
    #[error("the bearer token has characters that a header cannot carry")]
    BearerToken,
    /// The HTTP client cannot be set up, as with a user agent that no header can carry.
    #[error("the HTTP client cannot be set up")]
    HttpClient(#[source] reqwest::Error),
}

impl Client {
    /// Sets up a client of the service at this URL, such as `https://tenant-registry.breakpilot.com`.
    pub fn builder(base_url: &str) -> ClientBuilder {
        ClientBuilder {
            base_url: base_url.to_owned(),
            connect_timeout: CONNECT_TIMEOUT,
            request_timeout: REQUEST_TIMEOUT,
            user_agent: USER_AGENT.to_owned(),
            bearer_token: None,
            header_hook: None,
            retry: RetryPolicy::default(),
            http_client: None,
        }
    }

    /// A client of the service at this URL, with nothing set up besides.
    ///
    /// # Errors
    ///
    /// Fails where the URL is not valid, or the HTTP client cannot be set up.
    pub fn new(base_url: &str) -> Result<Self, ConfigurationError> {
        Self::builder(base_url).build()
    }
}

impl ClientBuilder {
    /// How long to wait for a connection, in each attempt; 5 seconds unless set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long an attempt may take, from the connection to the end of the answer; 30 seconds unless set.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Who asks, such as `billing/2.3`. The service keeps it with the audit events that are appended.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Sends `Authorization: Bearer …` with each request. For a token that changes, set a
    /// [`header_hook`](Self::header_hook).
    pub fn bearer_token(mut self, token: impl Into<String>) -> Self {
        self.bearer_token = Some(token.into());
        self
    }

    /// Lets a function set the headers of each attempt, after all others. It must not block. Mark secret values with
    /// [`HeaderValue::set_sensitive`].
    ///
    /// It runs in the task that sends the request, so that it can pass on the current trace (`traceparent`) as well; with
    /// OpenTelemetry: `get_text_map_propagator(|it| it.inject(&mut HeaderInjector(headers)))`.
    pub fn header_hook(mut self, hook: impl Fn(&mut HeaderMap) + Send + Sync + 'static) -> Self {
        self.header_hook = Some(Arc::new(hook));
        self
    }

    /// When to try again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Takes an HTTP client that is set up already, as for a proxy or a private certificate authority. The timeouts and
    /// the user agent are then its own.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http_client = Some(client);
        self
    }

    /// Makes the client.
    ///
    /// # Errors
    ///
    /// Fails where the base URL, the token or the user agent is not valid, and where TLS cannot be set up.
    pub fn build(self) -> Result<Client, ConfigurationError> {
        let baseurl = base_url(&self.base_url)?;
        let authorization = self.bearer_token.as_deref().map(authorization).transpose()?;
        let client = match self.http_client {
            Some(client) => client,
            None => reqwest::Client::builder()
                .connect_timeout(self.connect_timeout)
                .timeout(self.request_timeout)
                .user_agent(self.user_agent)
                // The service redirects nothing; following would turn a POST into a GET.
                .redirect(redirect::Policy::none())
                .build()
                .map_err(ConfigurationError::HttpClient)?,
        };
        Ok(Client {
            baseurl,
            client,
            inner: Transport {
                authorization,
                header_hook: self.header_hook,
                retry: self.retry,
            },
        })
    }
}

/// The URL without a slash at its end: each path brings one.
fn base_url(text: &str) -> Result<String, ConfigurationError> {
    let url =
        Url::parse(text).map_err(|_| ConfigurationError::BaseUrl("it must be like https://registry.example.com"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ConfigurationError::BaseUrl("it must start with http:// or https://"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(ConfigurationError::BaseUrl("it must have no `?` and no `#`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConfigurationError::BaseUrl(
            "credentials do not belong there; set a bearer token or a header hook",
        ));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn authorization(token: &str) -> Result<HeaderValue, ConfigurationError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| ConfigurationError::BearerToken)?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for ClientBuilder {
    /// Shows neither the token nor the base URL, which is not checked yet and may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("user_agent", &self.user_agent)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
