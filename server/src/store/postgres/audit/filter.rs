//! The filters and the place of a page of `audit_list` as SQL conditions that match its indexes.
//!
//! There are two indexes, each in the order of the list: one of all events, and one of each tenant's. Their last columns
//! are hashes of the columns that events are filtered by. Postgres compares these within the index, so that it reads only
//! the events of the page from the table. Texts may be too long for an index, and hashes can collide, so the texts are
//! compared as well.

use super::list::OF_DELETED_TENANT;
use crate::records::AuditQuery;
use crate::store::postgres::connection::PageStart;
use crate::store::postgres::schema::audit_log;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

/// A place in the order of the list.
#[derive(Clone, Copy, Debug, Queryable)]
pub(super) struct Place {
    created_at: DateTime<Utc>,
    pub(super) id: i64,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum After {
    /// After the event with this number. In the list of all events, the event with the next greater number takes the place
    /// of a missing one. In the list of a tenant, an event that is not the tenant's has no place: all events follow it if its
    /// number is greater than that of the tenant's newest event, and otherwise none. So a cursor tells nothing about the events
    /// of others.
    Cursor(i64),
    Place(Place),
}

/// A part of the list, before it is filtered by texts. It is read from one index.
#[derive(Clone, Debug)]
pub(super) struct Entries {
    tenant_id: Option<Uuid>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    pub(super) after: Option<After>,
}

impl Entries {
    pub(super) fn new(query: &AuditQuery) -> Self {
        Self {
            tenant_id: query.tenant_id.map(Uuid::from),
            since: query.since.map(DateTime::from),
            until: query.until.map(DateTime::from),
            after: query.before.map(|cursor| After::Cursor(cursor.get())),
        }
    }

    /// Where the page begins. What a cursor stands for is only known in the database.
    pub(super) fn start(&self) -> PageStart {
        let until = self.until.map(|until| PageStart::After { created_before: until });
        match self.after {
            None => PageStart::Newest,
            Some(After::Cursor(_)) => until.unwrap_or(PageStart::AFTER_ANY),
            Some(After::Place(Place { created_at, id: _ })) => PageStart::After {
                created_before: created_at,
            },
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

    /// Whether the tenant of the event is deleted.
    pub(super) const fn of_deleted_tenant(&self) -> &'static str {
        match self.tenant_id {
            // Has no entries.
            Some(_) => "FALSE",
            None => OF_DELETED_TENANT,
        }
    }

    pub(super) fn push_order(&self, out: &mut AstPass<'_, '_, Pg>) {
        out.push_sql(" ORDER BY created_at DESC, ");
        out.push_sql(self.number());
        out.push_sql(" DESC");
    }

    /// A column of the event whose place the cursor has in the list of all events.
    fn push_place<'b>(column: &str, cursor: &'b i64, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(SELECT place.");
        out.push_identifier(column)?;
        out.push_sql(" FROM audit_log AS place WHERE place.id >= ");
        out.push_bind_param::<BigInt, _>(cursor)?;
        out.push_sql(" ORDER BY place.id LIMIT 1)");
        Ok(())
    }

    fn walk_after<'b>(&'b self, after: &'b After, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(" AND (created_at, ");
        out.push_sql(self.number());
        out.push_sql(") < (");
        match (after, &self.tenant_id) {
            (After::Place(Place { created_at, id }), _) => {
                out.push_bind_param::<Timestamptz, _>(created_at)?;
                out.push_sql(", ");
                out.push_bind_param::<BigInt, _>(id)?;
            }
            // Subqueries are evaluated once, before the index scan.
            (After::Cursor(cursor), None) => {
                out.push_sql("COALESCE(");
                Self::push_place(audit_log::created_at::NAME, cursor, out)?;
                out.push_sql(", 'infinity'), COALESCE(");
                Self::push_place(audit_log::id::NAME, cursor, out)?;
                out.push_sql(", 9223372036854775807)");
            }
            (After::Cursor(cursor), Some(tenant_id)) => {
                out.push_sql("COALESCE((SELECT place.created_at FROM audit_log AS place WHERE place.id = ");
                out.push_bind_param::<BigInt, _>(cursor)?;
                out.push_sql(" AND place.tenant_id = ");
                out.push_bind_param::<SqlUuid, _>(tenant_id)?;
                out.push_sql("), (SELECT CASE WHEN newest.id < ");
                out.push_bind_param::<BigInt, _>(cursor)?;
                out.push_sql(" THEN timestamptz 'infinity' END FROM audit_log AS newest WHERE newest.tenant_id = ");
                out.push_bind_param::<SqlUuid, _>(tenant_id)?;
                out.push_sql(" ORDER BY newest.created_at DESC, newest.id DESC LIMIT 1)), ");
                out.push_bind_param::<BigInt, _>(cursor)?;
            }
        }
        out.push_sql(")");
        Ok(())
    }
}

impl QueryFragment<Pg> for Entries {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match &self.tenant_id {
            Some(tenant_id) => {
                out.push_sql("tenant_id = ");
                out.push_bind_param::<SqlUuid, _>(tenant_id)?;
                out.push_sql(" AND NOT EXISTS (SELECT FROM deleted_tenants AS deleted WHERE deleted.tenant_id = ");
                out.push_bind_param::<SqlUuid, _>(tenant_id)?;
                out.push_sql(")");
            }
            None => out.push_sql("TRUE"),
        }
        if let Some(since) = &self.since {
            out.push_sql(" AND created_at >= ");
            out.push_bind_param::<Timestamptz, _>(since)?;
        }
        if let Some(until) = &self.until {
            out.push_sql(" AND created_at < ");
            out.push_bind_param::<Timestamptz, _>(until)?;
        }
        if let Some(after) = &self.after {
            self.walk_after(after, &mut out)?;
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
