//! An implementation of every operation that records its calls and returns the response that a test has prepared.

use super::arguments::Arguments;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use tenant_registry_contract::server::generic::{Handler, Operation, ParameterVisitor, Parameters, Request};
use tenant_registry_contract::server::{
    Admission, Admitted, Credentials, Idempotency, NotAdmitted, RequestKey, RequestMetadata, RunningRequests, Scopes,
    ServerErrorResponse, StoredResponse, TryLater,
};

/// A response of an operation.
#[derive(Clone, Debug)]
pub(super) struct PreparedResponse {
    pub(super) status: u16,
    /// Null if there is none.
    pub(super) body: Value,
    /// The headers that are numbers, by name.
    pub(super) headers: BTreeMap<String, i64>,
}

impl PreparedResponse {
    pub(super) fn body<T: DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.body.clone()).unwrap()
    }

    pub(super) fn header<T: TryFrom<i32, Error: Debug>>(&self, name: &str) -> T {
        let number = i32::try_from(self.headers[name]).unwrap();
        T::try_from(number).unwrap()
    }
}

/// The operation and arguments of a call.
pub(super) struct Call {
    pub(super) operation: &'static str,
    pub(super) arguments: Arguments,
    pub(super) metadata: RequestMetadata,
}

/// Clones share what is recorded.
#[derive(Clone, Default)]
pub(super) struct Recording(Arc<Mutex<Recorded>>, Arc<RunningRequests>);

#[derive(Default)]
struct Recorded {
    response: Option<PreparedResponse>,
    scopes: Scopes,
    calls: Vec<Call>,
}

impl Recording {
    /// Sets the response to the next call, and the scopes of its caller.
    pub(super) fn prepare(&self, response: PreparedResponse, scopes: Scopes) {
        *self.0.lock().unwrap() = Recorded {
            response: Some(response),
            scopes,
            calls: Vec::new(),
        };
    }

    /// Whether the prepared response was used to reject a caller before any operation was called.
    pub(super) fn has_rejected_caller(&self) -> bool {
        let recorded = self.0.lock().unwrap();
        recorded.response.is_none() && recorded.calls.is_empty()
    }

    /// The only call since [`Self::prepare`].
    pub(super) fn call(&self) -> Result<Call, String> {
        let mut calls = std::mem::take(&mut self.0.lock().unwrap().calls);
        match (calls.pop(), calls.pop()) {
            (Some(call), None) => Ok(call),
            (None, _) => Err("no operation was called".to_owned()),
            (Some(_), Some(_)) => Err("more than one operation was called".to_owned()),
        }
    }
}

/// Collects parameters as JSON, by name.
struct Collector(Arguments);

impl ParameterVisitor for Collector {
    fn parameter<T>(&mut self, name: &'static str, value: &T)
    where
        T: Display + FromStr<Err: Display> + Serialize + PartialEq + Debug,
    {
        self.0.insert(name.to_owned(), serde_json::to_value(value).unwrap());
    }
}

impl<O> Handler<O> for Recording
where
    O: Operation<Response: From<PreparedResponse>, Schema: Serialize>,
{
    async fn handle(&self, request: Request<(), O>) -> O::Response {
        let mut collector = Collector(Arguments::new());
        request.params.visit(&mut collector);
        let Collector(mut arguments) = collector;
        if let Some(body) = O::schema(&request.body) {
            arguments.insert("body".to_owned(), serde_json::to_value(body).unwrap());
        }
        let mut recorded = self.0.lock().unwrap();
        recorded.calls.push(Call {
            operation: O::ID,
            arguments,
            metadata: request.metadata,
        });
        recorded.response.take().unwrap().into()
    }
}

/// Rejects callers if the prepared response says so.
impl Admission for Recording {
    type Identity = ();
    type Share = ();

    async fn admit(&self, _: &RequestMetadata, _: &'static str, _: Credentials) -> Result<Admitted<()>, NotAdmitted> {
        let mut recorded = self.0.lock().unwrap();
        match recorded.response.take_if(|it| matches!(it.status, 401 | 429)) {
            None => Ok(Admitted {
                identity: (),
                scopes: recorded.scopes,
            }),
            Some(response) if response.status == 401 => Err(NotAdmitted::Unauthorized(response.body())),
            Some(response) => Err(NotAdmitted::TryLater(TryLater::TooManyRequests {
                body: response.body(),
                retry_after: response.header("Retry-After"),
                rate_limit_limit: response.header("RateLimit-Limit"),
                rate_limit_remaining: response.header("RateLimit-Remaining"),
                rate_limit_reset: response.header("RateLimit-Reset"),
            })),
        }
    }

    fn share(&self, (): &()) {}
}

/// Stores no response.
impl Idempotency for Recording {
    fn caller((): &()) -> Vec<u8> {
        Vec::new()
    }

    fn running_requests(&self) -> &RunningRequests {
        &self.1
    }

    async fn stored_response(
        &self,
        _: &RequestMetadata,
        _: &RequestKey,
    ) -> Result<Option<StoredResponse>, ServerErrorResponse> {
        Ok(None)
    }
}
