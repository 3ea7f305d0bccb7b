//! Connections that many requests share: what they ask is sent without waiting for the answers before, which come back in
//! order. For statements that an index serves in a bounded time: one that takes long would keep all others waiting.

use super::fault::DbError;
use super::pool::Connector;
use diesel_async::AsyncPgConnection;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// A few connections, made when they are needed.
pub(super) struct SharedConnections {
    places: Vec<Place>,
    next: AtomicUsize,
    connector: Connector,
    wait: Duration,
}

#[derive(Default)]
struct Place {
    connection: RwLock<Option<Arc<AsyncPgConnection>>>,
    /// Held by the one who connects; the others wait for his connection.
    connecting: Mutex<()>,
}

impl Place {
    /// A thread that panicked while it held the lock left what was there: it is replaced in one step.
    fn connection(&self) -> Option<Arc<AsyncPgConnection>> {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, connection: Option<Arc<AsyncPgConnection>>) {
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = connection;
    }
}

impl SharedConnections {
    /// So many places, for each of which somebody waits at most so long.
    pub(super) fn new(places: usize, connector: Connector, wait: Duration) -> Self {
        Self {
            places: (0..places).map(|_| Place::default()).collect(),
            next: AtomicUsize::new(0),
            connector,
            wait,
        }
    }

    /// The connection whose turn it is.
    pub(super) async fn get(&self) -> Result<Arc<AsyncPgConnection>, DbError> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(place) = self.places.get(turn.checked_rem(self.places.len()).unwrap_or_default()) else {
            return Err(DbError::Internal("there is no shared connection".to_owned()));
        };
        if let Some(connection) = place.connection() {
            return Ok(connection);
        }
        match timeout(self.wait, self.connect(place)).await {
            Ok(connected) => connected,
            Err(_) => Err(DbError::Unavailable(format!("no connection within {:?}", self.wait))),
        }
    }

    async fn connect(&self, place: &Place) -> Result<Arc<AsyncPgConnection>, DbError> {
        let _connecting = place.connecting.lock().await;
        if let Some(connection) = place.connection() {
            return Ok(connection);
        }
        let connected = self.connector.connect().await;
        let connection = connected.map_err(|error| DbError::Unavailable(crate::error_chain::with_causes(&error)))?;
        let connection = Arc::new(connection);
        place.replace(Some(Arc::clone(&connection)));
        Ok(connection)
    }

    /// A connection on which something failed is not given out again. Who still waits on it gets what comes.
    pub(super) fn discard(&self, broken: &Arc<AsyncPgConnection>) {
        for place in &self.places {
            if place
                .connection()
                .is_some_and(|connection| Arc::ptr_eq(&connection, broken))
            {
                place.replace(None);
            }
        }
    }

    /// None of the connections is given out again.
    pub(super) fn discard_all(&self) {
        for place in &self.places {
            place.replace(None);
        }
    }
}
