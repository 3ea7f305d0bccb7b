//! The filters and the cursor of `audit_list` as SQL conditions that match its indexes.
//!
//! Each combination of filters has an index over a hash of all its columns, followed by the order of the list (see
//! `migrations/`). The condition therefore compares two hashes, one of the columns and one of the values. They are built
//! the same way: the hash of each column is the seed of the next. The columns themselves are compared with `IS TRUE`,
//! which no index can serve. Otherwise the planner might choose an index of fewer columns and filter its entries.

use crate::records::AuditQuery;
use crate::store::postgres::schema::audit_log;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use uuid::Uuid;

/// Matches the events with all the given properties, or all events if none is given.
pub(super) struct EventFilter<'a> {
    tenant_id: Option<Uuid>,
    /// The text columns and their values, in the order of the indexes.
    texts: Vec<(&'static str, &'a str)>,
}

impl<'a> EventFilter<'a> {
    pub(super) fn new(query: &'a AuditQuery) -> Self {
        let AuditQuery {
            tenant_id,
            product,
            actor_id,
            action,
            since: _,
            until: _,
            before: _,
            limit: _,
            max_bytes: _,
        } = query;
        let texts = [
            (
                audit_log::product::NAME,
                product.as_ref().map(|product| product.as_str()),
            ),
            (
                audit_log::actor_id::NAME,
                actor_id.as_ref().map(|actor_id| actor_id.as_str()),
            ),
            (audit_log::action::NAME, action.as_ref().map(|action| action.as_str())),
        ];
        Self {
            tenant_id: tenant_id.map(Uuid::from),
            texts: texts
                .into_iter()
                .filter_map(|(column, value)| Some((column, value?)))
                .collect(),
        }
    }

    /// The expression for the number of an event in the index of this filter.
    pub(super) fn number_column(&self) -> NumberColumn {
        match (&self.tenant_id, self.texts.as_slice()) {
            (None, []) => NumberColumn::Unfiltered,
            (Some(_), _) | (None, [_, ..]) => NumberColumn::Filtered,
        }
    }

    /// The hash of the columns. The last column is outermost; its seed is the hash of those before it.
    fn push_hash_of_columns(&self, out: &mut AstPass<'_, '_, Pg>) -> QueryResult<()> {
        for (column, _) in self.texts.iter().rev() {
            out.push_sql("hashtextextended(");
            out.push_identifier(column)?;
            out.push_sql(", ");
        }
        match self.tenant_id {
            Some(_) => out.push_sql("uuid_hash_extended(tenant_id, 0)"),
            None => out.push_sql("0"),
        }
        out.push_sql(&")".repeat(self.texts.len()));
        Ok(())
    }

    /// The hash of the values, built in the same way.
    fn push_hash_of_values<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for (_, value) in self.texts.iter().rev() {
            out.push_sql("hashtextextended(");
            out.push_bind_param::<Text, _>(value)?;
            out.push_sql(", ");
        }
        match &self.tenant_id {
            Some(tenant_id) => {
                out.push_sql("uuid_hash_extended(");
                out.push_bind_param::<SqlUuid, _>(tenant_id)?;
                out.push_sql(", 0)");
            }
            None => out.push_sql("0"),
        }
        out.push_sql(&")".repeat(self.texts.len()));
        Ok(())
    }
}

impl QueryFragment<Pg> for EventFilter<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match (&self.tenant_id, self.texts.as_slice()) {
            (None, []) => out.push_sql("TRUE"),
            // The index of a single tenant is on the column itself.
            (Some(tenant_id), []) => {
                out.push_sql("tenant_id = ");
                out.push_bind_param::<SqlUuid, _>(tenant_id)?;
            }
            (tenant_id, texts) => {
                self.push_hash_of_columns(&mut out)?;
                out.push_sql(" = ");
                self.push_hash_of_values(&mut out)?;
                if let Some(tenant_id) = tenant_id {
                    out.push_sql(" AND tenant_id IS NOT NULL AND (tenant_id = ");
                    out.push_bind_param::<SqlUuid, _>(tenant_id)?;
                    out.push_sql(") IS TRUE");
                }
                for (column, value) in texts {
                    out.push_sql(" AND ");
                    out.push_identifier(column)?;
                    out.push_sql(" IS NOT NULL AND (");
                    out.push_identifier(column)?;
                    out.push_sql(" = ");
                    out.push_bind_param::<Text, _>(value)?;
                    out.push_sql(") IS TRUE");
                }
            }
        }
        Ok(())
    }
}

/// Matches the events that follow the cursor in the list. The cursor is the number of an event. If there is no such event,
/// the event with the next greater number takes its place; if there is none, all events match. In the list of a tenant, only
/// the tenant's own events count, so that a cursor tells nothing about others.
pub(super) struct AfterCursor {
    /// The number of the event.
    pub(super) cursor: i64,
    /// The tenant of the list.
    pub(super) tenant_id: Option<Uuid>,
    /// The expression for the number in the index of the list.
    pub(super) number: NumberColumn,
}

/// The expression for the number of an event. It differs between the indexes, so that the order of each list matches only
/// its own indexes.
#[derive(Clone, Copy, Debug)]
pub(super) enum NumberColumn {
    /// In the indexes for combinations of filters.
    Filtered,
    /// In the index without filters.
    Unfiltered,
}

impl NumberColumn {
    pub(super) const fn sql(self) -> &'static str {
        match self {
            Self::Filtered => "id",
            Self::Unfiltered => "(id + 0)",
        }
    }
}

impl AfterCursor {
    /// A column of the event whose place the cursor has.
    fn push_place<'b>(&'b self, column: &str, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT place.");
        out.push_identifier(column)?;
        out.push_sql(" FROM audit_log AS place WHERE ");
        // The number in the index on the tenant and the number, or in that of all events.
        let number = match &self.tenant_id {
            Some(tenant_id) => {
                out.push_sql("place.tenant_id = ");
                out.push_bind_param::<SqlUuid, _>(tenant_id)?;
                out.push_sql(" AND ");
                "(place.id + 0)"
            }
            None => "place.id",
        };
        out.push_sql(number);
        out.push_sql(" >= ");
        out.push_bind_param::<BigInt, _>(&self.cursor)?;
        out.push_sql(" ORDER BY ");
        out.push_sql(number);
        out.push_sql(" LIMIT 1");
        Ok(())
    }
}

impl QueryFragment<Pg> for AfterCursor {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(created_at, ");
        out.push_sql(self.number.sql());
        // Both are evaluated once, before the index scan.
        out.push_sql(") < (COALESCE((");
        self.push_place(audit_log::created_at::NAME, out.reborrow())?;
        out.push_sql("), 'infinity'), COALESCE((");
        self.push_place(audit_log::id::NAME, out.reborrow())?;
        out.push_sql("), 9223372036854775807))");
        Ok(())
    }
}
