//! A collector of traces (OTLP over HTTP) that keeps every export.

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// A collector. It stops with the runtime.
#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    response: StatusCode,
    exports: Vec<Export>,
}

/// The body of one request.
#[derive(Clone)]
pub(crate) struct Export {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    pub(crate) decoded: ExportTraceServiceRequest,
}

impl Collector {
    /// Starts a collector that responds with 200.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let collector = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::new(Mutex::new(State {
                response: StatusCode::OK,
                exports: Vec::new(),
            })),
        };
        let serving = collector.clone();
        tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                let collector = serving.clone();
                tokio::spawn(async move {
                    let take = service_fn(|request| collector.take(request));
                    // The connection may break when a service ends.
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(connection), take)
                        .await;
                });
            }
        });
        collector
    }

    /// The value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Responds with this status from now on.
    pub(crate) fn respond_with(&self, status: StatusCode) {
        self.state.lock().unwrap().response = status;
    }

    async fn take(&self, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let mut state = self.state.lock().unwrap();
        let mut response = Response::new(Empty::new());
        *response.status_mut() = state.response;
        if state.response.is_success() {
            state.exports.push(Export {
                path: head.uri.path().to_owned(),
                headers: head.headers,
                decoded: ExportTraceServiceRequest::decode(bytes.clone()).unwrap(),
                bytes,
            });
        }
        Ok(response)
    }

    /// All accepted exports.
    pub(crate) fn exports(&self) -> Vec<Export> {
        self.state.lock().unwrap().exports.clone()
    }

    /// All accepted spans.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.exports()
            .into_iter()
            .flat_map(|export| export.decoded.resource_spans)
            .flat_map(|of_resource| of_resource.scope_spans)
            .flat_map(|of_scope| of_scope.spans)
            .collect()
    }
}

/// The value of an attribute as text.
pub(crate) fn attribute(span: &Span, key: &str) -> Option<String> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == key)?;
    let value = attribute.value.as_ref()?.value.as_ref()?;
    if let Value::IntValue(number) = value {
        return Some(number.to_string());
    }
    let Value::StringValue(text) = value else {
        panic!("{key}: {value:?}");
    };
    Some(text.clone())
}
