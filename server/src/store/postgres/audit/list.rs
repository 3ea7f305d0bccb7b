//! The statements of `audit_list`, built as text. diesel would assemble the list of columns for each page, only to find
//! the statement among the prepared ones.
//!
//! The innermost SELECT reads the events, one more than the page has. The others end a long page once its events are large,
//! so that the service does not receive many times what a page has in bytes.
//!
//! Filters by texts may match few events. A page therefore looks through a bounded number of entries of the index, and ends
//! early if it is not full by then. The first look is short, because most filters fill a page from it.

use super::filter::{Entries, Place, TextFilters, walk_through};
use crate::store::postgres::audit_log::{AuditEventRow, columns};
use crate::store::postgres::schema::audit_log;
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Timestamptz};

/// The columns that make an event large.
const TEXTS: [&str; 9] = [
    audit_log::actor_id::NAME,
    audit_log::actor_name::NAME,
    audit_log::actor_type::NAME,
    audit_log::action::NAME,
    audit_log::target_id::NAME,
    audit_log::target_type::NAME,
    audit_log::target_name::NAME,
    audit_log::product::NAME,
    audit_log::user_agent::NAME,
];

/// The same, of type `json`.
const JSON: [&str; 2] = [audit_log::metadata::NAME, audit_log::targets::NAME];

/// The bytes of an event's texts and JSON.
fn push_bytes(out: &mut AstPass<'_, '_, Pg>) -> QueryResult<()> {
    out.push_sql("0");
    for column in JSON {
        out.push_sql(" + COALESCE(octet_length(");
        out.push_identifier(column)?;
        out.push_sql("::text), 0)");
    }
    for column in TEXTS {
        out.push_sql(" + COALESCE(octet_length(");
        out.push_identifier(column)?;
        out.push_sql("), 0)");
    }
    Ok(())
}

/// How many entries each look of a page goes through, at most.
pub(super) const LOOKS: [i64; 2] = [1_000, 20_000];

/// The same for distributed events. Each of the workers may send so many places.
pub(super) const DISTRIBUTED_LOOKS: [i64; 1] = [1_000];

/// Selects the place of the last entry of a look. None if there are fewer entries.
pub(super) struct FindEnd<'a> {
    pub(super) entries: &'a Entries,
    /// The number of entries before the last one.
    pub(super) skipped: i64,
}

impl QueryFragment<Pg> for FindEnd<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT created_at, id FROM ");
        out.push_sql(self.entries.table());
        out.push_sql(" WHERE ");
        self.entries.walk_ast(out.reborrow())?;
        self.entries.push_order(&mut out);
        out.push_sql(" LIMIT 1 OFFSET ");
        out.push_bind_param::<BigInt, _>(&self.skipped)
    }
}

impl QueryId for FindEnd<'_> {
    type QueryId = ();

    /// The statement depends on where the entries are.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for FindEnd<'_> {
    type SqlType = (Timestamptz, BigInt);
}

/// Selects events, newest first, each with whether its tenant is deleted, and whether the page ends early after it.
pub(super) struct ListEvents<'a> {
    entries: &'a Entries,
    /// The last entry that is looked at.
    through: Option<Place>,
    filters: &'a TextFilters<'a>,
    /// One more than the page has.
    limit: i64,
    max_bytes: i64,
}

impl<'a> ListEvents<'a> {
    pub(super) fn new(
        entries: &'a Entries,
        through: Option<Place>,
        filters: &'a TextFilters<'a>,
        limit: usize,
        max_bytes: usize,
    ) -> Self {
        Self {
            entries,
            through,
            filters,
            limit: i64::try_from(limit).map_or(i64::MAX, |limit| limit.saturating_add(1)),
            max_bytes: i64::try_from(max_bytes).unwrap_or(i64::MAX),
        }
    }
}

/// Whether the tenant of the event is deleted, so that the event is listed without it. The tenants are read once, and are few:
/// soon after a deletion, the stored events have no tenant either.
pub(super) const OF_DELETED_TENANT: &str =
    "COALESCE(audit_log.tenant_id = ANY (ARRAY(SELECT deleted_tenants.tenant_id FROM deleted_tenants)), FALSE)";

/// The number of events that are read without looking at their size. They are at most a few MiB, but for events that were
/// stored before contract 2.0, and the sizes would cost a first page half of its time in the database.
const UNMEASURED_EVENTS: i64 = 64;

impl ListEvents<'_> {
    /// The events in the order of the list, from `FROM` on.
    fn walk_found<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(" FROM ");
        out.push_sql(self.entries.table());
        out.push_sql(" WHERE ");
        self.entries.walk_ast(out.reborrow())?;
        if let Some(through) = &self.through {
            walk_through(self.entries, through, &mut out)?;
        }
        self.filters.walk_ast(out.reborrow())?;
        self.entries.push_order(&mut out);
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

impl QueryFragment<Pg> for ListEvents<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        out.push_sql(columns()?);
        out.push_sql(", ");
        out.push_sql(self.entries.of_deleted_tenant());
        if self.limit <= UNMEASURED_EVENTS {
            out.push_sql(", FALSE AS has_next");
            return self.walk_found(out);
        }
        out.push_sql(
            ", has_next FROM (SELECT *, sum(bytes) OVER page - bytes AS bytes_before, lead(id) OVER page IS NOT NULL AS \
             has_next FROM (SELECT *, ",
        );
        out.push_sql(self.entries.number());
        out.push_sql(" AS number, ");
        push_bytes(&mut out)?;
        out.push_sql(" AS bytes");
        self.walk_found(out.reborrow())?;
        out.push_sql(
            ") AS found WINDOW page AS (ORDER BY created_at DESC, number DESC ROWS UNBOUNDED PRECEDING)) AS audit_log \
             WHERE bytes_before < ",
        );
        out.push_bind_param::<BigInt, _>(&self.max_bytes)?;
        out.push_sql(" ORDER BY created_at DESC, number DESC");
        Ok(())
    }
}

impl QueryId for ListEvents<'_> {
    type QueryId = ();

    /// The statement depends on which filters are set.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for ListEvents<'_> {
    type SqlType = (SqlTypeOf<AsSelect<AuditEventRow, Pg>>, Bool, Bool);
}
