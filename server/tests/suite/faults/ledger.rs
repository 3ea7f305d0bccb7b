//! The writes of all callers, their outcomes, and what the database contains of them.

use crate::harness::polling::DEADLINE;
use std::collections::HashMap;
use std::ops::AddAssign;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_postgres::Client;

/// A kind of write. Each write has a unique tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The tag is the slug.
    TenantCreated,
    /// The tag is the plan.
    TenantActivated,
    /// The tag is the tenant's slug.
    TrialStarted,
    /// The tag is the key's name.
    ApiKeyCreated,
    /// The tag is the target's id.
    EventAppended,
}

/// The outcome of a write for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Acknowledged.
    Done,
    /// Failed with a server error.
    Failure,
    /// Unknown: the connection broke.
    Unknown,
}

struct Entry {
    kind: Kind,
    tag: String,
    outcome: Outcome,
    /// Whether the request was sent again, with its `Idempotency-Key`, until there was a response.
    was_retried: bool,
}

/// All writes of a run.
#[derive(Default)]
pub(super) struct Ledger {
    entries: Mutex<Vec<Entry>>,
    /// The results of earlier rounds.
    carried: Mutex<Counts>,
    nothing_means_unwritten: AtomicBool,
    /// Notified of each new entry.
    entered: Notify,
}

/// The number of writes by result.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) acknowledged: usize,
    /// Acknowledged only after a retry with the same `Idempotency-Key`.
    pub(super) retried: usize,
    /// Acknowledged, but not stored.
    pub(super) lost: usize,
    /// Stored more than once, acknowledged or not.
    pub(super) doubled: usize,
    /// A change without its event, or an event without its change.
    pub(super) half_done: usize,
    pub(super) unknown: usize,
    pub(super) unknown_but_written: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.retried += other.retried;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.half_done += other.half_done;
        self.unknown += other.unknown;
        self.unknown_but_written += other.unknown_but_written;
    }
}

impl Ledger {
    pub(super) fn enter(&self, kind: Kind, tag: String, outcome: Outcome, was_retried: bool) {
        self.entries.lock().unwrap().push(Entry {
            kind,
            tag,
            outcome,
            was_retried,
        });
        self.entered.notify_waiters();
    }

    /// Waits until a condition holds; fails at the deadline.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let wait = async {
            loop {
                let mut entered = pin!(self.entered.notified());
                // Register for notifications before the check, so that none is missed.
                entered.as_mut().enable();
                if holds(self) {
                    return;
                }
                entered.await;
            }
        };
        let came = timeout(DEADLINE, wait).await;
        assert!(came.is_ok(), "in {DEADLINE:?} this did not come: {what}");
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.entries
            .lock()
            .unwrap()
            .iter()
            .filter(|entry| entry.outcome == outcome)
            .count()
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.count(Outcome::Done)
    }

    /// Writes that were acknowledged only after a retry.
    pub(super) fn retried(&self) -> usize {
        self.entries.lock().unwrap().iter().filter(|it| it.was_retried).count()
    }

    pub(super) fn failures(&self) -> usize {
        self.count(Outcome::Failure)
    }

    /// Expects that a write without a response was not stored.
    pub(super) fn expect_unknown_unwritten(&self) {
        self.nothing_means_unwritten.store(true, Ordering::Relaxed);
    }

    pub(super) fn add(&self, counts: Counts) {
        *self.carried.lock().unwrap() += counts;
    }

    /// Looks up every write in the database.
    pub(super) async fn compare_with(&self, client: &Client) -> Counts {
        let mut counts = self.carried.lock().unwrap().clone();
        let records = tally(client, RECORDS).await;
        let events = tally(client, EVENTS).await;
        for entry in self.entries.lock().unwrap().iter() {
            let Entry {
                kind,
                tag,
                outcome,
                was_retried,
            } = entry;
            let key = (kind.name().to_owned(), tag.clone());
            let logged = events.get(&key).copied().unwrap_or_default();
            let stored = match kind {
                Kind::TenantCreated | Kind::TrialStarted | Kind::ApiKeyCreated => {
                    records.get(&key).copied().unwrap_or_default()
                }
                // Later writes change the tenant, so only the event shows this write.
                Kind::TenantActivated | Kind::EventAppended => logged,
            };
            if stored != logged {
                counts.half_done += 1;
            }
            if logged > 1 {
                counts.doubled += 1;
            }
            match outcome {
                Outcome::Done => {
                    counts.acknowledged += 1;
                    counts.retried += usize::from(*was_retried);
                    if logged == 0 {
                        counts.lost += 1;
                    }
                }
                Outcome::Failure | Outcome::Unknown => {
                    counts.unknown += 1;
                    if logged > 0 {
                        counts.unknown_but_written += 1;
                    }
                }
            }
            let was_accepted = *outcome == Outcome::Unknown && logged > 0;
            assert!(
                !was_accepted || !self.nothing_means_unwritten.load(Ordering::Relaxed),
                "{kind:?} {tag} was stored without a response"
            );
        }
        counts
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::TenantCreated => "tenant.created",
            Self::TenantActivated => "tenant.activated",
            Self::TrialStarted => "catalog.trial_started",
            Self::ApiKeyCreated => "api_key.created",
            Self::EventAppended => "event.appended",
        }
    }
}

/// The records, by kind and tag.
const RECORDS: &str = "SELECT 'tenant.created', slug FROM tenants \
     UNION ALL SELECT 'catalog.trial_started', slug FROM tenant_products JOIN tenants ON tenants.id = tenant_id \
     UNION ALL SELECT 'api_key.created', name FROM api_keys";

/// The events, by kind and tag.
const EVENTS: &str = "SELECT action, CASE action \
         WHEN 'tenant.created' THEN metadata->>'slug' \
         WHEN 'tenant.activated' THEN metadata->>'plan' \
         WHEN 'catalog.trial_started' THEN (SELECT slug FROM tenants WHERE tenants.id = tenant_id) \
         WHEN 'api_key.created' THEN (SELECT name FROM api_keys WHERE api_keys.id::text = target_id) \
         ELSE target_id END \
     FROM audit_log";

async fn tally(client: &Client, query: &str) -> HashMap<(String, String), usize> {
    let mut tally = HashMap::new();
    for row in client.query(query, &[]).await.unwrap() {
        let tag: Option<String> = row.get(1);
        *tally.entry((row.get(0), tag.unwrap_or_default())).or_default() += 1;
    }
    tally
}
