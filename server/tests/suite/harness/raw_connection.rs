//! Sends bytes to a server, for requests that no HTTP client sends.

use super::polling::DEADLINE;
use serde_json::Value;
use std::net::SocketAddr;
use tenant_registry_client::types::{Error, ErrorCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A response, split at its first empty line.
#[derive(Debug)]
pub(crate) struct BytesResponse {
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Sends bytes on a new connection and reads until the server closes it.
pub(crate) async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> BytesResponse {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_ref()).await.unwrap();
    let mut response = Vec::new();
    let reading = connection.read_to_end(&mut response);
    timeout(DEADLINE, reading).await.expect("the connection ends").unwrap();
    let response = String::from_utf8(response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
    BytesResponse {
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Sends a request that ends its connection. `fields` are whole lines, each with its line break.
pub(crate) async fn request(address: SocketAddr, line: &str, fields: impl AsRef<[u8]>, body: &str) -> BytesResponse {
    let mut bytes = format!("{line} HTTP/1.1\r\nConnection: close\r\n").into_bytes();
    bytes.extend_from_slice(fields.as_ref());
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body.as_bytes());
    exchange(address, bytes).await
}

impl BytesResponse {
    pub(crate) fn status(&self) -> u16 {
        let status = self.head.split(' ').nth(1);
        status
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("{self:?}"))
    }

    /// The value of a header; its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find_map(|(field, value)| (field == name).then_some(value))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Expects a complete error with this status and code, and returns its message.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, code: ErrorCode) -> String {
        assert_eq!(self.status(), status, "{self:?}");
        let error: Error = serde_json::from_value(self.json()).unwrap();
        assert_eq!(error.error, code, "{self:?}");
        let length = self.body.len().to_string();
        for (name, value) in [
            ("content-type", "application/json"),
            ("content-length", length.as_str()),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(self.header(name), Some(value), "{name}: {self:?}");
        }
        assert!(self.header("x-request-id").is_some_and(|id| id.len() == 36), "{self:?}");
        error.message
    }
}
