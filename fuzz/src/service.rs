//! The service in this process, on the in-memory store, without a connection.

use bytes::Bytes;
use dropshot::Body;
use http::header::{HOST, HeaderValue};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use std::cell::RefCell;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tenant_registry_contract::http::{AllowedOrigins, Limits, ServerContext, respond};
use tenant_registry_contract::server::generic::GenericApi;
use tenant_registry_contract::types;
use tenant_registry_server::documentation::Documentation;
use tokio::runtime::{Builder, Runtime};

use crate::checked_api::CheckedApi;
use crate::report::expect;

/// The body limit in bytes, small enough for libFuzzer's inputs to exceed it.
const BODY_LIMIT: usize = 2048;

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
    /// Runs the service on one thread, so that a run is deterministic.
    runtime: Runtime,
    context: Arc<ServerContext<GenericApi<CheckedApi>>>,
}

impl TestServer {
    fn start() -> Result<Self, Box<dyn Error>> {
        let limits = Limits {
            body_size: BODY_LIMIT,
            body_time: Duration::from_secs(30),
        };
        let context = ServerContext::new(GenericApi(CheckedApi::new()?), limits, AllowedOrigins::default(), ());
        Ok(Self {
            runtime: Builder::new_current_thread().enable_all().build()?,
            context: Arc::new(context.with_resources(Documentation::new()?)),
        })
    }

    fn send(&mut self, mut request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Box<dyn Error>> {
        let Self { runtime, context } = self;
        context.implementation().0.start_anew()?;
        request
            .headers_mut()
            .insert(HOST, HeaderValue::from_static("localhost"));
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        runtime.block_on(async {
            let response = respond(Arc::clone(context), peer, request.map(Body::wrap)).await;
            let (head, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| error.to_string())?;
            Ok(Response::from_parts(head, body.to_bytes()))
        })
    }
}

fn check(method: &Method, response: &Response<Bytes>) {
    let (status, body) = (response.status(), response.body());
    assert!(!status.is_server_error(), "status {status}: {body:?}");
    if status.is_client_error() && *method != Method::HEAD {
        let error = serde_json::from_slice::<types::Error>(body);
        assert!(
            error.is_ok(),
            "the body of {status} is not an error of the spec: {body:?}"
        );
    }
}
