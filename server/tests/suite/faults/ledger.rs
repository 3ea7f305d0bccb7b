//! What callers asked for, what they were told, and what the database holds of it.

use crate::harness::polling::DEADLINE;
use std::collections::HashMap;
use std::ops::AddAssign;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_postgres::Client;

/// A write, under a tag that no other write has.
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

/// What a caller was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It was done.
    Done,
    /// It was not, and why it is not the caller's fault.
    Failure,
    /// Nothing: the connection broke.
    Nothing,
}

struct Entry {
    kind: Kind,
    tag: String,
    told: Told,
}

/// All writes of a run.
#[derive(Default)]
pub(super) struct Ledger {
    entries: Mutex<Vec<Entry>>,
    /// Of runs before this one.
    carried: Mutex<Counts>,
    nothing_means_unwritten: AtomicBool,
    /// Something was entered.
    entered: Notify,
}

/// What came of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) acknowledged: usize,
    /// Acknowledged, but not there.
    pub(super) lost: usize,
    /// There more than once, acknowledged or not.
    pub(super) doubled: usize,
    /// A change without its event, or an event without its change.
    pub(super) half_done: usize,
    pub(super) unanswered: usize,
    pub(super) unanswered_but_written: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.half_done += other.half_done;
        self.unanswered += other.unanswered;
        self.unanswered_but_written += other.unanswered_but_written;
    }
}

impl Ledger {
    pub(super) fn enter(&self, kind: Kind, tag: String, told: Told) {
        self.entries.lock().unwrap().push(Entry { kind, tag, told });
        self.entered.notify_waiters();
    }

    /// Waits for entries until something holds of the ledger, which has to come soon.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let wait = async {
            loop {
                let mut entered = pin!(self.entered.notified());
                // From here on nothing is missed, so that looking comes after it.
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

    fn count(&self, told: Told) -> usize {
        self.entries
            .lock()
            .unwrap()
            .iter()
            .filter(|entry| entry.told == told)
            .count()
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.count(Told::Done)
    }

    pub(super) fn answered_with_failure(&self) -> usize {
        self.count(Told::Failure)
    }

    /// What was not answered was not taken either.
    pub(super) fn expect_unanswered_unwritten(&self) {
        self.nothing_means_unwritten.store(true, Ordering::Relaxed);
    }

    pub(super) fn add(&self, counts: Counts) {
        *self.carried.lock().unwrap() += counts;
    }

    /// Looks every write up.
    pub(super) async fn hold_against(&self, client: &Client) -> Counts {
        let mut counts = self.carried.lock().unwrap().clone();
        let records = tally(client, RECORDS).await;
        let events = tally(client, EVENTS).await;
        for Entry { kind, tag, told } in self.entries.lock().unwrap().iter() {
            let key = (kind.name().to_owned(), tag.clone());
            let logged = events.get(&key).copied().unwrap_or_default();
            let stored = match kind {
                Kind::TenantCreated | Kind::TrialStarted | Kind::ApiKeyCreated => {
                    records.get(&key).copied().unwrap_or_default()
                }
                // The record is the tenant's, which later writes change; the log alone is its trace.
                Kind::TenantActivated | Kind::EventAppended => logged,
            };
            if stored != logged {
                counts.half_done += 1;
            }
            if logged > 1 {
                counts.doubled += 1;
            }
            match told {
                Told::Done => {
                    counts.acknowledged += 1;
                    if logged == 0 {
                        counts.lost += 1;
                    }
                }
                Told::Failure | Told::Nothing => {
                    counts.unanswered += 1;
                    if logged > 0 {
                        counts.unanswered_but_written += 1;
                    }
                }
            }
            let was_accepted = *told == Told::Nothing && logged > 0;
            assert!(
                !was_accepted || !self.nothing_means_unwritten.load(Ordering::Relaxed),
                "{kind:?} {tag} was taken and not answered"
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
