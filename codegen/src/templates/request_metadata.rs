use std::net::SocketAddr;

/// What is known about a request in addition to its parameters and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestMetadata {
    /// The id that the response carries as `x-request-id`.
    pub request_id: String,
    /// The other end of the connection. Behind a proxy it is the proxy.
    pub peer_address: SocketAddr,
    /// The bytes of the `X-Forwarded-For` headers, joined by commas. Any client can send them: trust them only from known
    /// proxies.
    pub forwarded_for: Option<Vec<u8>>,
    /// The `User-Agent` header. Bytes that are not UTF-8 are replaced by U+FFFD.
    pub user_agent: Option<String>,
}
