//! The filters and the place of a page of `audit_list` as SQL conditions that match its indexes.
//!
//! Recent and distributed events are in two tables with the same two indexes, each in the order of the list: one of all
//! events, and one of each tenant's. Their last columns are hashes of the columns that events are filtered by. Postgres
//! compares these within the index, so that it reads only the events of the page from the table. Texts may be too long for
//! an index, and hashes can collide, so the texts are compared as well.

use super::distributed::Week;
use super::list::OF_DELETED_TENANT;
use crate::records::AuditQuery;
use crate::store::postgres::connection::PageStart;
use crate::store::postgres::schema::audit_log;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{Array, BigInt, Integer, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

/// A place in the order of the list.
#[derive(Clone, Copy, Debug, Queryable)]
pub(super) struct Place {
    pub(super) created_at: DateTime<Utc>,
    pub(super) id: i64,
}

/// The table that entries are read from.
#[derive(Clone, Debug)]
enum Source {
    Recent,
    /// `audit_log_distributed`, and the weeks of the events.
    Distributed(Vec<i32>),
}

/// A part of the list, before it is filtered by texts. It is read from one index.
#[derive(Clone, Debug)]
pub(super) struct Entries {
    source: Source,
    pub(super) tenant_id: Option<Uuid>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    /// The place that the entries follow.
    pub(super) after: Option<Place>,
}

impl Entries {
    /// The entries in `audit_log`.
    pub(super) fn recent(query: &AuditQuery, after: Option<Place>) -> Self {
        Self {
            source: Source::Recent,
            tenant_id: query.tenant_id.map(Uuid::from),
            since: query.since.map(DateTime::from),
            until: query.until.map(DateTime::from),
            after,
        }
    }

    /// The entries of these weeks that are distributed. The weeks are sorted, newest first.
    pub(super) fn distributed(&self, weeks: &[Week]) -> Self {
        let oldest = weeks.last().and_then(|week| week.start());
        let end = weeks.first().and_then(|week| week.end());
        Self {
            source: Source::Distributed(weeks.iter().map(|week| week.number).collect()),
            // The bounds of the weeks lead the scan of the index to them. A table on a worker has other weeks as well.
            since: self.since.max(oldest),
            until: match (self.until, end) {
                (Some(until), Some(end)) => Some(until.min(end)),
                (until, end) => until.or(end),
            },
            ..self.clone()
        }
    }

    /// Whether entries of this week may be among these.
    pub(super) fn may_include(&self, week: &Week) -> bool {
        let newest = [self.after.map(|place| place.created_at), self.until]
            .into_iter()
            .flatten()
            .min();
        let begins_too_late = newest.is_some_and(|newest| week.start().is_some_and(|start| start > newest));
        let ends_too_early = self
            .since
            .is_some_and(|since| week.end().is_some_and(|end| end <= since));
        !begins_too_late && !ends_too_early
    }

    pub(super) const fn is_distributed(&self) -> bool {
        match self.source {
            Source::Recent => false,
            Source::Distributed(_) => true,
        }
    }

    /// Where the page begins.
    pub(super) fn start(&self) -> PageStart {
        let newest = [self.after.map(|place| place.created_at), self.until]
            .into_iter()
            .flatten()
            .min();
        match newest {
            None => PageStart::Newest,
            Some(created_before) => PageStart::After { created_before },
        }
    }

    /// The table, under the name that the columns are selected by.
    pub(super) const fn table(&self) -> &'static str {
        match self.source {
            Source::Recent => "audit_log",
            Source::Distributed(_) => "audit_log_distributed AS audit_log",
        }
    }

    /// The number of an event as the index has it. The expressions differ, so that the order of each list matches only its
    /// own index, whatever the planner believes about the data.
    pub(super) const fn number(&self) -> &'static str {
        match self.tenant_id {
            Some(_) => "id",
            None => "(id + 0)",
        }
    }

    /// Whether the tenant of the event is deleted. Distributed events cannot be compared with a table of the coordinator in
    /// the same statement.
    pub(super) const fn of_deleted_tenant(&self) -> &'static str {
        match (&self.source, self.tenant_id) {
            // Has no entries.
            (Source::Recent, Some(_)) | (Source::Distributed(_), _) => "FALSE",
            (Source::Recent, None) => OF_DELETED_TENANT,
        }
    }

    pub(super) fn push_order(&self, out: &mut AstPass<'_, '_, Pg>) {
        out.push_sql(" ORDER BY created_at DESC, ");
        out.push_sql(self.number());
        out.push_sql(" DESC");
    }
}

impl QueryFragment<Pg> for Entries {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match (&self.source, &self.tenant_id) {
            (Source::Recent, Some(tenant_id)) => {
                out.push_sql("tenant_id = ");
                out.push_bind_param::<SqlUuid, _>(tenant_id)?;
                out.push_sql(" AND NOT EXISTS (SELECT FROM deleted_tenants AS deleted WHERE deleted.tenant_id = ");
                out.push_bind_param::<SqlUuid, _>(tenant_id)?;
                out.push_sql(")");
            }
            (Source::Recent, None) => out.push_sql("TRUE"),
            (Source::Distributed(weeks), tenant_id) => {
                out.push_sql("week = ANY (");
                out.push_bind_param::<Array<Integer>, _>(weeks)?;
                out.push_sql(")");
                if let Some(tenant_id) = tenant_id {
                    out.push_sql(" AND tenant_id = ");
                    out.push_bind_param::<SqlUuid, _>(tenant_id)?;
                }
            }
        }
        if let Some(since) = &self.since {
            out.push_sql(" AND created_at >= ");
            out.push_bind_param::<Timestamptz, _>(since)?;
        }
        if let Some(until) = &self.until {
            out.push_sql(" AND created_at < ");
            out.push_bind_param::<Timestamptz, _>(until)?;
        }
        if let Some(Place { created_at, id }) = &self.after {
            out.push_sql(" AND (created_at, ");
            out.push_sql(self.number());
            out.push_sql(") < (");
            out.push_bind_param::<Timestamptz, _>(created_at)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(id)?;
            out.push_sql(")");
        }
        Ok(())
    }
}

/// The entries up to this one, which is the last of a look.
pub(super) fn walk_through<'b>(
    entries: &Entries,
    through: &'b Place,
    out: &mut AstPass<'_, 'b, Pg>,
) -> QueryResult<()> {
    out.push_sql(" AND (created_at, ");
    out.push_sql(entries.number());
    out.push_sql(") >= (");
    out.push_bind_param::<Timestamptz, _>(&through.created_at)?;
    out.push_sql(", ");
    out.push_bind_param::<BigInt, _>(&through.id)?;
    out.push_sql(")");
    Ok(())
}

/// Matches the events with all the given texts.
pub(super) struct TextFilters<'a>(Vec<TextFilter<'a>>);

struct TextFilter<'a> {
    column: &'static str,
    /// The hash of the column, as the indexes have it.
    hash: &'static str,
    value: &'a str,
}

impl<'a> TextFilters<'a> {
    pub(super) fn new(query: &'a AuditQuery) -> Self {
        let AuditQuery {
            tenant_id: _,
            product,
            actor_id,
            action,
            since: _,
            until: _,
            before: _,
            limit: _,
            max_bytes: _,
        } = query;
        let product = product.as_ref().map(|product| TextFilter {
            column: audit_log::product::NAME,
            hash: "(hashtext(COALESCE(product, '')) & 32767)::smallint",
            value: product.as_str(),
        });
        let actor_id = actor_id.as_ref().map(|actor_id| TextFilter {
            column: audit_log::actor_id::NAME,
            hash: "(hashtext(COALESCE(actor_id, '')) & 32767)::smallint",
            value: actor_id.as_str(),
        });
        let action = action.as_ref().map(|action| TextFilter {
            column: audit_log::action::NAME,
            hash: "(hashtext(action) & 32767)::smallint",
            value: action.as_str(),
        });
        Self([product, actor_id, action].into_iter().flatten().collect())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl QueryFragment<Pg> for TextFilters<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for TextFilter { column, hash, value } in &self.0 {
            out.push_sql(" AND ");
            out.push_sql(hash);
            out.push_sql(" = (hashtext(");
            out.push_bind_param::<Text, _>(value)?;
            out.push_sql(") & 32767)::smallint AND ");
            out.push_identifier(column)?;
            out.push_sql(" = ");
            out.push_bind_param::<Text, _>(value)?;
        }
        Ok(())
    }
}
