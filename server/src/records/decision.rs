//! The decision of a rule about a record.

use super::{EntitlementRecord, EventWithResponse, NewAuditEvent};

/// What a rule decides about a stored record. The store applies it in the transaction that read the record.
#[derive(Debug)]
pub enum Decision<T> {
    /// The record is already as requested. The store writes neither the record nor an audit event.
    Unchanged,
    /// The store writes both or neither.
    Change {
        /// The new record.
        record: Box<T>,
        /// The audit event of the change, and its response.
        event: Box<EventWithResponse>,
    },
}

/// What a rule decides about an entitlement, which need not exist.
#[derive(Debug)]
pub enum EntitlementDecision {
    /// The entitlement is already as requested. The store writes neither the record nor an audit event.
    Unchanged(EntitlementRecord),
    /// The store writes both or neither.
    Change {
        /// The new record.
        record: Box<EntitlementRecord>,
        /// The audit event of the change.
        event: Box<NewAuditEvent>,
    },
}

impl EntitlementDecision {
    /// A change and its audit event.
    pub fn change(record: EntitlementRecord, event: NewAuditEvent) -> Self {
        Self::Change {
            record: Box::new(record),
            event: Box::new(event),
        }
    }
}

impl<T> Decision<T> {
    /// A change and its audit event.
    pub fn change(record: T, event: impl Into<EventWithResponse>) -> Self {
        Self::Change {
            record: Box::new(record),
            event: Box::new(event.into()),
        }
    }
}
