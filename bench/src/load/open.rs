//! The open loop: requests are sent at a fixed rate, independent of responses.
//!
//! A latency is measured from the intended send time. So a pause of the service affects all requests that were due
//! meanwhile, not only one for each connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::{Operation, Responses};
use crate::error::Error;

/// The number of connections. Further requests wait, and the wait counts.
const CONNECTIONS: usize = 128;

/// The result of an open loop.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) responses: Responses,
    /// Requests per second.
    pub(crate) rate: f64,
}

/// Sends requests at a fixed rate until the time is over.
pub(crate) async fn open(
    address: SocketAddr,
    operation: &Operation,
    rate: f64,
    duration: Duration,
) -> Result<Open, Error> {
    // At least one request.
    let rate = rate.max(1.0 / duration.as_secs_f64());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and a number that a u32 does not hold would take days to ask"
    )]
    let total = (rate * duration.as_secs_f64()) as u32;
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(address).await?);
    }
    let due = Arc::new(Semaphore::new(0));
    let next = Arc::new(AtomicU32::new(0));
    let start = Instant::now();
    let send_time = move |number: u32| start + Duration::from_secs_f64(f64::from(number) / rate);
    let pace = {
        let due = Arc::clone(&due);
        // A thread, since the runtime's timer counts in whole milliseconds.
        thread::spawn(move || pace(&due, send_time, total))
    };
    let mut tasks = JoinSet::new();
    for mut connection in connections {
        let (due, next, operation) = (Arc::clone(&due), Arc::clone(&next), operation.clone());
        tasks.spawn(async move {
            let mut random = fastrand::Rng::new();
            let mut responses = Responses::empty();
            while let Ok(permit) = due.acquire().await {
                permit.forget();
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= total {
                    break;
                }
                let intended = send_time(number);
                let is_good = connection.ask(operation.pick(&mut random), &operation).await?;
                responses.count(is_good, intended.elapsed());
            }
            Ok::<_, Error>(responses)
        });
    }
    let mut responses = Responses::empty();
    while let Some(of_one) = tasks.join_next().await {
        responses.add(&of_one.map_err(|_| Error::Panicked)??);
    }
    pace.join().map_err(|_| Error::Panicked)?;
    Ok(Open { responses, rate })
}

/// Releases each request at its send time. Late requests are sent too: dropping them would hide the latencies that
/// matter.
fn pace(due: &Semaphore, send_time: impl Fn(u32) -> Instant, total: u32) {
    for number in 0..total {
        thread::sleep(send_time(number).saturating_duration_since(Instant::now()));
        due.add_permits(1);
    }
    // One more for each connection, which then stops.
    due.add_permits(CONNECTIONS);
}

#[cfg(test)]
mod tests {
    use super::open;
    use crate::load::Operation;
    use std::time::{Duration, Instant};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_stall_is_charged_with_all_that_came_in_it() {
        const STALL: Duration = Duration::from_millis(500);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stall_ends = Instant::now() + STALL;
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut buffer = [0; 256];
                    while stream.read(&mut buffer).await.is_ok_and(|length| length > 0) {
                        tokio::time::sleep_until(stall_ends.into()).await;
                        let response = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                        stream.write_all(response).await.unwrap();
                    }
                });
            }
        });
        let operation = Operation {
            requests: [b"GET / HTTP/1.1\r\n\r\n".to_vec()].into_iter().collect(),
            status: 200,
            part: "",
        };
        // More requests than connections: those that waited for a connection count in full.
        let result = open(address, &operation, 1000.0, STALL / 2).await.unwrap();
        assert_eq!(result.responses.all(), 250);
        assert!(result.responses.latency(0.01).unwrap() > 100.0, "{result:?}");
    }
}
