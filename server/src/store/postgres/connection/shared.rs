//! Connections that many requests share. Statements are pipelined: each is sent without waiting for the results of those
//! before it. Only for fast statements, because a slow one delays all that follow.

use super::pool::Connector;
use crate::error_chain::with_causes;
use crate::store::postgres::error::DbError;
use diesel_async::AsyncPgConnection;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// A fixed number of connections, opened when they are first needed.
pub(in crate::store::postgres) struct SharedConnections {
    slots: Vec<Slot>,
    next: AtomicUsize,
    connector: Connector,
    wait: Duration,
}

#[derive(Default)]
struct Slot {
    connection: RwLock<Option<Arc<AsyncPgConnection>>>,
    /// Held while a request opens the connection, so that the others wait for it.
    connecting: Mutex<()>,
}

impl Slot {
    /// A poisoned lock is safe to use: the value is replaced in one step.
    fn connection(&self) -> Option<Arc<AsyncPgConnection>> {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The references to the connection: its own, and that of each statement that runs. A connection that has to be opened
    /// comes after one without statements.
    fn load(&self) -> usize {
        let connection = self.connection.read().unwrap_or_else(PoisonError::into_inner);
        connection.as_ref().map_or(2, Arc::strong_count)
    }

    fn replace(&self, connection: Option<Arc<AsyncPgConnection>>) {
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = connection;
    }
}

impl SharedConnections {
    /// Up to `size` connections. A request waits at most `wait` for one to open.
    pub(super) fn new(size: usize, connector: Connector, wait: Duration) -> Self {
        Self {
            slots: (0..size).map(|_| Slot::default()).collect(),
            next: AtomicUsize::new(0),
            connector,
            wait,
        }
    }

    /// Returns the connection with the fewest running statements; of equal ones, the next in turn.
    pub(in crate::store::postgres) async fn get(&self) -> Result<Arc<AsyncPgConnection>, DbError> {
        let count = self.slots.len();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let in_turn = self
            .slots
            .iter()
            .cycle()
            .skip(first.checked_rem(count).unwrap_or_default());
        let Some(slot) = in_turn.take(count).min_by_key(|slot| slot.load()) else {
            return Err(DbError::Internal("no shared connection is configured".to_owned()));
        };
        if let Some(connection) = slot.connection() {
            return Ok(connection);
        }
        match timeout(self.wait, self.connect(slot)).await {
            Ok(connected) => connected,
            Err(_) => Err(DbError::Unavailable(format!(
                "no connection to the database within {:?}",
                self.wait
            ))),
        }
    }

    async fn connect(&self, slot: &Slot) -> Result<Arc<AsyncPgConnection>, DbError> {
        let _connecting = slot.connecting.lock().await;
        if let Some(connection) = slot.connection() {
            return Ok(connection);
        }
        let connected = self.connector.connect().await;
        let connection = connected.map_err(|error| DbError::Unavailable(with_causes(&error)))?;
        let connection = Arc::new(connection);
        slot.replace(Some(Arc::clone(&connection)));
        Ok(connection)
    }

    /// Stops using a connection on which a statement failed. Statements that already run on it are not affected.
    pub(in crate::store::postgres) fn discard(&self, broken: &Arc<AsyncPgConnection>) {
        for slot in &self.slots {
            if slot
                .connection()
                .is_some_and(|connection| Arc::ptr_eq(&connection, broken))
            {
                slot.replace(None);
            }
        }
    }

    /// Stops using all open connections.
    pub(super) fn discard_all(&self) {
        for slot in &self.slots {
            slot.replace(None);
        }
    }
}
