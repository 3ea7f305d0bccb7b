//! Callers that write all the time, and enter each write and its outcome in the ledger.

use super::ledger::{Kind, Ledger, Outcome};
use futures_util::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// The number of concurrent callers.
const CALLERS: usize = 12;

/// Each caller creates a key in one of so many rounds, since hashing uses much processor time.
const ROUNDS_WITHOUT_KEY: usize = 40;

/// Longer than the service may take to respond. A missing response is an error.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longer than any fault.
const PERSEVERANCE: Duration = Duration::from_secs(60);

/// The running callers and their ledger.
pub(super) struct Load {
    pub(super) ledger: Arc<Ledger>,
    address: Arc<Mutex<SocketAddr>>,
    ending: Arc<AtomicBool>,
    callers: Vec<JoinHandle<()>>,
}

impl Load {
    pub(super) fn start(service: SocketAddr) -> Self {
        let ledger = Arc::new(Ledger::default());
        let address = Arc::new(Mutex::new(service));
        let ending = Arc::new(AtomicBool::new(false));
        let callers = (0..CALLERS).map(|number| {
            let caller = Caller {
                number,
                client: Client::builder().timeout(PATIENCE).build().unwrap(),
                ledger: Arc::clone(&ledger),
                address: Arc::clone(&address),
            };
            let ending = Arc::clone(&ending);
            tokio::spawn(async move {
                let mut round = 0;
                while !ending.load(Ordering::Relaxed) {
                    caller.round(round).await;
                    round += 1;
                }
            })
        });
        Self {
            callers: callers.collect(),
            ledger,
            address,
            ending,
        }
    }

    /// Directs the callers to another service process.
    pub(super) fn use_service(&self, service: SocketAddr) {
        *self.address.lock().unwrap() = service;
    }

    pub(super) async fn end(self) -> Arc<Ledger> {
        self.ending.store(true, Ordering::Relaxed);
        for ended in join_all(self.callers).await {
            ended.unwrap();
        }
        self.ledger
    }
}

struct Caller {
    number: usize,
    client: Client,
    ledger: Arc<Ledger>,
    address: Arc<Mutex<SocketAddr>>,
}

impl Caller {
    /// The life of a tenant, with additional events.
    async fn round(&self, round: usize) {
        let tag = format!("w{}-r{round}", self.number);
        let event = json!({ "action": "event.appended", "target_id": tag });
        self.write(Kind::EventAppended, &tag, "/v1/audit", event).await;
        let body = json!({ "slug": tag, "name": "n" });
        let Some(tenant) = self.write(Kind::TenantCreated, &tag, "/v1/tenants", body).await else {
            return;
        };
        let id = &tenant["id"];
        let trial = json!({ "tenant_id": id, "product": "insights" });
        self.write(Kind::TrialStarted, &tag, "/v1/catalog/trial-request", trial)
            .await;
        let path = format!("/v1/tenants/{}/activate", id.as_str().unwrap());
        self.write(Kind::TenantActivated, &tag, &path, json!({ "plan": tag }))
            .await;
        if round % ROUNDS_WITHOUT_KEY == self.number {
            let body = json!({ "tenant_id": id, "name": tag });
            self.write(Kind::ApiKeyCreated, &tag, "/v1/api-keys", body).await;
        }
    }

    /// Sends a write and enters its outcome. Every second caller sends it again, with the same `Idempotency-Key`, until there is
    /// a response.
    async fn write(&self, kind: Kind, tag: &str, path: &str, body: Value) -> Option<Value> {
        let key = self.number.is_multiple_of(2).then(|| format!("{kind:?}-{tag}"));
        let deadline = Instant::now() + PERSEVERANCE;
        let mut was_retried = false;
        loop {
            let sent = self.send(kind, tag, path, &body, key.as_deref()).await;
            if sent.outcome != Outcome::Done {
                // Do not retry in a tight loop while the service is unavailable.
                tokio::time::sleep(Duration::from_millis(20)).await;
                if key.is_some() {
                    assert!(Instant::now() < deadline, "{kind:?} {tag} never succeeds");
                    was_retried = true;
                    continue;
                }
            }
            self.ledger.enter(kind, tag.to_owned(), sent.outcome, was_retried);
            return sent.response;
        }
    }

    async fn send(&self, kind: Kind, tag: &str, path: &str, body: &Value, key: Option<&str>) -> Sent {
        let address = *self.address.lock().unwrap();
        let mut request = self.client.post(format!("http://{address}{path}")).json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let (outcome, response) = match request.send().await {
            Ok(response) => {
                let status = response.status();
                let is_running = status == 409 && response.headers().contains_key("retry-after");
                // The plaintext of a key is not stored, so its creation is not repeated.
                let is_withheld = status == 409 && !is_running && kind == Kind::ApiKeyCreated;
                assert!(
                    status.is_success() || status.is_server_error() || key.is_some() && (is_running || is_withheld),
                    "{kind:?} {tag}: {status}"
                );
                match response.json::<Value>().await {
                    Ok(response) if status.is_success() || is_withheld => (Outcome::Done, Some(response)),
                    Ok(_) => (Outcome::Failure, None),
                    Err(_) => (Outcome::Unknown, None),
                }
            }
            Err(error) => {
                assert!(!error.is_timeout(), "{kind:?} {tag} hangs");
                (Outcome::Unknown, None)
            }
        };
        Sent { outcome, response }
    }
}

/// What a caller learned from sending a request once.
struct Sent {
    outcome: Outcome,
    response: Option<Value>,
}
