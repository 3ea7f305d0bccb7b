//! Errors for requests whose head cannot be parsed.
//!
//! hyper responds to them by itself, with a status and without a body, and offers no hook. Its responses are recognized by
//! what all responses of the service have and they lack, the request id.

use dropshot::HEADER_REQUEST_ID;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tenant_registry_contract::types::{Error, ErrorCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tracing::info;
use uuid::Uuid;

/// A connection that gives hyper's own error responses a body.
#[derive(Debug)]
pub(super) struct HeadErrors<S> {
    stream: S,
    peer: SocketAddr,
    /// A response that is written instead of hyper's.
    replacement: Option<Replacement>,
}

#[derive(Debug)]
struct Replacement {
    bytes: Vec<u8>,
    written: usize,
    /// The length of hyper's response.
    original: usize,
}

impl<S> HeadErrors<S> {
    pub(super) fn new(stream: S, peer: SocketAddr) -> Self {
        Self {
            stream,
            peer,
            replacement: None,
        }
    }
}

impl<S: AsyncWrite + Unpin> HeadErrors<S> {
    /// Writes the replacement. `None` if there is none to write.
    fn poll_replacement(&mut self, context: &mut Context<'_>, buffer: &[u8]) -> Poll<Option<io::Result<usize>>> {
        if self.replacement.is_none() {
            self.replacement = replacement(buffer, self.peer);
        }
        let Some(replacement) = &mut self.replacement else {
            return Poll::Ready(None);
        };
        while let Some(rest) = replacement
            .bytes
            .get(replacement.written..)
            .filter(|rest| !rest.is_empty())
        {
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest)) {
                Ok(0) => return Poll::Ready(Some(Err(io::ErrorKind::WriteZero.into()))),
                Ok(written) => replacement.written += written,
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        let original = replacement.original;
        self.replacement = None;
        Poll::Ready(Some(Ok(original)))
    }
}

/// The response to write instead of this one, if this one is hyper's own.
fn replacement(buffer: &[u8], peer: SocketAddr) -> Option<Replacement> {
    // Most writes end here.
    if !buffer.starts_with(b"HTTP/1.1 4") {
        return None;
    }
    let head = std::str::from_utf8(buffer).ok()?.strip_suffix("\r\n\r\n")?;
    let (status_line, fields) = head.split_once("\r\n")?;
    let mut fields: Vec<&str> = fields.split("\r\n").collect();
    let is_ours = |field: &&str| field.split_once(':').is_some_and(|(name, _)| name == HEADER_REQUEST_ID);
    if fields.iter().any(is_ours) {
        return None;
    }
    fields.retain(|field| *field != "content-length: 0");
    let status: u16 = status_line.split(' ').nth(1)?.parse().ok()?;
    let message = match status {
        414 => "the URL is too long; send fewer or shorter parameters",
        431 => "the headers are too large or too many; send fewer or shorter ones",
        _ => "the request is not valid HTTP; check its first line and its headers, and percent-encode its URL",
    };
    let error = Error {
        error: ErrorCode::InvalidInput,
        message: message.to_owned(),
        errors: None,
    };
    let body = serde_json::to_string(&error).ok()?;
    let id = Uuid::now_v7();
    info!(request_id = %id, status, %peer, "request with an invalid head rejected");
    let length = body.len();
    let fields = fields.join("\r\n");
    let response = format!(
        "{status_line}\r\n{fields}\r\ncontent-type: application/json\r\ncache-control: no-store\r\n\
         x-content-type-options: nosniff\r\n{HEADER_REQUEST_ID}: {id}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    Some(Replacement {
        bytes: response.into_bytes(),
        written: 0,
        original: buffer.len(),
    })
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadErrors<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadErrors<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match ready!(this.poll_replacement(context, buffer)) {
            Some(written) => Poll::Ready(written),
            None => Pin::new(&mut this.stream).poll_write(context, buffer),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let first = buffers.iter().find(|buffer| !buffer.is_empty());
        match ready!(this.poll_replacement(context, first.map_or(&[], |buffer| buffer))) {
            Some(written) => Poll::Ready(written),
            None => Pin::new(&mut this.stream).poll_write_vectored(context, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
