//! Connections to standbys, from which pages of lists can be read, and the tasks that find out how old their data is.
//!
//! Nothing depends on a standby: a page that cannot be read from one in time is read from the primary.

use super::SetupError;
use super::connections::Connections;
use super::pool::{Connector, PoolSettings, connect_limit};
use super::position::{Position, PositionRow};
use super::staleness::{Notes, UnknownAge};
use super::url::DatabaseUrl;
use crate::error_chain::with_causes;
use crate::records::PageReadCounts;
use crate::store::postgres::error::DbError;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::ConnectionError;
use diesel::result::Error;
use diesel_async::AsyncPgConnection;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::error::Elapsed;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{info, warn};

/// How often the primary and each connection to a standby are asked for their position.
const INTERVAL: Duration = Duration::from_secs(1);

/// The time limit of these questions, and of a page that is read from a standby. A page takes milliseconds.
const LIMIT: Duration = Duration::from_secs(1);

/// For how many seconds no standby can be used before the log says so.
const LOGGED_FAILURE: u32 = 3;

/// After how many more seconds the log repeats it.
const LOGGED_AGAIN: u32 = 60;

/// How much later than the time in a record its change can be acknowledged, in time limits of a statement: the time is taken
/// first, a failed transaction is repeated within one limit, and the last attempt and its COMMIT each take up to one.
const COMMIT_LIMITS: u32 = 4;

/// How far the clocks of the service's replicas can differ.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(10);

/// How standbys are used.
#[derive(Clone, Debug)]
pub struct StandbySettings {
    /// The URL of the standbys.
    pub url: DatabaseUrl,
    /// How old a page may be.
    pub max_staleness: Duration,
}

/// Where a page of a list begins. Lists are ordered by the times at which records were created, newest first.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::postgres) enum PageStart {
    /// With the newest record.
    Newest,
    /// After a record of another page, which may show a later state than a standby has. The records that follow were created
    /// before this time.
    After { created_before: DateTime<Utc> },
}

impl PageStart {
    /// A page with records of unknown age that follows another one.
    pub(in crate::store::postgres) const AFTER_ANY: Self = Self::After {
        created_before: DateTime::<Utc>::MAX_UTC,
    };
}

/// Why a standby is not used.
#[derive(Debug, Error)]
enum StandbyError {
    #[error("cannot connect: {}", with_causes(.0))]
    Connect(#[from] ConnectionError),
    #[error("{0}")]
    Statement(#[from] Error),
    #[error("it did not respond within {0:?}")]
    TimedOut(Duration),
    #[error("it is not a standby any more")]
    Promoted,
    #[error("{0}")]
    Age(#[from] UnknownAge),
}

/// Why the position of the primary is not known.
#[derive(Debug, Error)]
enum PrimaryError {
    #[error("{0}")]
    Database(String),
    #[error("it did not respond within {LIMIT:?}")]
    TimedOut,
    #[error("DATABASE_URL leads to a standby")]
    Standby,
}

impl From<DbError> for PrimaryError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Transient(text)
            | DbError::Unavailable(text)
            | DbError::OutcomeUnknown(text)
            | DbError::Internal(text) => Self::Database(text),
        }
    }
}

/// What a standby responded when it was asked for its position.
struct Asked {
    position: Position,
    /// A time after it had this position.
    at: Instant,
}

impl Asked {
    async fn ask(connection: &AsyncPgConnection) -> Result<Self, StandbyError> {
        let row = timeout(LIMIT, PositionRow::read(connection)).await;
        let row = row.map_err(|_| StandbyError::TimedOut(LIMIT))??;
        if !row.is_standby {
            return Err(StandbyError::Promoted);
        }
        Ok(Self {
            position: row.into_position(),
            at: Instant::now(),
        })
    }
}

/// A connection to a standby.
pub(in crate::store::postgres) struct Standby {
    pub(in crate::store::postgres) connection: AsyncPgConnection,
    asked: Mutex<Asked>,
    /// Whether a page could not be read.
    has_failed: AtomicBool,
}

/// All connections to standbys. Dropping this value stops the tasks.
pub(in crate::store::postgres) struct Standbys {
    shared: Arc<Shared>,
    next: AtomicUsize,
    _tasks: JoinSet<()>,
}

/// What the tasks and requests share.
struct Shared {
    connector: Connector,
    connect_limit: Duration,
    page_limit: Duration,
    max_staleness: Duration,
    /// How much later than the time in a record a standby is complete that has the record for sure.
    commit_limit: Duration,
    notes: Mutex<Notes>,
    /// Connections that can be used, unless they have become too old.
    slots: Vec<Mutex<Option<Arc<Standby>>>>,
    /// Until when any standby was known to be complete.
    complete_until: Mutex<Instant>,
    /// Why no standby was used, most recently.
    failure: Mutex<String>,
    from_standby: AtomicU64,
    from_primary: AtomicU64,
}

/// A poisoned lock is safe to use: each value is replaced in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Standbys {
    /// Starts the tasks. `primary` returns the connections to the primary, if they may be used.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn follow(
        standbys: StandbySettings,
        settings: &PoolSettings,
        primary: impl Fn() -> Result<Arc<Connections>, DbError> + Send + Sync + 'static,
    ) -> Result<Self, SetupError> {
        let StandbySettings { url, max_staleness } = standbys;
        let commit_limits = settings.statement_timeout.saturating_mul(COMMIT_LIMITS);
        let shared = Arc::new(Shared {
            connector: Connector::new(&url, settings).map_err(SetupError::StandbyTls)?,
            connect_limit: connect_limit(&url, settings),
            page_limit: settings.statement_timeout.min(LIMIT),
            max_staleness,
            commit_limit: commit_limits.saturating_add(CLOCK_DIFFERENCE),
            notes: Mutex::new(Notes::new(max_staleness)),
            slots: (0..settings.shared).map(|_| Mutex::default()).collect(),
            complete_until: Mutex::new(Instant::now()),
            failure: Mutex::default(),
            from_standby: AtomicU64::new(0),
            from_primary: AtomicU64::new(0),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(follow_primary(Arc::clone(&shared), primary));
        for index in 0..settings.shared {
            tasks.spawn(follow_standby(Arc::clone(&shared), index));
        }
        Ok(Self {
            shared,
            next: AtomicUsize::new(0),
            _tasks: tasks,
        })
    }

    /// A connection to a standby that has every record of a page. `None` if there is none: the page is then read from the
    /// primary.
    pub(in crate::store::postgres) fn current(&self, start: PageStart) -> Option<Arc<Standby>> {
        let slots = &self.shared.slots;
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut in_turn = (0..slots.len()).filter_map(|index| {
            let turn = first.wrapping_add(index).checked_rem(slots.len())?;
            lock(slots.get(turn)?).clone()
        });
        let found = in_turn.find(|standby| self.shared.has_all(standby, start));
        if found.is_none() {
            self.shared.from_primary.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// The time limit of a page that is read from a standby.
    pub(in crate::store::postgres) fn page_limit(&self) -> Duration {
        self.shared.page_limit
    }

    /// The value of a page that was read from a standby. `None` if it failed: the page is then read from the primary, and the
    /// connection is not used any more.
    pub(in crate::store::postgres) fn finish<T>(
        &self,
        standby: &Arc<Standby>,
        result: Result<Result<T, Error>, Elapsed>,
    ) -> Option<T> {
        let shared = &self.shared;
        let error = match result {
            Ok(Ok(value)) => {
                shared.from_standby.fetch_add(1, Ordering::Relaxed);
                return Some(value);
            }
            Ok(Err(error)) => StandbyError::Statement(error),
            Err(_) => StandbyError::TimedOut(shared.page_limit),
        };
        shared.from_primary.fetch_add(1, Ordering::Relaxed);
        shared.discard(standby);
        // Other requests on this connection fail as well.
        if !standby.has_failed.swap(true, Ordering::Relaxed) {
            warn!(detail = %error, "cannot read a page from a standby; reading it from the primary");
        }
        None
    }

    /// How many reads went where, and how old the data is.
    pub(in crate::store::postgres) fn counts(&self) -> PageReadCounts {
        let shared = &self.shared;
        let complete_until = lock(&shared.complete_until);
        PageReadCounts {
            from_standby: shared.from_standby.load(Ordering::Relaxed),
            from_primary: shared.from_primary.load(Ordering::Relaxed),
            staleness: complete_until.elapsed(),
            max_staleness: shared.max_staleness,
        }
    }
}

impl Shared {
    fn complete_until(&self, standby: &Standby) -> Result<Instant, UnknownAge> {
        let Asked { position, at } = &*lock(&standby.asked);
        let complete = lock(&self.notes).complete_until(position, *at)?;
        if complete.elapsed() > self.max_staleness {
            return Err(UnknownAge::TooOld);
        }
        Ok(complete)
    }

    fn has_all(&self, standby: &Standby, start: PageStart) -> bool {
        let Ok(complete) = self.complete_until(standby) else {
            return false;
        };
        match start {
            PageStart::Newest => true,
            PageStart::After { created_before } => {
                let now = DateTime::<Utc>::from(SystemTime::now());
                let age = TimeDelta::from_std(complete.elapsed().saturating_add(self.commit_limit));
                age.is_ok_and(|age| now.signed_duration_since(created_before) >= age)
            }
        }
    }

    /// Stops using a connection.
    fn discard(&self, standby: &Arc<Standby>) {
        for slot in &self.slots {
            let mut slot = lock(slot);
            if slot.as_ref().is_some_and(|other| Arc::ptr_eq(other, standby)) {
                *slot = None;
            }
        }
    }

    /// Notes the position of the primary.
    async fn note(&self, primary: &impl Fn() -> Result<Arc<Connections>, DbError>) -> Result<(), PrimaryError> {
        let asked = Instant::now();
        let connections = primary()?;
        let connection = connections.lookups.get().await?;
        let row = match timeout(LIMIT, PositionRow::read(&connection)).await {
            Ok(Ok(row)) => row,
            Ok(Err(error)) => {
                let error = DbError::from(error);
                match error {
                    // The connection is not the cause.
                    DbError::Internal(_) => {}
                    DbError::Transient(_) | DbError::Unavailable(_) | DbError::OutcomeUnknown(_) => {
                        connections.lookups.discard(&connection);
                    }
                }
                return Err(error.into());
            }
            Err(_) => {
                connections.lookups.discard(&connection);
                return Err(PrimaryError::TimedOut);
            }
        };
        if row.is_standby {
            return Err(PrimaryError::Standby);
        }
        // The position may be that of an old primary.
        connections.lease.check()?;
        lock(&self.notes).add(asked, row.into_position());
        Ok(())
    }

    /// Asks the standby of a slot for its position, after connecting to one if necessary.
    async fn refresh(&self, slot: &Mutex<Option<Arc<Standby>>>) -> Result<(), StandbyError> {
        let current = lock(slot).clone();
        let standby = match current {
            Some(standby) => {
                let asked = Asked::ask(&standby.connection).await?;
                *lock(&standby.asked) = asked;
                standby
            }
            None => {
                let connecting = timeout(self.connect_limit, self.connector.connect()).await;
                let connection = connecting.map_err(|_| StandbyError::TimedOut(self.connect_limit))??;
                let asked = Mutex::new(Asked::ask(&connection).await?);
                Arc::new(Standby {
                    connection,
                    asked,
                    has_failed: AtomicBool::new(false),
                })
            }
        };
        match self.complete_until(&standby) {
            Ok(complete) => {
                let mut latest = lock(&self.complete_until);
                *latest = complete.max(*latest);
            }
            // The task that follows the primary reports this.
            Err(UnknownAge::NoPrimary) => {}
            Err(error) => return Err(error.into()),
        }
        *lock(slot) = Some(standby);
        Ok(())
    }

    fn is_any_current(&self) -> bool {
        let mut standbys = self.slots.iter().filter_map(|slot| lock(slot).clone());
        standbys.any(|standby| self.complete_until(&standby).is_ok())
    }
}

async fn follow_primary(shared: Arc<Shared>, primary: impl Fn() -> Result<Arc<Connections>, DbError>) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut report = Report::default();
    loop {
        ticks.tick().await;
        if let Err(error) = shared.note(&primary).await {
            *lock(&shared.failure) = format!("the position of the primary is not known: {error}");
        }
        report.add(shared.is_any_current(), &shared.failure);
    }
}

async fn follow_standby(shared: Arc<Shared>, index: usize) {
    let Some(slot) = shared.slots.get(index) else {
        return;
    };
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = shared.refresh(slot).await {
            // The next connection may lead to another standby.
            *lock(slot) = None;
            *lock(&shared.failure) = error.to_string();
        }
    }
}

/// Reports to the log whether standbys are used.
#[derive(Default)]
struct Report {
    is_used: bool,
    /// The number of failures since a standby was used, or since the log said so.
    failures: u32,
    is_logged: bool,
}

impl Report {
    fn add(&mut self, is_any_current: bool, failure: &Mutex<String>) {
        if is_any_current {
            if !self.is_used {
                info!("pages of lists are read from standbys");
            }
            *self = Self {
                is_used: true,
                failures: 0,
                is_logged: false,
            };
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let limit = if self.is_logged { LOGGED_AGAIN } else { LOGGED_FAILURE };
        let detail = lock(failure);
        if self.failures >= limit && !detail.is_empty() {
            *self = Self {
                is_used: false,
                failures: 0,
                is_logged: true,
            };
            warn!(
                detail = *detail,
                "no standby can be used; pages of lists are read from the primary"
            );
        }
    }
}
