//! The generated client against the generated server: arguments and responses arrive unchanged, for every operation,
//! parameter, property and status of the spec.
//!
//! The values are generated from the spec itself and compared as JSON, so that an error that client and server share is
//! found too.

mod arguments;
mod client;
mod recording;
mod responses;

use crate::harness::openapi::SPEC;
use arguments::{Arguments, declared_arguments, expected_at_server};
use dropshot::{ConfigDropshot, HttpServer, ServerBuilder};
use libtest_mimic::Trial;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use recording::{PreparedResponse, Recording};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tenant_registry_client::{Client, Operation, RetryPolicy};
use tenant_registry_contract::http::{AllowedOrigins, Limits, ServerContext, api_description};
use tenant_registry_contract::server::generic::GenericApi;
use tokio::runtime::Runtime;

/// How many requests are sent for each status that an operation declares.
const REQUESTS: u32 = 32;

/// Beyond ASCII, because HTTP allows any bytes.
const USER_AGENT: &str = "ünïcode/1";

/// A case for each operation.
pub(crate) fn cases() -> Vec<Trial> {
    let case = |operation: Operation| {
        Trial::test(format!("contract::{operation}"), move || {
            every_status_with_any_arguments(operation);
            Ok(())
        })
    };
    Operation::ALL
        .into_iter()
        .map(case)
        .chain([Trial::test("contract::every_operation_of_the_spec_is_driven", || {
            let declared: BTreeSet<_> = SPEC.operations.iter().map(|operation| operation.id.as_str()).collect();
            assert_eq!(declared, BTreeSet::from(Operation::ALL.map(Operation::id)));
            Ok(())
        })])
        .collect()
}

/// A server that records its calls, and a client of it.
struct Pair {
    recording: Recording,
    client: Client,
    _server: HttpServer<Arc<ServerContext<GenericApi<Recording>>>>,
}

impl Pair {
    fn start(runtime: &Runtime) -> Self {
        let _inside = runtime.enter();
        let recording = Recording::default();
        let log = slog::Logger::root(slog::Discard, slog::o!());
        let limits = Limits {
            body_size: 1024 * 1024,
            body_time: Duration::from_secs(30),
        };
        let context = ServerContext::new(GenericApi(recording.clone()), limits, AllowedOrigins::default(), ());
        // The service itself uses its own listener, which the other tests cover.
        let api = api_description(|_| true).unwrap();
        let server = ServerBuilder::new(api, Arc::new(context), log).config(ConfigDropshot {
            bind_address: SocketAddr::from(([127, 0, 0, 1], 0)),
            ..ConfigDropshot::default()
        });
        let server = server.start().unwrap();
        let never = RetryPolicy {
            retries: 0,
            ..RetryPolicy::default()
        };
        let client = Client::builder(&format!("http://{}", server.local_addr()))
            .retry(never)
            .user_agent(USER_AGENT);
        Self {
            recording,
            client: client.build().unwrap(),
            _server: server,
        }
    }
}

fn every_status_with_any_arguments(operation: Operation) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let pair = Pair::start(&runtime);
    let declared = SPEC
        .operations
        .iter()
        .find(|declared| declared.id == operation.id())
        .unwrap();
    // Only the HTTP layer returns 304 and 422, to headers that the client does not send here.
    for status in declared.responses.keys().filter(|status| !matches!(status, 304 | 422)) {
        let mut runner = TestRunner::new(Config {
            cases: REQUESTS,
            failure_persistence: None,
            ..Config::default()
        });
        let values = (
            declared_arguments(operation.id()),
            responses::declared_response(operation.id(), *status),
        );
        let property = |(arguments, response): (Arguments, PreparedResponse)| {
            runtime
                .block_on(exchange(&pair, operation, arguments, response))
                .map_err(TestCaseError::fail)
        };
        runner
            .run(&values, property)
            .unwrap_or_else(|error| panic!("{operation} {status}: {error}"));
    }
}

async fn exchange(
    pair: &Pair,
    operation: Operation,
    arguments: Arguments,
    response: PreparedResponse,
) -> Result<(), String> {
    // Exactly the scopes of the spec, so that requiring another one fails.
    let scopes = SPEC.scopes(operation.id());
    let scopes = scopes.iter().map(|scope| scope.parse().unwrap());
    pair.recording.prepare(response.clone(), scopes.collect());
    let outcome = client::send(&pair.client, operation, arguments.clone()).await?;
    same("status", &outcome.status.into(), &response.status.into())?;
    same("body", &outcome.body, &read_by_client(response.body))?;
    let retry_after = response.headers.get("Retry-After").copied();
    same("Retry-After", &outcome.retry_after.into(), &retry_after.into())?;
    if matches!(response.status, 401 | 429) {
        let was_called = !pair.recording.has_rejected_caller();
        return same("called", &was_called.into(), &false.into());
    }
    let call = pair.recording.call()?;
    same("operation", &call.operation.into(), &operation.id().into())?;
    same(
        "arguments",
        &Value::Object(call.arguments),
        &Value::Object(expected_at_server(operation.id(), arguments)),
    )?;
    same(
        "request id",
        &outcome.request_id.into(),
        &call.metadata.request_id.into(),
    )?;
    same("user agent", &call.metadata.user_agent.into(), &USER_AGENT.into())
}

/// The body as the client returns it: it does not distinguish no errors from an empty list of them.
fn read_by_client(mut body: Value) -> Value {
    if let Some(object) = body.as_object_mut()
        && object
            .get("errors")
            .is_some_and(|errors| errors == &Value::Array(Vec::new()))
    {
        object.remove("errors");
    }
    body
}

fn same(what: &str, found: &Value, expected: &Value) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}: {found} instead of {expected}"))
    }
}
