//! A closed-loop load of HTTP/1.1 requests over kept connections, as cheap as can be.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How many requests are answered each second.
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
    let mut answered = 0_u32;
    while let Some(count) = tasks.join_next().await {
        answered += count??;
    }
    Ok(f64::from(answered) / start.elapsed().as_secs_f64())
}

/// Asks until the end; says how many answers came.
async fn caller(address: SocketAddr, path: &str, end: Instant) -> io::Result<u32> {
    let mut connection = TcpStream::connect(address).await?;
    connection.set_nodelay(true)?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let mut buffer = vec![0; 16 * 1024];
    let mut answered = 0;
    while Instant::now() < end {
        connection.write_all(request.as_bytes()).await?;
        let mut length = 0;
        while !is_whole(&buffer[..length])? {
            match connection.read(&mut buffer[length..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => length += read,
            }
        }
        answered += 1;
    }
    Ok(answered)
}

/// Is this one whole answer, with its body? Fails for any status but 200.
fn is_whole(answer: &[u8]) -> io::Result<bool> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(false);
    };
    let head = std::str::from_utf8(&answer[..end]).map_err(io::Error::other)?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(io::Error::other(head.to_owned()));
    }
    let length: usize = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.parse().ok())
        .ok_or_else(|| io::Error::other("an answer without content-length"))?;
    Ok(answer.len() == end + 4 + length)
}
