//! An HTTP/1.1 connection that sends one request at a time.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Operation;

/// Enough for most responses. The buffer grows if needed.
const BUFFER_BYTES: usize = 32 * 1024;

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// The head of a response.
struct Head {
    status: u16,
    body_starts: usize,
    body_ends: usize,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; BUFFER_BYTES],
        })
    }

    /// Sends a request, reads the whole response and returns whether it is as expected.
    pub(super) async fn ask(&mut self, request: &[u8], operation: &Operation) -> io::Result<bool> {
        let (status, body) = self.send(request).await?;
        Ok(status == operation.status && contains(body, operation.part.as_bytes()))
    }

    /// Sends a request, reads the whole response and returns its status and body.
    pub(super) async fn send(&mut self, request: &[u8]) -> io::Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        let mut length = 0;
        let head = loop {
            length += self.read(length).await?;
            if let Some(head) = head(&self.buffer[..length])? {
                break head;
            }
        };
        let Head {
            status,
            body_starts,
            body_ends,
        } = head;
        while length < body_ends {
            length += self.read(length).await?;
        }
        Ok((status, &self.buffer[body_starts..body_ends]))
    }

    async fn read(&mut self, length: usize) -> io::Result<usize> {
        if length == self.buffer.len() {
            self.buffer.resize(2 * length, 0);
        }
        match self.stream.read(&mut self.buffer[length..]).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(count),
        }
    }
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(body, part).is_some()
}

/// The head; `None` if it is incomplete.
fn head(response: &[u8]) -> io::Result<Option<Head>> {
    let Some(end) = memchr::memmem::find(response, b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&response[..end]).map_err(io::Error::other)?;
    let unreadable = || io::Error::other(format!("a response without status or length: {text}"));
    let status = text
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3)?.parse().ok());
    let length: Option<usize> = text
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.parse().ok());
    let body_starts = end + 4;
    Ok(Some(Head {
        status: status.ok_or_else(unreadable)?,
        body_starts,
        body_ends: body_starts + length.ok_or_else(unreadable)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let response = b"HTTP/1.1 201 Created\r\nContent-Length: 12\r\nx: y\r\n\r\nbody";
        assert!(head(&response[..40]).unwrap().is_none());
        let head = head(response).unwrap().unwrap();
        assert_eq!((head.status, head.body_ends - head.body_starts), (201, 12));
        assert_eq!(&response[head.body_starts..], b"body");
    }
}
