use std::net::SocketAddr;

/// What is known of a request besides its parameters and its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestMetadata {
    /// The id that the response carries as `x-request-id`.
    pub request_id: String,
    /// The other end of the connection; behind a proxy it is the proxy.
    pub peer_address: SocketAddr,
    /// The `X-Forwarded-For` headers, joined by commas; anybody can send them, so believe trusted proxies alone.
    pub forwarded_for: Option<String>,
    /// The `User-Agent` header, where it is text.
    pub user_agent: Option<String>,
}
