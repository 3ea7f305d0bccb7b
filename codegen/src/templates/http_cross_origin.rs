//! CORS: which pages of other origins may call the service from a browser (Fetch standard, section 3.3).

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

/// The response headers that a page may read, in addition to the CORS-safelisted ones.
const EXPOSED_HEADERS: &str = "{exposed}";

/// The request headers that a page may send, in addition to the CORS-safelisted ones.
const ACCEPTED_HEADERS: &str = "{accepted}";

/// For how many seconds a browser may cache a preflight response: the maximum that any browser honors.
const MAX_AGE: u64 = 86_400;

/// The origins whose pages may call the service. If there are none, responses carry no CORS headers. Credentials that the
/// browser adds, such as cookies, are never allowed.
#[derive(Clone, Debug, Default)]
pub struct AllowedOrigins(Vec<HeaderValue>);

impl AllowedOrigins {
    /// Allows these origins, each as browsers send it in `Origin`, such as `https://console.example.com`.
    pub fn new(origins: impl IntoIterator<Item = HeaderValue>) -> Self {
        Self(origins.into_iter().collect())
    }

    /// Adds the headers that say whether the requesting page may read the response. `Vary` is always added, so that no
    /// cache serves the response to a page of another origin.
    pub fn mark(&self, request: &HeaderMap, response: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        response.append(VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = self.allowed(request) {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
        }
    }

    /// The response to a preflight request from a page of an allowed origin. `methods` are those that the path supports.
    /// `None` if the request is not such a preflight.
    pub(super) fn preflight(
        &self,
        method: &Method,
        request: &HeaderMap,
        methods: &'static str,
    ) -> Option<Response<()>> {
        if *method != Method::OPTIONS || !request.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let origin = self.allowed(request)?;
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("origin"));
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ACCEPTED_HEADERS));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(MAX_AGE));
        Some(response)
    }

    /// Whether the request is from a page of an allowed origin.
    pub fn allows(&self, request: &HeaderMap) -> bool {
        self.allowed(request).is_some()
    }

    /// The request's origin, if it is allowed.
    fn allowed(&self, request: &HeaderMap) -> Option<&HeaderValue> {
        let origin = request.get(ORIGIN)?;
        self.0.iter().find(|allowed| *allowed == origin)
    }
}
