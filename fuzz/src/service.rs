//! The service in this process, on the in-memory store, and a connection to it.

use bytes::Bytes;
use dropshot::{ConfigDropshot, HandlerTaskMode, HttpServer, ServerBuilder};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::error::Error;
use std::time::Duration;
use tenant_registry_contract::http::{AllowedOrigins, Limits, ServerContext, api_description};
use tenant_registry_contract::server::generic::GenericApi;
use tenant_registry_contract::types;
use tenant_registry_server::{documentation, telemetry};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use crate::checked_api::CheckedApi;
use crate::report::expect;

/// The body limit in bytes, small enough for libFuzzer's inputs to exceed it.
const BODY_LIMIT: usize = 2048;

/// The methods that an operation can have.
const KNOWN_METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

thread_local! {
    /// One for each thread: libFuzzer has one, the replay one for each target.
    static SERVER: RefCell<Option<TestServer>> = const { RefCell::new(None) };
}

/// Sends a request to a service with a fresh store and checks the response.
pub(crate) fn exchange(request: Request<Full<Bytes>>) {
    SERVER.with_borrow_mut(|server| {
        if server.is_none() {
            *server = Some(expect(TestServer::start(), "the service starts"));
        }
        if let Some(server) = server {
            let method = request.method().clone();
            let response = expect(server.send(request), "the service responds");
            check(&method, &response);
        }
    });
}

struct TestServer {
    /// Runs server and client on one thread, so that a run is deterministic.
    runtime: Runtime,
    http: HttpServer<ServerContext<GenericApi<CheckedApi>>>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl TestServer {
    fn start() -> Result<Self, Box<dyn Error>> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let within = runtime.enter();
        let mut api = api_description(|_| true)?;
        documentation::register(&mut api)?;
        let limits = Limits {
            body_time: Duration::from_secs(30),
        };
        let context = ServerContext::new(GenericApi(CheckedApi::new()?), limits, AllowedOrigins::default(), ());
        let http = ServerBuilder::new(api, context, telemetry::logger())
            .config(ConfigDropshot {
                bind_address: ([127, 0, 0, 1], 0).into(),
                default_request_body_max_bytes: BODY_LIMIT,
                default_handler_task_mode: HandlerTaskMode::Detached,
                ..ConfigDropshot::default()
            })
            .start()?;
        drop(within);
        Ok(Self {
            runtime,
            http,
            connection: None,
        })
    }

    fn send(&mut self, mut request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Box<dyn Error>> {
        let Self {
            runtime,
            http,
            connection,
        } = self;
        http.app_private().implementation().0.start_anew()?;
        let address = http.local_addr();
        let host = address.to_string().parse()?;
        request.headers_mut().insert(http::header::HOST, host);
        runtime.block_on(async {
            let mut open = match connection.take() {
                Some(open) if !open.is_closed() => open,
                Some(_) | None => {
                    let stream = TcpStream::connect(address).await?;
                    stream.set_nodelay(true)?;
                    let (open, exchanges) = handshake(TokioIo::new(stream)).await?;
                    tokio::spawn(exchanges);
                    open
                }
            };
            open.ready().await?;
            let (head, body) = open.send_request(request).await?.into_parts();
            let response = Response::from_parts(head, body.collect().await?.to_bytes());
            *connection = Some(open);
            Ok(response)
        })
    }
}

fn check(method: &Method, response: &Response<Bytes>) {
    let (status, body) = (response.status(), response.body());
    assert!(!status.is_server_error(), "status {status}: {body:?}");
    if status.is_client_error() && *method != Method::HEAD && !is_from_router(method, response) {
        let error = serde_json::from_slice::<types::Error>(body);
        assert!(
            error.is_ok(),
            "the body of {status} is not an error of the spec: {body:?}"
        );
    }
}

/// Whether the response is from dropshot's router, which rejects what no operation can be called with.
fn is_from_router(method: &Method, response: &Response<Bytes>) -> bool {
    const INVALID_PATH: &[u8] = br#""message": "invalid path encoding""#;
    let body = response.body();
    match response.status() {
        StatusCode::NOT_FOUND => true,
        StatusCode::BAD_REQUEST => body.windows(INVALID_PATH.len()).any(|window| window == INVALID_PATH),
        StatusCode::METHOD_NOT_ALLOWED => !KNOWN_METHODS.contains(method),
        _ => false,
    }
}
