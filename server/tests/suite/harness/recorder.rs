//! A proxy in front of each test server that records every exchange.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1 as upstream;
use hyper::server::conn::http1 as downstream;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Mutex;
use tokio::net::{TcpListener, TcpStream};

/// All exchanges of this process.
static EXCHANGES: Mutex<Vec<Exchange>> = Mutex::new(Vec::new());

/// A request line and its whole response.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The exchanges so far.
pub(crate) fn exchanges() -> Vec<Exchange> {
    EXCHANGES.lock().unwrap().clone()
}

/// Starts a proxy to a server. It stops with the runtime.
pub(crate) async fn start(service: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(connection, service));
        }
    });
    address
}

async fn serve(connection: TcpStream, service: SocketAddr) {
    let pass = service_fn(move |request| pass(request, service));
    // The client may close the connection.
    let _ = downstream::Builder::new()
        .serve_connection(TokioIo::new(connection), pass)
        .await;
}

/// Forwards a request, and records and returns the response.
async fn pass(request: Request<Incoming>, service: SocketAddr) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let stream = TcpStream::connect(service).await.unwrap();
    let (mut sender, connection) = upstream::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    EXCHANGES.lock().unwrap().push(Exchange {
        method,
        path,
        status: head.status.as_u16(),
        headers: head.headers.clone(),
        body: body.clone(),
    });
    Ok(Response::from_parts(head, Full::new(body)))
}
