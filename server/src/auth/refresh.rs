//! Keeps the issuer's keys up to date: at regular intervals, and when a token names an unknown key.
//!
//! A single task fetches, so that any number of waiting callers cause one request. While the issuer is down, the last
//! fetched keys stay in use.

use super::fetch::{FetchError, Fetcher};
use super::issuer_url::IssuerUrl;
use super::keys::{KeySet, KeySetError, LeftOutKey};
use backon::{BackoffBuilder, ExponentialBuilder};
use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

/// The delay before the first retry of a failed fetch. It doubles with each retry.
const MIN_RETRY_DELAY: Duration = Duration::from_secs(1);

/// The maximum delay between two retries.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(60);

/// How often keys are fetched.
#[derive(Clone, Copy, Debug)]
pub struct RefreshSettings {
    /// The time between two fetches.
    pub interval: Duration,
    /// The minimum time between two fetches that tokens with unknown keys cause. It limits the load that such tokens put
    /// on the issuer.
    pub pause: Duration,
}

impl Default for RefreshSettings {
    /// A withdrawn key is rejected after at most 5 minutes. A new key is accepted after at most 10 seconds.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(300),
            pause: Duration::from_secs(10),
        }
    }
}

/// The state that the fetching task shares with waiting callers.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    is_requested: bool,
    is_running: bool,
    last_started: Option<Instant>,
    /// The number of fetches that have ended, successfully or not.
    ended: u64,
}

/// The current keys, and the task that fetches them. Dropping this value stops the task.
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
    pub(super) fn start(issuer: IssuerUrl, settings: RefreshSettings) -> Result<Self, reqwest::Error> {
        let (keys, progress) = (Arc::default(), watch::Sender::default());
        let task = Task {
            outages: Outages {
                issuer: issuer.clone(),
                is_down: false,
                left_out: HashSet::new(),
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

    /// The last fetched keys. There are none before the first successful fetch.
    pub(super) fn keys(&self) -> Option<Arc<KeySet>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Requests a fetch and waits until it ends, successfully or not. Returns at once if the last fetch was recent.
    pub(super) async fn refetch(&self) {
        let mut progress = self.progress.subscribe();
        let mut ended = None;
        self.progress.send_if_modified(|now| {
            let is_pending = now.is_requested || now.is_running;
            if is_pending || now.last_started.is_none_or(|start| start.elapsed() >= self.pause) {
                ended = Some(now.ended);
                now.is_requested = !now.is_running;
            }
            !is_pending && now.is_requested
        });
        if let Some(ended) = ended {
            // This fails only if the task is gone, which means that the runtime is shutting down.
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
        let mut progress = self.progress.subscribe();
        let delays = ExponentialBuilder::default()
            .with_min_delay(MIN_RETRY_DELAY)
            .with_max_delay(MAX_RETRY_DELAY)
            .without_max_times()
            .with_jitter();
        let mut retries = delays.build();
        loop {
            let delay = if self.fetch().await {
                retries = delays.build();
                self.interval
            } else {
                retries.next().unwrap_or(MAX_RETRY_DELAY)
            };
            tokio::select! {
                () = sleep(delay) => {}
                _ = progress.wait_for(|now| now.is_requested) => {}
            }
        }
    }

    /// Fetches the keys. Returns whether that succeeded.
    async fn fetch(&mut self) -> bool {
        self.progress.send_modify(|now| {
            now.is_requested = false;
            now.is_running = true;
            now.last_started = Some(Instant::now());
        });
        let fetched = self.fetcher.fetch().await;
        let has_keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).is_some();
        self.outages.report(&fetched, has_keys);
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

/// Logs the start and the end of each outage of the issuer, and the keys that are left out.
struct Outages {
    issuer: IssuerUrl,
    is_down: bool,
    /// The keys that the last fetched document had, and that were left out. The log has a line for each.
    left_out: HashSet<LeftOutKey>,
}

impl Outages {
    fn report(&mut self, fetched: &Result<KeySet, FetchError>, has_keys: bool) {
        match fetched {
            Ok(keys) => self.report_left_out(keys.left_out()),
            Err(FetchError::Keys {
                url: _,
                error: KeySetError::NoUsableKey(left_out),
            }) => self.report_left_out(left_out),
            Err(_) => {}
        }
        let issuer = self.issuer.as_str();
        match fetched {
            Ok(keys) => {
                if self.is_down || !has_keys {
                    info!(issuer, keys = keys.len(), "fetched the issuer's keys");
                }
                self.is_down = false;
            }
            Err(error) if !self.is_down => {
                let consequence = if has_keys {
                    "the last fetched keys stay in use"
                } else {
                    "no token can be checked"
                };
                warn!(issuer, detail = %error, "cannot fetch the issuer's keys; retrying, and meanwhile {consequence}");
                self.is_down = true;
            }
            Err(_) => {}
        }
    }

    /// A key stays in the document for weeks, so only its first occurrence is news.
    fn report_left_out(&mut self, left_out: &[LeftOutKey]) {
        let left_out: HashSet<LeftOutKey> = left_out.iter().cloned().collect();
        for LeftOutKey { id, reason } in left_out.difference(&self.left_out) {
            let issuer = self.issuer.as_str();
            warn!(issuer, kid = id.as_deref(), %reason, "a key of the issuer is not used");
        }
        self.left_out = left_out;
    }
}

#[cfg(test)]
mod tests {
    use super::{Refresh, RefreshSettings};
    use serde_json::{Value, json};
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;
    use test_support::issuer::Signer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Starts an issuer that publishes these keys. Returns its URL.
    async fn issuer(keys: Arc<Mutex<Value>>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let discovery = json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/keys") });
        tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let length = connection.read(&mut request).await.unwrap();
                let document = if request[..length].starts_with(b"GET /keys ") {
                    json!({ "keys": *keys.lock().unwrap() })
                } else {
                    discovery.clone()
                };
                let response = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{document}");
                connection.write_all(response.as_bytes()).await.unwrap();
            }
        });
        issuer
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            Write::write(&mut *self.0.lock().unwrap(), text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        fn count(&self, text: &str) -> usize {
            String::from_utf8_lossy(&self.0.lock().unwrap()).matches(text).count()
        }
    }

    #[tokio::test]
    async fn keys_that_cannot_be_used_neither_replace_others_nor_count_as_keys() {
        let log = Log::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let _lines = tracing::subscriber::set_default(lines);

        let for_encryption = {
            let mut key = Signer::rs256().jwk("for-encryption");
            key["use"] = "enc".into();
            key
        };
        let keys = Arc::new(Mutex::new(json!([for_encryption])));
        let settings = RefreshSettings {
            interval: Duration::from_secs(3600),
            pause: Duration::ZERO,
        };
        let refresh = Refresh::start(issuer(Arc::clone(&keys)).await.parse().unwrap(), settings).unwrap();
        for _ in 0..3 {
            refresh.refetch().await;
            assert!(refresh.keys().is_none(), "no key can be used");
        }
        assert_eq!(log.count("cannot fetch the issuer's keys"), 1);
        assert_eq!(log.count("has no key that can verify tokens"), 1);

        *keys.lock().unwrap() = json!([for_encryption, Signer::ed_dsa().jwk("good")]);
        for _ in 0..3 {
            refresh.refetch().await;
        }
        let good = refresh.keys().unwrap();
        assert_eq!(good.len(), 1);

        for nothing in [json!([for_encryption]), json!([])] {
            *keys.lock().unwrap() = nothing;
            refresh.refetch().await;
            assert_eq!(refresh.keys().unwrap().id(), good.id(), "the last keys stay");
        }
        assert_eq!(log.count("a key of the issuer is not used"), 1, "not on every fetch");
        assert_eq!(log.count("for-encryption"), 1);
    }
}
