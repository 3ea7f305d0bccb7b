//! Follows the primary: a task asks etcd who holds the lock, and connects to that host. When another one takes the lock, the
//! connections are replaced.

use super::SetupError;
use super::connections::Connections;
use super::etcd::{Etcd, EtcdError, EtcdSettings, Holder, Lock};
use super::lease::{Deadline, Lease};
use super::pool::PoolSettings;
use super::url::{DatabaseUrl, ServerAddress};
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::sleep_until;
use tracing::{info, warn};

/// How often etcd is asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// The same after a rejected login. Checking a password is slow, and etcd has to stay fast.
const LOGIN_INTERVAL: Duration = Duration::from_secs(5);

/// After how many failures the log says so. A few are normal, for example in a failover.
const LOGGED_FAILURE: u32 = 3;

/// After how many more failures the log repeats it.
const LOGGED_AGAIN: u32 = 60;

/// Why the service has no confirmed primary.
#[derive(Debug, Error)]
enum PrimaryError {
    #[error("{0}")]
    Etcd(#[from] EtcdError),
    #[error("no host holds the lock of the primary: etcd has no key {0} (DATABASE_ETCD_PREFIX)")]
    NoHolder(String),
    #[error("{0} holds the lock of the primary, but etcd has no address for it")]
    NoAddress(String),
    #[error(
        "the primary is {0}, which is not a host of DATABASE_URL; name each host there as its Patroni does \
         (`connect_address`)"
    )]
    UnknownHost(ServerAddress),
    #[error("{0} holds the lock of the primary, but its lease has ended")]
    LeaseEnded(String),
    #[error("{0}")]
    Setup(#[from] SetupError),
}

/// The connections to the primary. Dropping this value stops the task that replaces them.
pub(super) struct Primary {
    current: watch::Receiver<Option<Arc<Connections>>>,
    task: AbortHandle,
}

impl Drop for Primary {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Primary {
    /// Starts the task.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn follow(etcd: EtcdSettings, url: &DatabaseUrl, settings: &PoolSettings) -> Result<Self, SetupError> {
        let (sender, current) = watch::channel(None);
        let task = Task {
            etcd: Etcd::new(etcd)?,
            url: url.clone(),
            settings: settings.clone(),
            current: sender,
            followed: None,
            failures: 0,
        };
        Ok(Self {
            current,
            task: tokio::spawn(task.run()).abort_handle(),
        })
    }

    /// The connections to the primary, whether or not their lease has ended. There are none while no host is known to hold
    /// the lock.
    pub(super) fn current(&self) -> Option<Arc<Connections>> {
        self.current.borrow().clone()
    }
}

/// The holder of the lock that the current connections lead to.
struct Followed {
    holder: Holder,
    deadline: Arc<Deadline>,
}

struct Task {
    etcd: Etcd,
    url: DatabaseUrl,
    settings: PoolSettings,
    current: watch::Sender<Option<Arc<Connections>>>,
    followed: Option<Followed>,
    /// The number of failures since the last success.
    failures: u32,
}

impl Task {
    async fn run(mut self) {
        loop {
            let start = Instant::now();
            let confirmed = self.confirm().await;
            self.report(&confirmed);
            let pause = match confirmed {
                Err(PrimaryError::Etcd(EtcdError::Login { .. })) => LOGIN_INTERVAL,
                Ok(()) | Err(_) => INTERVAL,
            };
            sleep_until((start + pause).into()).await;
        }
    }

    /// Asks etcd once. If it does not respond, the lease of the current connections runs out.
    async fn confirm(&mut self) -> Result<(), PrimaryError> {
        let Some(lock) = self.etcd.lock().await? else {
            self.release();
            return Err(PrimaryError::NoHolder(self.etcd.lock_key()));
        };
        let deadline = match &self.followed {
            Some(Followed { holder, deadline }) if *holder == lock.holder => {
                deadline.postpone(lock.end);
                Arc::clone(deadline)
            }
            Some(_) | None => self.connect(&lock)?,
        };
        if deadline.left(Instant::now()).is_zero() {
            return Err(PrimaryError::LeaseEnded(lock.holder.member));
        }
        Ok(())
    }

    /// Replaces the connections by those to another holder of the lock, which are opened when they are needed.
    fn connect(&mut self, lock: &Lock) -> Result<Arc<Deadline>, PrimaryError> {
        // First, so that the old primary is not used, whatever is wrong with the new one.
        self.release();
        let Lock { holder, address, end } = lock;
        let Some(address) = address else {
            return Err(PrimaryError::NoAddress(holder.member.clone()));
        };
        let Some(url) = self.url.for_primary(address) else {
            return Err(PrimaryError::UnknownHost(address.clone()));
        };
        let deadline = Arc::new(Deadline::new(Instant::now(), *end));
        let lease = Lease::Limited(Arc::clone(&deadline));
        let connections = Connections::new(&url, &self.settings, lease)?;
        self.current.send_replace(Some(Arc::new(connections)));
        info!(host = %address, "this host is the primary");
        self.followed = Some(Followed {
            holder: holder.clone(),
            deadline: Arc::clone(&deadline),
        });
        Ok(deadline)
    }

    /// Stops using the current connections.
    fn release(&mut self) {
        if let Some(Followed { holder: _, deadline }) = self.followed.take() {
            deadline.pass();
            self.current.send_replace(None);
        }
    }

    fn report(&mut self, confirmed: &Result<(), PrimaryError>) {
        match confirmed {
            Ok(()) => {
                if self.failures >= LOGGED_FAILURE {
                    info!("etcd confirms the primary again");
                }
                self.failures = 0;
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures % LOGGED_AGAIN == LOGGED_FAILURE {
                    warn!(
                        detail = %error,
                        "cannot confirm which host is the primary; retrying, and requests get 503 when its lease has ended"
                    );
                }
            }
        }
    }
}
