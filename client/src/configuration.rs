//! Configuration of a client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Url, redirect};

use crate::Client;
use crate::retry::RetryPolicy;
use crate::token::{AccessToken, TokenSource, is_loopback};
use crate::transport::{HeaderHook, Transport};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// Configures a [`Client`]. Created by [`Client::builder`].
#[derive(Clone)]
#[must_use = "call `build` to create the client"]
pub struct ClientBuilder {
    base_url: String,
    connect_timeout: Duration,
    request_timeout: Duration,
    user_agent: String,
    bearer_token: Option<String>,
    token_source: Option<Arc<dyn TokenSource>>,
    header_hook: Option<HeaderHook>,
    retry: RetryPolicy,
    http_client: Option<reqwest::Client>,
}

/// An invalid client configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The base URL is invalid. The message does not contain the URL, because the URL may contain a password.
    #[error("invalid base URL: {0}")]
    BaseUrl(&'static str),
    /// The bearer token contains characters that are not allowed in a header. The message does not contain the token.
    #[error("the bearer token contains characters that are not allowed in a header")]
    BearerToken,
    /// The HTTP client cannot be created, for example because the user agent contains characters that are not allowed in
    /// a header.
    #[error("failed to create the HTTP client")]
    HttpClient(#[source] reqwest::Error),
}

impl Client {
    /// Returns a builder of a client for the service at `base_url`, such as `https://tenant-registry.breakpilot.com`.
    pub fn builder(base_url: &str) -> ClientBuilder {
        ClientBuilder {
            base_url: base_url.to_owned(),
            connect_timeout: CONNECT_TIMEOUT,
            request_timeout: REQUEST_TIMEOUT,
            user_agent: USER_AGENT.to_owned(),
            bearer_token: None,
            token_source: None,
            header_hook: None,
            retry: RetryPolicy::default(),
            http_client: None,
        }
    }

    /// Creates a client for the service at `base_url`, with the default configuration.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is invalid or the HTTP client cannot be created.
    pub fn new(base_url: &str) -> Result<Self, ConfigurationError> {
        Self::builder(base_url).build()
    }
}

impl ClientBuilder {
    /// Sets the timeout for establishing a connection. It applies to each attempt. The default is 5 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the timeout of each attempt, from connecting to the end of the response body. The default is 30 seconds.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Sets the `User-Agent` header, such as `billing/2.3`. The service stores it in audit events.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Sends `Authorization: Bearer …` with each request. If the token changes, use a
    /// [`token_source`](Self::token_source) instead.
    pub fn bearer_token(mut self, token: impl Into<String>) -> Self {
        self.bearer_token = Some(token.into());
        self
    }

    /// Sends the token of this source with each request. It replaces [`bearer_token`](Self::bearer_token).
    pub fn token_source(mut self, source: impl TokenSource + 'static) -> Self {
        self.token_source = Some(Arc::new(source));
        self
    }

    /// Sets a function that modifies the headers of each attempt, after all other headers are set. It must not block. Mark
    /// secret values with [`HeaderValue::set_sensitive`](reqwest::header::HeaderValue::set_sensitive).
    ///
    /// The function runs in the task that sends the request, so it can also propagate the current trace (`traceparent`).
    /// With OpenTelemetry: `get_text_map_propagator(|it| it.inject(&mut HeaderInjector(headers)))`.
    pub fn header_hook(mut self, hook: impl Fn(&mut HeaderMap) + Send + Sync + 'static) -> Self {
        self.header_hook = Some(Arc::new(hook));
        self
    }

    /// Sets the retry policy.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Uses an existing HTTP client, for example one with a proxy or a private certificate authority. Its timeouts and
    /// user agent take precedence over those of this builder.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http_client = Some(client);
        self
    }

    /// Creates the client.
    ///
    /// # Errors
    ///
    /// Returns an error if the base URL, the token or the user agent is invalid, or if TLS cannot be set up.
    pub fn build(self) -> Result<Client, ConfigurationError> {
        let url = base_url(&self.base_url)?;
        let token = self.bearer_token.as_deref().map(AccessToken::new).transpose()?;
        let client = match self.http_client {
            Some(client) => client,
            None => {
                let mut builder = reqwest::Client::builder()
                    .connect_timeout(self.connect_timeout)
                    .timeout(self.request_timeout)
                    .user_agent(self.user_agent)
                    // The service sends no redirects, and following one would turn a POST into a GET.
                    .redirect(redirect::Policy::none());
                if is_loopback(&url) {
                    // A proxy from the environment cannot reach this machine, and would see the token.
                    builder = builder.no_proxy();
                }
                builder.build().map_err(ConfigurationError::HttpClient)?
            }
        };
        Ok(Client {
            // Paths start with a slash.
            baseurl: url.as_str().trim_end_matches('/').to_owned(),
            client,
            inner: Transport {
                authorization: token.map(|token| token.authorization()),
                token_source: self.token_source,
                header_hook: self.header_hook,
                retry: self.retry,
            },
        })
    }
}

fn base_url(text: &str) -> Result<Url, ConfigurationError> {
    let url = Url::parse(text)
        .map_err(|_| ConfigurationError::BaseUrl("it must be a URL such as https://registry.example.com"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ConfigurationError::BaseUrl(
            "it must start with http:// or https://, such as https://registry.example.com",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(ConfigurationError::BaseUrl("it must not contain `?` or `#`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConfigurationError::BaseUrl(
            "it must not contain credentials; set a bearer token or a token source instead",
        ));
    }
    Ok(url)
}

impl fmt::Debug for ClientBuilder {
    /// Omits the token, and the base URL because it is not validated yet and may contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("user_agent", &self.user_agent)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
