//! A probe that calls `/readyz` all the time, as a platform does, and checks the response.

use crate::harness::polling::until;
use reqwest::Client;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Longer than the service may take to report that it is not ready.
const PATIENCE: Duration = Duration::from_secs(10);

struct Probe {
    address: Mutex<SocketAddr>,
    ending: AtomicBool,
    must_stay_ready: AtomicBool,
    /// Probes that failed although the database was available.
    false_negatives: AtomicUsize,
}

/// The running probe.
pub(super) struct Readiness {
    client: Client,
    probe: Arc<Probe>,
    watching: JoinHandle<()>,
}

impl Readiness {
    pub(super) fn watch(service: SocketAddr) -> Self {
        let client = Client::builder().timeout(PATIENCE).build().unwrap();
        let probe = Arc::new(Probe {
            address: Mutex::new(service),
            ending: AtomicBool::new(false),
            must_stay_ready: AtomicBool::new(false),
            false_negatives: AtomicUsize::new(0),
        });
        let watching = tokio::spawn(watch(client.clone(), Arc::clone(&probe)));
        Self {
            client,
            probe,
            watching,
        }
    }

    pub(super) fn use_service(&self, service: SocketAddr) {
        *self.probe.address.lock().unwrap() = service;
    }

    /// Sets whether the database is available, so that every probe has to succeed.
    pub(super) fn must_stay_ready(&self, must: bool) {
        self.probe.must_stay_ready.store(must, Ordering::Relaxed);
    }

    /// Expects that the service notices that the database is unavailable, and is not ready for this time.
    pub(super) async fn stays_unready_for(&self, time: Duration) {
        until("the service is not ready", async || {
            (ask(&self.client, &self.probe).await == Some(503)).then_some(())
        })
        .await;
        let end = Instant::now() + time;
        let mut probes = 0;
        while Instant::now() < end {
            let left = end - Instant::now();
            // A probe that is running when the time ends may reach the database again.
            if let Ok(response) = tokio::time::timeout(left, ask(&self.client, &self.probe)).await {
                assert_eq!(response, Some(503), "the database is unavailable");
                probes += 1;
            }
            sleep(Duration::from_millis(20)).await;
        }
        assert!(probes > 0, "no probe within {time:?}");
    }

    pub(super) async fn becomes_ready(&self) {
        until("readiness", async || {
            (ask(&self.client, &self.probe).await == Some(200)).then_some(())
        })
        .await;
    }

    pub(super) async fn end(self) {
        self.probe.ending.store(true, Ordering::Relaxed);
        self.watching.await.unwrap();
        let false_negatives = self.probe.false_negatives.load(Ordering::Relaxed);
        assert_eq!(false_negatives, 0, "probes failed although the database was available");
    }
}

/// The status; `None` if the service does not respond.
async fn ask(client: &Client, probe: &Probe) -> Option<u16> {
    let address = *probe.address.lock().unwrap();
    let response = client.get(format!("http://{address}/readyz")).send().await.ok()?;
    Some(response.status().as_u16())
}

async fn watch(client: Client, probe: Arc<Probe>) {
    while !probe.ending.load(Ordering::Relaxed) {
        let must_be_ready = probe.must_stay_ready.load(Ordering::Relaxed);
        let response = ask(&client, &probe).await;
        if must_be_ready && response != Some(200) {
            probe.false_negatives.fetch_add(1, Ordering::Relaxed);
        }
        sleep(Duration::from_millis(20)).await;
    }
}
