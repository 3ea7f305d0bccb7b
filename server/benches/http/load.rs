//! A minimal closed-loop load generator: HTTP/1.1 requests over persistent connections.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Measures how many requests per second the server completes.
pub(crate) async fn requests_per_second(
    address: SocketAddr,
    path: &'static str,
    callers: usize,
    duration: Duration,
) -> io::Result<f64> {
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    let end = start + duration;
    for _ in 0..callers {
        tasks.spawn(caller(address, path, end));
    }
    let mut completed = 0_u32;
    while let Some(count) = tasks.join_next().await {
        completed += count??;
    }
    Ok(f64::from(completed) / start.elapsed().as_secs_f64())
}

/// Sends requests until `end`. Returns the number of responses.
async fn caller(address: SocketAddr, path: &str, end: Instant) -> io::Result<u32> {
    let mut connection = TcpStream::connect(address).await?;
    connection.set_nodelay(true)?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let mut buffer = vec![0; 16 * 1024];
    let mut completed = 0;
    while Instant::now() < end {
        connection.write_all(request.as_bytes()).await?;
        let mut length = 0;
        while !is_complete(&buffer[..length])? {
            match connection.read(&mut buffer[length..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => length += read,
            }
        }
        completed += 1;
    }
    Ok(completed)
}

/// Returns whether this is a complete response with its body. Fails for any status other than 200.
fn is_complete(response: &[u8]) -> io::Result<bool> {
    let Some(end) = response.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(false);
    };
    let head = std::str::from_utf8(&response[..end]).map_err(io::Error::other)?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(io::Error::other(head.to_owned()));
    }
    let length: usize = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.parse().ok())
        .ok_or_else(|| io::Error::other("a response without content-length"))?;
    Ok(response.len() == end + 4 + length)
}
