//! The closed loop: each caller sends its next request after the response to the last one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::connection::Connection;
use super::{Operation, Responses};
use crate::error::Error;

/// The result of a closed loop.
#[derive(Clone, Debug)]
pub(crate) struct Closed {
    pub(crate) responses: Responses,
    elapsed: Duration,
}

impl Closed {
    /// Successful responses per second.
    #[expect(clippy::cast_precision_loss, reason = "as many responses take centuries")]
    pub(crate) fn rate(&self) -> f64 {
        self.responses.good() as f64 / self.elapsed.as_secs_f64()
    }
}

/// Sends random requests until the time is over.
pub(crate) async fn closed(
    address: SocketAddr,
    operation: &Operation,
    callers: usize,
    duration: Duration,
) -> Result<Closed, Error> {
    let connections = connect(address, callers).await?;
    let start = Instant::now();
    let end = start + duration;
    let mut tasks = JoinSet::new();
    for connection in connections {
        tasks.spawn(ask_while(connection, operation.clone(), move || Instant::now() < end));
    }
    Ok(Closed {
        responses: together(tasks).await?.require_good(operation)?,
        elapsed: start.elapsed(),
    })
}

/// Sends each request once, in order.
pub(crate) async fn each_once(address: SocketAddr, operation: &Operation, callers: usize) -> Result<Closed, Error> {
    let connections = connect(address, callers).await?;
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for mut connection in connections {
        let (next, operation) = (Arc::clone(&next), operation.clone());
        tasks.spawn(async move {
            let mut responses = Responses::empty();
            while let Some(request) = operation.requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let sent = Instant::now();
                let is_good = connection.ask(request, &operation).await?;
                responses.count(is_good, sent.elapsed());
            }
            Ok(responses)
        });
    }
    Ok(Closed {
        responses: together(tasks).await?.require_good(operation)?,
        elapsed: start.elapsed(),
    })
}

/// A closed loop that runs in the background until it is stopped.
#[derive(Debug)]
pub(crate) struct Flood {
    tasks: JoinSet<Result<Responses, Error>>,
    goes_on: Arc<AtomicBool>,
}

impl Flood {
    pub(crate) async fn start(address: SocketAddr, operation: &Operation, callers: usize) -> Result<Self, Error> {
        let goes_on = Arc::new(AtomicBool::new(true));
        let mut tasks = JoinSet::new();
        for connection in connect(address, callers).await? {
            let goes_on = Arc::clone(&goes_on);
            tasks.spawn(ask_while(connection, operation.clone(), move || {
                goes_on.load(Ordering::Relaxed)
            }));
        }
        Ok(Self { tasks, goes_on })
    }

    pub(crate) async fn stop(self) -> Result<Responses, Error> {
        let Self { tasks, goes_on } = self;
        goes_on.store(false, Ordering::Relaxed);
        together(tasks).await
    }
}

async fn connect(address: SocketAddr, callers: usize) -> Result<Vec<Connection>, Error> {
    let mut connections = Vec::with_capacity(callers);
    for _ in 0..callers {
        connections.push(Connection::open(address).await?);
    }
    Ok(connections)
}

async fn ask_while(
    mut connection: Connection,
    operation: Operation,
    goes_on: impl Fn() -> bool,
) -> Result<Responses, Error> {
    let mut random = fastrand::Rng::new();
    let mut responses = Responses::empty();
    while goes_on() {
        let request = operation.pick(&mut random);
        let sent = Instant::now();
        let is_good = connection.ask(request, &operation).await?;
        responses.count(is_good, sent.elapsed());
    }
    Ok(responses)
}

async fn together(mut tasks: JoinSet<Result<Responses, Error>>) -> Result<Responses, Error> {
    let mut all = Responses::empty();
    while let Some(responses) = tasks.join_next().await {
        all.add(&responses.map_err(|_| Error::Panicked)??);
    }
    Ok(all)
}
