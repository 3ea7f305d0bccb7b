//! Accepts connections, and serves HTTP/1.1 and cleartext HTTP/2 on them with hyper.
//!
//! dropshot's server is not used. It accepts connections and routes requests by itself and lets no other code in between
//! (oxidecomputer/dropshot#62): unknown paths, paths that are not UTF-8 and unknown methods get its own error bodies without
//! CORS headers, it compares neither methods nor paths exactly, and connections cannot be counted. Its router cannot be
//! called from another server either, because only dropshot can create its `RequestContext`. The generated code therefore
//! has a function that responds to any request, [`tenant_registry_contract::http::respond`], which is served here.

mod head_error;
mod unsent;

use dropshot::Body;
use head_error::HeadErrors;
use http::{Request, Response};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info, trace, warn};
use unsent::Unsent;

/// How long a connection may take to send the head of a request, or the first byte of one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum number of requests at the same time on a connection that uses HTTP/2.
const MAX_STREAMS: u32 = 200;

/// The pause after an error that affects all connections, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The address cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {reason}")]
pub struct ListenError {
    address: SocketAddr,
    reason: io::Error,
}

/// A bound address on which no connection is accepted yet.
pub(crate) struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds an address. Port 0 picks a free port.
    pub(crate) fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        let bind = || {
            let tcp = std::net::TcpListener::bind(address)?;
            tcp.set_nonblocking(true)?;
            let tcp = TcpListener::from_std(tcp)?;
            let address = tcp.local_addr()?;
            Ok(Self { tcp, address })
        };
        bind().map_err(|reason| ListenError { address, reason })
    }

    /// Accepts a connection for each permit, and responds to its requests by `respond`. A request is finished even if its
    /// client disconnects. A connection whose client does not receive a response in `response_time` is closed.
    pub(crate) fn serve<F>(
        self,
        permits: Arc<Semaphore>,
        response_time: Duration,
        respond: impl Fn(SocketAddr, Request<Body>) -> F + Clone + Send + Sync + 'static,
    ) -> HttpServer
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let Self { tcp, address } = self;
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let guard = ended.clone().drop_guard();
        let accepting = Accepting {
            tcp,
            permits,
            response_time,
            stop: stop.clone(),
        };
        let task = tokio::spawn(async move {
            // Also if the task panics.
            let _guard = guard;
            accepting.run(respond).await;
        });
        HttpServer {
            address,
            stop: stop.drop_guard(),
            ended,
            task,
        }
    }
}

/// A running HTTP server. Dropping it stops it without waiting.
pub(crate) struct HttpServer {
    address: SocketAddr,
    stop: DropGuard,
    ended: CancellationToken,
    task: JoinHandle<()>,
}

impl HttpServer {
    /// The address, with the actual port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resolves when the server has ended.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Stops accepting connections, and waits for the requests that are running.
    pub(crate) async fn close(self) -> Result<(), JoinError> {
        let Self {
            address: _,
            stop,
            ended: _,
            task,
        } = self;
        drop(stop);
        task.await
    }
}

struct Accepting {
    tcp: TcpListener,
    permits: Arc<Semaphore>,
    response_time: Duration,
    stop: CancellationToken,
}

impl Accepting {
    async fn run<F>(self, respond: impl Fn(SocketAddr, Request<Body>) -> F + Clone + Send + Sync + 'static)
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let Self {
            tcp,
            permits,
            response_time,
            stop,
        } = self;
        let (connections, requests) = (GracefulShutdown::new(), TaskTracker::new());
        loop {
            let accept = async {
                // Without a permit, callers wait in the kernel's queue.
                let permit = Arc::clone(&permits).acquire_owned().await;
                (permit, accepted(&tcp).await)
            };
            let (permit, (stream, peer)) = tokio::select! {
                next = accept => next,
                () = stop.cancelled() => break,
            };
            let connection = Connection {
                stream,
                peer,
                watcher: connections.watcher(),
                requests: requests.clone(),
                response_time,
                stop: stop.clone(),
            };
            let respond = respond.clone();
            tokio::spawn(async move {
                let _permit = permit;
                connection.serve(respond).await;
            });
        }
        debug!("beginning graceful shutdown");
        drop(tcp);
        connections.shutdown().await;
        requests.close();
        requests.wait().await;
    }
}

/// Returns the next connection.
async fn accepted(tcp: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match tcp.accept().await {
            Ok(accepted) => return accepted,
            // The caller has gone away.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::ConnectionReset
                        | io::ErrorKind::ConnectionRefused
                ) => {}
            Err(error) => {
                warn!("accept error: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    watcher: Watcher,
    requests: TaskTracker,
    response_time: Duration,
    stop: CancellationToken,
}

impl Connection {
    async fn serve<F>(self, respond: impl Fn(SocketAddr, Request<Body>) -> F)
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let Self {
            stream,
            peer,
            watcher,
            requests,
            response_time,
            stop,
        } = self;
        debug!(%peer, "accepted connection");
        // hyper waits for the first bytes without a limit, because it does not know the version of HTTP yet.
        tokio::select! {
            first = timeout(HEAD_TIMEOUT, stream.readable()) => {
                if !matches!(first, Ok(Ok(()))) {
                    return;
                }
            }
            () = stop.cancelled() => return,
        }
        // Otherwise a response that hyper writes in parts may wait for the caller's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%peer, "the connection ended: {error}");
            return;
        }
        let unsent = Arc::new(Unsent::default());
        let service = service_fn(|request: Request<hyper::body::Incoming>| {
            trace!(%peer, version = ?request.version(), "request received");
            let running = requests.spawn(respond(peer, request.map(Body::wrap)));
            let unsent = Arc::clone(&unsent);
            async move {
                let response = running.await;
                if let Err(error) = &response {
                    error!("a request was not finished: {error}");
                }
                response.map(|response| unsent.track(response))
            }
        });
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT);
        // A peer that is gone does not answer the ping, so that its connection ends and releases its permit.
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(HEAD_TIMEOUT)
            .max_concurrent_streams(MAX_STREAMS);
        let io = TokioIo::new(HeadErrors::new(stream, peer));
        let connection = watcher.watch(builder.serve_connection(io, service));
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                debug!(%peer, "the connection ended: {error}");
            },
            () = unsent.overdue(response_time) => {
                info!(%peer, "connection closed, because the caller did not receive a response in time");
            }
        }
    }
}
