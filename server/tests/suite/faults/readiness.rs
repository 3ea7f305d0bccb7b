//! A probe that asks `/readyz` all the time, as a platform does, and holds it to the truth.

use crate::harness::polling::until;
use reqwest::Client;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Longer than the service may take to say no.
const PATIENCE: Duration = Duration::from_secs(10);

struct Probe {
    place: Mutex<SocketAddr>,
    ending: AtomicBool,
    must_stay_ready: AtomicBool,
    /// Probes that were not answered with yes although the database was there.
    lies: AtomicUsize,
}

/// The probe, at work.
pub(super) struct Readiness {
    client: Client,
    probe: Arc<Probe>,
    watching: JoinHandle<()>,
}

impl Readiness {
    pub(super) fn watch(service: SocketAddr) -> Self {
        let client = Client::builder().timeout(PATIENCE).build().unwrap();
        let probe = Arc::new(Probe {
            place: Mutex::new(service),
            ending: AtomicBool::new(false),
            must_stay_ready: AtomicBool::new(false),
            lies: AtomicUsize::new(0),
        });
        let watching = tokio::spawn(watch(client.clone(), Arc::clone(&probe)));
        Self {
            client,
            probe,
            watching,
        }
    }

    pub(super) fn turn_to(&self, service: SocketAddr) {
        *self.probe.place.lock().unwrap() = service;
    }

    /// From now on the database is there, and no probe may say otherwise; or that is over.
    pub(super) fn must_stay_ready(&self, must: bool) {
        self.probe.must_stay_ready.store(must, Ordering::Relaxed);
    }

    /// Expects that the service says for so long that it is not ready: the database is gone, as each probe begins.
    pub(super) async fn says_no_for(&self, time: Duration) {
        let end = Instant::now() + time;
        let mut asked = 0;
        while Instant::now() < end {
            let left = end - Instant::now();
            // One that is still waiting when the time is over may be answered by a database that is back.
            if let Ok(answer) = tokio::time::timeout(left, ask(&self.client, &self.probe)).await {
                assert_eq!(answer, Some(503), "there is no database");
                asked += 1;
            }
            sleep(Duration::from_millis(20)).await;
        }
        assert!(asked > 0, "no probe was answered within {time:?}");
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
        let lies = self.probe.lies.load(Ordering::Relaxed);
        assert_eq!(lies, 0, "probes were told that there is no database, and there was");
    }
}

/// The status; none where the service itself is gone.
async fn ask(client: &Client, probe: &Probe) -> Option<u16> {
    let place = *probe.place.lock().unwrap();
    let answer = client.get(format!("http://{place}/readyz")).send().await.ok()?;
    Some(answer.status().as_u16())
}

async fn watch(client: Client, probe: Arc<Probe>) {
    while !probe.ending.load(Ordering::Relaxed) {
        let must_be_ready = probe.must_stay_ready.load(Ordering::Relaxed);
        let answer = ask(&client, &probe).await;
        if must_be_ready && answer != Some(200) {
            probe.lies.fetch_add(1, Ordering::Relaxed);
        }
        sleep(Duration::from_millis(20)).await;
    }
}
