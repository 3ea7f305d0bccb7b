//! The service in this process, on the in-memory store, and one connection to it.

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
use crate::refusal::expect;

/// The most bytes of a body; so few that libFuzzer's inputs go beyond.
const BODY_LIMIT: usize = 2048;

/// The methods of which an operation can have one.
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
    static SERVICE: RefCell<Option<Service>> = const { RefCell::new(None) };
}

/// Sends a request to a service that nobody has asked before, and holds its answer to what every answer keeps.
pub(crate) fn exchange(request: Request<Full<Bytes>>) {
    SERVICE.with_borrow_mut(|service| {
        if service.is_none() {
            *service = Some(expect(Service::start(), "the service starts"));
        }
        if let Some(service) = service {
            let method = request.method().clone();
            let answer = expect(service.answer(request), "the request is answered");
            hold(&method, &answer);
        }
    });
}

struct Service {
    /// Runs server and client, so that a request is answered on one thread, in one order.
    runtime: Runtime,
    http: HttpServer<ServerContext<GenericApi<CheckedApi>>>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Service {
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

    fn answer(&mut self, mut request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Box<dyn Error>> {
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
            let answer = Response::from_parts(head, body.collect().await?.to_bytes());
            *connection = Some(open);
            Ok(answer)
        })
    }
}

fn hold(method: &Method, answer: &Response<Bytes>) {
    let (status, body) = (answer.status(), answer.body());
    assert!(!status.is_server_error(), "answered {status}: {body:?}");
    if status.is_client_error() && *method != Method::HEAD && !is_of_the_router(method, answer) {
        let error = serde_json::from_slice::<types::Error>(body);
        assert!(
            error.is_ok(),
            "{status} is answered with no error of the spec: {body:?}"
        );
    }
}

/// What no operation can be asked for dropshot's router refuses in its own words.
fn is_of_the_router(method: &Method, answer: &Response<Bytes>) -> bool {
    const INVALID_PATH: &[u8] = br#""message": "invalid path encoding""#;
    let body = answer.body();
    match answer.status() {
        StatusCode::NOT_FOUND => true,
        StatusCode::BAD_REQUEST => body.windows(INVALID_PATH.len()).any(|window| window == INVALID_PATH),
        StatusCode::METHOD_NOT_ALLOWED => !KNOWN_METHODS.contains(method),
        _ => false,
    }
}
