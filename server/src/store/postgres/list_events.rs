//! The statement of `audit_list`, in one piece. diesel's own is put together for each page, name by name, only to be found
//! among those that are prepared.

use super::audit::AuditEventRow;
use super::audit_filter::{ComesAfter, HasProperties};
use crate::records::AuditQuery;
use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::{Pg, PgQueryBuilder};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Timestamptz};
use std::sync::OnceLock;

/// The events that a query asks for, newest first.
pub(super) struct ListEvents<'a> {
    properties: HasProperties<'a>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    after: Option<ComesAfter>,
    limit: i64,
}

impl<'a> ListEvents<'a> {
    pub(super) fn of(query: &'a AuditQuery) -> Self {
        let properties = HasProperties::of(query);
        let number = properties.event_number();
        Self {
            properties,
            since: query.since,
            until: query.until,
            after: query.before.map(|cursor| ComesAfter {
                cursor: cursor.get(),
                number,
            }),
            limit: i64::try_from(query.limit).unwrap_or(i64::MAX),
        }
    }
}

/// The columns of a row, in its order.
fn columns() -> QueryResult<&'static str> {
    static COLUMNS: OnceLock<String> = OnceLock::new();
    if let Some(columns) = COLUMNS.get() {
        return Ok(columns);
    }
    let mut sql = PgQueryBuilder::default();
    <AuditEventRow as Selectable<Pg>>::construct_selection().to_sql(&mut sql, &Pg)?;
    Ok(COLUMNS.get_or_init(|| sql.finish()))
}

impl QueryFragment<Pg> for ListEvents<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        out.push_sql(columns()?);
        out.push_sql(" FROM audit_log WHERE ");
        self.properties.walk_ast(out.reborrow())?;
        if let Some(since) = &self.since {
            out.push_sql(" AND created_at >= ");
            out.push_bind_param::<Timestamptz, _>(since)?;
        }
        if let Some(until) = &self.until {
            out.push_sql(" AND created_at < ");
            out.push_bind_param::<Timestamptz, _>(until)?;
        }
        if let Some(after) = &self.after {
            out.push_sql(" AND ");
            after.walk_ast(out.reborrow())?;
        }
        out.push_sql(" ORDER BY created_at DESC, ");
        out.push_sql(self.properties.event_number().sql());
        out.push_sql(" DESC LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

impl QueryId for ListEvents<'_> {
    type QueryId = ();

    /// The statement depends on which filters there are.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for ListEvents<'_> {
    type SqlType = SqlTypeOf<AsSelect<AuditEventRow, Pg>>;
}
