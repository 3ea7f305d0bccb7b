//! The statement of `audit_list`, built as text. diesel would assemble the list of columns for each page, only to find
//! the statement among the prepared ones.

use super::filter::{AfterCursor, EventFilter};
use crate::records::AuditQuery;
use crate::store::postgres::audit_log::AuditEventRow;
use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::{Pg, PgQueryBuilder};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Timestamptz};
use std::sync::OnceLock;
use uuid::Uuid;

/// Selects the events of a query, newest first.
pub(super) struct ListEvents<'a> {
    filter: EventFilter<'a>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    after: Option<AfterCursor>,
    limit: i64,
}

impl<'a> ListEvents<'a> {
    pub(super) fn new(query: &'a AuditQuery) -> Self {
        let filter = EventFilter::new(query);
        let number = filter.number_column();
        Self {
            filter,
            since: query.since.map(DateTime::from),
            until: query.until.map(DateTime::from),
            after: query.before.map(|cursor| AfterCursor {
                cursor: cursor.get(),
                tenant_id: query.tenant_id.map(Uuid::from),
                number,
            }),
            limit: i64::try_from(query.limit).unwrap_or(i64::MAX),
        }
    }
}

/// The selected columns.
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
        self.filter.walk_ast(out.reborrow())?;
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
        out.push_sql(self.filter.number_column().sql());
        out.push_sql(" DESC LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

impl QueryId for ListEvents<'_> {
    type QueryId = ();

    /// The statement depends on which filters are set.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for ListEvents<'_> {
    type SqlType = SqlTypeOf<AsSelect<AuditEventRow, Pg>>;
}
