//! Lookups by an index. Those of many callers share a statement. It begins after all of them arrived, so none of them returns
//! data from before its request.

use super::batches::{BatchedRequest, Batches, Responder};
use super::error::DbError;
use super::scoped::{Bounds, ScopedDatabase};
use super::span::in_span;
use crate::store::StoreError;
use std::collections::HashMap;
use std::hash::Hash;
use std::pin::pin;
use std::slice;

/// Maximum number of lookups that share a statement.
const STATEMENT_MAX_LOOKUPS: usize = 256;

/// What is looked up.
pub(super) trait Lookup: Eq + Hash + Send + Sync + 'static {
    /// A row of the result, before it is checked.
    type Row: Send;
    /// What a lookup finds.
    type Found: Clone + Send + 'static;

    /// Reads the rows of all lookups with one statement, each with the index of its lookup.
    fn rows(
        database: &ScopedDatabase,
        lookups: &[Self],
    ) -> impl Future<Output = Result<Vec<(usize, Self::Row)>, StoreError>> + Send
    where
        Self: Sized;

    /// Converts the rows of one lookup.
    fn found(rows: Vec<Self::Row>) -> Result<Self::Found, DbError>;
}

/// Looks up records of one kind.
pub(super) struct Lookups<L: Lookup>(Batches<L, L::Found>);

impl<L: Lookup> Lookups<L> {
    /// Looks up records with at most this many statements at a time.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn new(database: &ScopedDatabase, statements: usize) -> Self {
        let database = database.clone();
        Self(Batches::new(statements, STATEMENT_MAX_LOOKUPS, move |batch| {
            look_up(database.clone(), batch)
        }))
    }

    /// Looks up records for a caller. A caller with [`Bounds`] shares no statement with others.
    pub(super) async fn find(&self, database: &ScopedDatabase, lookup: L) -> Result<L::Found, StoreError> {
        match database.bounds {
            Bounds::Tenant(_) => {
                let rows = L::rows(database, slice::from_ref(&lookup)).await?;
                return Ok(L::found(rows.into_iter().map(|(_, row)| row).collect())?);
            }
            Bounds::None => {}
        }
        // A lookup that is lost changed nothing.
        in_span("look_up", pin!(self.0.submit(lookup, DbError::Unavailable))).await
    }
}

async fn look_up<L: Lookup>(database: ScopedDatabase, batch: Vec<BatchedRequest<L, L::Found>>) {
    let mut responders: HashMap<L, Vec<Responder<L::Found>>> = HashMap::with_capacity(batch.len());
    for (lookup, responder) in batch.into_iter().map(BatchedRequest::into_parts) {
        responders.entry(lookup).or_default().push(responder);
    }
    let (lookups, responders): (Vec<L>, Vec<_>) = responders.into_iter().unzip();
    match L::rows(&database, &lookups).await {
        Ok(rows) => {
            let mut rows_of: Vec<Vec<L::Row>> = lookups.iter().map(|_| Vec::new()).collect();
            for (index, row) in rows {
                if let Some(rows) = rows_of.get_mut(index) {
                    rows.push(row);
                }
            }
            for (rows, responders) in rows_of.into_iter().zip(responders) {
                // A corrupt row fails only its own lookup.
                respond_to_all(responders, L::found(rows).map_err(StoreError::from));
            }
        }
        Err(error) => {
            for responders in responders {
                respond_to_all(responders, Err(error.clone()));
            }
        }
    }
}

fn respond_to_all<Found: Clone>(mut responders: Vec<Responder<Found>>, found: Result<Found, StoreError>) {
    let last = responders.pop();
    for responder in responders {
        responder.respond(found.clone());
    }
    if let Some(responder) = last {
        responder.respond(found);
    }
}

/// The index of a lookup from its number in `WITH ORDINALITY`, which begins with 1.
pub(super) fn index(number: i64) -> usize {
    usize::try_from(number - 1).unwrap_or(usize::MAX)
}
