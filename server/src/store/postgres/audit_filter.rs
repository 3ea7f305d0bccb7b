//! The filters of `audit_list` as the one condition that its indexes are made for, and its cursor as a place in their order.
//!
//! Each combination of filters has an index over a hash of all its columns, then the order of the list (`migrations/`).
//! So the condition compares hashes, built the same way from the columns and from the values: each column's hash seeds
//! the next. The columns themselves are compared behind `IS TRUE`, which no index can serve: that keeps the planner from
//! an index of fewer columns, through whose entries it would have to search.

use super::schema::audit_log;
use crate::records::AuditQuery;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use uuid::Uuid;

/// Events that have all the properties asked for; all events where none is.
pub(super) struct HasProperties<'a> {
    tenant_id: Option<Uuid>,
    /// The columns of texts and their values, in the order of the indexes.
    texts: Vec<(&'static str, &'a str)>,
}

impl<'a> HasProperties<'a> {
    pub(super) fn of(query: &'a AuditQuery) -> Self {
        let AuditQuery {
            tenant_id,
            product,
            actor_id,
            action,
            since: _,
            until: _,
            before: _,
            limit: _,
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

    /// How the list of these events has their numbers.
    pub(super) fn event_number(&self) -> EventNumber {
        match (&self.tenant_id, self.texts.as_slice()) {
            (None, []) => EventNumber::OfAll,
            (Some(_), _) | (None, [_, ..]) => EventNumber::OfFiltered,
        }
    }

    /// The hash over the columns: the last one outermost, its seed the hash of those before.
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

    /// The same over the values.
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

impl QueryFragment<Pg> for HasProperties<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match (&self.tenant_id, self.texts.as_slice()) {
            (None, []) => out.push_sql("TRUE"),
            // A tenant alone needs no hash.
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

/// Events that the list has after the place where a cursor points: at the event with its number, or at the one with the
/// next greater number where that was pruned. All events, where there is none of these.
pub(super) struct ComesAfter {
    /// The number that the cursor is.
    pub(super) cursor: i64,
    /// How the list has the number of an event.
    pub(super) number: EventNumber,
}

/// The number of an event, as a list and its index have it: each list is in the order of its own indexes alone.
#[derive(Clone, Copy, Debug)]
pub(super) enum EventNumber {
    /// In the index for a combination of filters.
    OfFiltered,
    /// In the index for no filter.
    OfAll,
}

impl EventNumber {
    pub(super) const fn sql(self) -> &'static str {
        match self {
            Self::OfFiltered => "id",
            Self::OfAll => "(id + 0)",
        }
    }
}

impl QueryFragment<Pg> for ComesAfter {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(created_at, ");
        out.push_sql(self.number.sql());
        out.push_sql(") < (");
        for (column, beyond_all) in [("created_at", "'infinity'"), ("id", "9223372036854775807")] {
            if column == "id" {
                out.push_sql(", ");
            }
            // Looked up once, before the index is walked.
            out.push_sql("COALESCE((SELECT place.");
            out.push_identifier(column)?;
            out.push_sql(" FROM audit_log AS place WHERE place.id >= ");
            out.push_bind_param::<BigInt, _>(&self.cursor)?;
            out.push_sql(" ORDER BY place.id LIMIT 1), ");
            out.push_sql(beyond_all);
            out.push_sql(")");
        }
        out.push_sql(")");
        Ok(())
    }
}
