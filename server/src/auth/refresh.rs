//! Keeps a realm's keys up to date: now and then, and at once where a token names a key that is not among them.
//!
//! One task does all the fetching, so that however many callers wait, one request is under way. While the realm is down
//! the keys stay as they were.

use super::fetch::{FetchError, Fetcher};
use super::issuer::Issuer;
use super::keys::KeySet;
use backon::{BackoffBuilder, ExponentialBuilder};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

/// The first pause after a fetch that failed, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// How often keys are fetched.
#[derive(Clone, Copy, Debug)]
pub struct RefreshSettings {
    /// From one fetch to the next, where nothing happens.
    pub interval: Duration,
    /// At least so long after a fetch began, no token brings about another. Whoever sends tokens with keys that nobody has
    /// costs the realm no more than that.
    pub pause: Duration,
}

impl Default for RefreshSettings {
    /// A key that the realm withdraws is refused after 5 minutes at the latest; a new one is known after 10 seconds.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(300),
            pause: Duration::from_secs(10),
        }
    }
}

/// What the fetching task and those who wait for it tell each other.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    is_wanted: bool,
    is_running: bool,
    began: Option<Instant>,
    /// Fetches that ended, well or not.
    ended: u64,
}

/// The current keys, and the task that fetches them. It ends with this value.
pub(super) struct Refresh {
    keys: Arc<RwLock<Option<Arc<KeySet>>>>,
    progress: watch::Sender<Progress>,
    pause: Duration,
    task: AbortHandle,
}

impl Drop for Refresh {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Refresh {
    pub(super) fn start(issuer: Issuer, settings: RefreshSettings) -> Result<Self, reqwest::Error> {
        let (keys, progress) = (Arc::default(), watch::Sender::default());
        let task = Task {
            outages: Outages {
                issuer: issuer.clone(),
                is_down: false,
            },
            fetcher: Fetcher::new(issuer)?,
            keys: Arc::clone(&keys),
            progress: progress.clone(),
            interval: settings.interval,
        };
        Ok(Self {
            keys,
            progress,
            pause: settings.pause,
            task: tokio::spawn(task.run()).abort_handle(),
        })
    }

    /// The keys as they were last fetched; none before the first fetch that succeeded.
    pub(super) fn keys(&self) -> Option<Arc<KeySet>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the keys fetched and waits for the end of it, well or not; does nothing where that was done a short while ago.
    pub(super) async fn look_again(&self) {
        let mut progress = self.progress.subscribe();
        let mut ended = None;
        self.progress.send_if_modified(|now| {
            let is_under_way = now.is_wanted || now.is_running;
            if is_under_way || now.began.is_none_or(|began| began.elapsed() >= self.pause) {
                ended = Some(now.ended);
                now.is_wanted = !now.is_running;
            }
            !is_under_way && now.is_wanted
        });
        if let Some(ended) = ended {
            // It fails when the task is gone, and with it the runtime.
            let _ = progress.wait_for(|now| now.ended > ended).await;
        }
    }
}

struct Task {
    fetcher: Fetcher,
    keys: Arc<RwLock<Option<Arc<KeySet>>>>,
    progress: watch::Sender<Progress>,
    interval: Duration,
    outages: Outages,
}

impl Task {
    async fn run(mut self) {
        let mut wanted = self.progress.subscribe();
        let [first, longest] = PAUSES;
        let pauses = ExponentialBuilder::default()
            .with_min_delay(first)
            .with_max_delay(longest)
            .without_max_times()
            .with_jitter();
        let mut failed = pauses.build();
        loop {
            let pause = if self.fetch().await {
                failed = pauses.build();
                self.interval
            } else {
                failed.next().unwrap_or(longest)
            };
            tokio::select! {
                () = sleep(pause) => {}
                _ = wanted.wait_for(|now| now.is_wanted) => {}
            }
        }
    }

    /// Returns whether it succeeded.
    async fn fetch(&mut self) -> bool {
        self.progress.send_modify(|now| {
            now.is_wanted = false;
            now.is_running = true;
            now.began = Some(Instant::now());
        });
        let fetched = self.fetcher.fetch().await;
        let has_keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).is_some();
        self.outages.tell(&fetched, has_keys);
        let succeeded = match fetched {
            Ok(keys) => {
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
                true
            }
            Err(_) => false,
        };
        self.progress.send_modify(|now| {
            now.is_running = false;
            now.ended += 1;
        });
        succeeded
    }
}

/// Tells of each outage of the realm once, and of its end.
struct Outages {
    issuer: Issuer,
    is_down: bool,
}

impl Outages {
    fn tell(&mut self, fetched: &Result<KeySet, FetchError>, has_keys: bool) {
        let issuer = self.issuer.as_str();
        match fetched {
            Ok(keys) => {
                if self.is_down || !has_keys {
                    info!(issuer, keys = keys.len(), "the issuer's keys are fetched");
                }
                if keys.len() == 0 {
                    warn!(
                        issuer,
                        "the issuer has no key for RS256, ES256 or EdDSA: no token is taken"
                    );
                }
                self.is_down = false;
            }
            Err(error) if !self.is_down => {
                let until_then = if has_keys {
                    "the keys stay as they were"
                } else {
                    "until then no token can be checked"
                };
                warn!(issuer, detail = %error, "the issuer's keys were not fetched, and it is tried again: {until_then}");
                self.is_down = true;
            }
            Err(_) => {}
        }
    }
}
