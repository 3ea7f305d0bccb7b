//! Callers who write all the time, each what nobody else writes, and enter what they are told.

use super::ledger::{Kind, Ledger, Told};
use futures_util::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Callers at once.
const CALLERS: usize = 12;

/// Each caller makes a key in one of so many rounds: hashing takes the processors from everything else.
const ROUNDS_WITHOUT_KEY: usize = 40;

/// Longer than the service may take for an answer: one that does not come is a fault.
const PATIENCE: Duration = Duration::from_secs(20);

/// The callers, and what they know.
pub(super) struct Load {
    pub(super) ledger: Arc<Ledger>,
    place: Arc<Mutex<SocketAddr>>,
    ending: Arc<AtomicBool>,
    callers: Vec<JoinHandle<()>>,
}

impl Load {
    pub(super) fn start(service: SocketAddr) -> Self {
        let ledger = Arc::new(Ledger::default());
        let place = Arc::new(Mutex::new(service));
        let ending = Arc::new(AtomicBool::new(false));
        let callers = (0..CALLERS).map(|number| {
            let caller = Caller {
                number,
                client: Client::builder().timeout(PATIENCE).build().unwrap(),
                ledger: Arc::clone(&ledger),
                place: Arc::clone(&place),
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
            place,
            ending,
        }
    }

    /// The callers go on with another process.
    pub(super) fn turn_to(&self, service: SocketAddr) {
        *self.place.lock().unwrap() = service;
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
    place: Arc<Mutex<SocketAddr>>,
}

impl Caller {
    /// A tenant's life, and events beside it.
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

    /// Sends a write once, and enters what comes of it.
    async fn write(&self, kind: Kind, tag: &str, path: &str, body: Value) -> Option<Value> {
        let place = *self.place.lock().unwrap();
        let request = self.client.post(format!("http://{place}{path}")).json(&body);
        let (told, answer) = match request.send().await {
            Ok(response) => {
                let status = response.status();
                assert!(
                    status.is_success() || status.is_server_error(),
                    "{kind:?} {tag}: {status}"
                );
                match response.json::<Value>().await {
                    Ok(answer) if status.is_success() => (Told::Done, Some(answer)),
                    Ok(_) => (Told::Failure, None),
                    Err(_) => (Told::Nothing, None),
                }
            }
            Err(error) => {
                assert!(!error.is_timeout(), "{kind:?} {tag} hangs");
                (Told::Nothing, None)
            }
        };
        if told != Told::Done {
            // Where nothing is to be had, asking in a tight loop says nothing more.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.ledger.enter(kind, tag.to_owned(), told);
        answer
    }
}
