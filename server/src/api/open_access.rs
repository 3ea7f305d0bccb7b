//! Protects a service without authentication from pages in a browser that can reach it.
//!
//! Without an issuer, everyone who can reach the port can do everything. A browser on the machine can reach a loopback port,
//! and runs the code of any page its user visits. Such a page must neither change anything nor, through its own host name
//! that resolves to this machine (DNS rebinding), read anything.

use super::responses;
use dropshot::RequestInfo;
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Method, StatusCode};
use std::net::{IpAddr, SocketAddr};
use tenant_registry_contract::http::{AllowedOrigins, RequestPolicy};
use tenant_registry_contract::types::{Error, ErrorCode};

/// The header in which browsers say how the page's site is related to the service (Fetch Metadata).
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Rejects requests of pages. Requests of programs pass.
#[derive(Debug)]
pub(crate) struct OpenAccessPolicy {
    /// Whether only this machine can reach the port, so that callers must name it by a name of this machine.
    is_loopback: bool,
    allowed_hosts: Vec<String>,
    allowed_origins: AllowedOrigins,
}

impl OpenAccessPolicy {
    /// Protects a service at this address. Pages of the allowed origins, and requests for the allowed hosts, pass.
    pub(crate) fn new(address: SocketAddr, allowed_hosts: Vec<String>, allowed_origins: AllowedOrigins) -> Self {
        Self {
            is_loopback: address.ip().to_canonical().is_loopback(),
            allowed_hosts,
            allowed_origins,
        }
    }

    fn check_host(&self, host: &str) -> Result<(), String> {
        let is_allowed = self
            .allowed_hosts
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(host));
        if !self.is_loopback || is_allowed || is_this_machine(host) {
            return Ok(());
        }
        Err(format!(
            "without an issuer, the service accepts only requests for this machine, not for `{}`; use `localhost`, or add \
             the name to ALLOWED_HOSTS",
            host.escape_debug()
        ))
    }

    fn check_page(&self, request: &RequestInfo, authority: Option<&Authority>) -> Result<(), String> {
        let headers = request.headers();
        if is_safe(request.method()) || is_same_origin(headers, authority) || self.allowed_origins.allows(headers) {
            return Ok(());
        }
        Err(
            "without an issuer, pages of other origins cannot change anything; add the origin to ALLOWED_ORIGINS"
                .to_owned(),
        )
    }
}

impl RequestPolicy for OpenAccessPolicy {
    /// A page can send a body without a type, or of another type, to any origin without a preflight request.
    fn requires_content_type(&self) -> bool {
        true
    }

    fn check(&self, request: &RequestInfo) -> Result<(), (StatusCode, Error)> {
        let authority = authority(request);
        // A request of HTTP/1.0 may have no host. Browsers do not send such requests.
        let host = authority
            .as_ref()
            .map_or(Ok(()), |authority| self.check_host(authority.host()));
        host.and_then(|()| self.check_page(request, authority.as_ref()))
            .map_err(|message| (StatusCode::FORBIDDEN, responses::error(ErrorCode::Forbidden, message)))
    }
}

/// The host and port by which the caller names the service.
fn authority(request: &RequestInfo) -> Option<Authority> {
    let host = request.headers().get(HOST);
    match request.uri().authority() {
        Some(authority) => Some(authority.clone()),
        // The HTTP layer has checked that the header is a host.
        None => host.and_then(|host| Authority::try_from(host.as_bytes()).ok()),
    }
}

/// Whether the host is a name or an address of this machine only.
fn is_this_machine(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(&host);
    let is_address = address
        .parse::<IpAddr>()
        .is_ok_and(|address| address.to_canonical().is_loopback());
    // RFC 6761, section 6.3: these names always resolve to this machine.
    is_address || host == "localhost" || host.ends_with(".localhost")
}

fn is_safe(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD || *method == Method::OPTIONS
}

/// Whether the request is from a program or from a page of the service itself.
fn is_same_origin(headers: &HeaderMap, authority: Option<&Authority>) -> bool {
    let site = headers.get(SEC_FETCH_SITE).map(|site| site.as_bytes());
    let is_same_site = matches!(site, None | Some(b"same-origin" | b"none"));
    let mut origins = headers
        .get_all(ORIGIN)
        .iter()
        .map(|origin| origin.to_str().unwrap_or_default());
    let is_own_page = |origin: &str| {
        let named = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        named.is_some_and(|named| authority.is_some_and(|authority| authority.as_str() == named))
    };
    is_same_site && origins.all(is_own_page)
}
