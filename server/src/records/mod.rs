//! What is stored, and what a rule decides about it: the types that the rules and the stores share.

mod api_key;
mod audit_event;
mod decision;
mod entitlement;
mod idempotency;
mod internal_detail;
mod page;
mod project;
mod tenant;
mod tenant_query;
mod tenant_scope;
mod words;

pub use api_key::{ApiKeyQuery, ApiKeyRecord};
pub use audit_event::{AuditEventList, AuditEventRecord, AuditQuery, NewAuditEvent};
pub use decision::{Decision, EntitlementDecision};
pub use entitlement::{EntitlementRecord, EntitlementState};
pub use idempotency::{
    EventBatch, EventWithResponse, IdempotencyRecord, ResponseContent, ResponseToBatch, ResponseToChange,
};
pub use internal_detail::InternalDetail;
pub use page::{PageQuery, RecordPage};
pub use project::{ProjectQuery, ProjectRecord};
pub use tenant::TenantRecord;
pub use tenant_query::{StatusFilter, TenantQuery};
use tenant_registry_contract::types::StoredText;
pub use tenant_scope::TenantScope;
pub use words::search_words;

use std::time::Duration;

/// The text of a request, as it is stored. For the properties of a body, name the type `T`: otherwise a property of another
/// type in the spec would still compile.
pub(crate) fn stored<T: Into<String>>(text: T) -> StoredText {
    StoredText::from(text.into())
}

/// Where pages of lists were read, if standbys may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageReadCounts {
    /// Statements for pages that ran on a standby.
    pub from_standby: u64,
    /// Statements for pages that ran on the primary.
    pub from_primary: u64,
    /// The age of the newest data that a standby is known to have.
    pub staleness: Duration,
    /// The age up to which a standby is used.
    pub max_staleness: Duration,
}

/// The counts of one of a store's connection pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// The name of the pool, as in the metrics.
    pub pool: &'static str,
    /// Connections that are open.
    pub open: usize,
    /// Connections that may be open at the same time.
    pub max: usize,
    /// Open connections that no request uses.
    pub idle: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
}
