//! The statement for a page of a list that is ordered by id, newest first.
//!
//! The innermost SELECT reads records in the order of one index, which the list chooses. It reads a bounded number, so that
//! a page costs the same however few of them match the other filters. If the bound is reached, the page ends there, and the
//! next one continues with the record after it. The other SELECTs filter the records, and end a page once its records are
//! large.
//!
//! The bounds and the order of the innermost SELECT name all columns of the index. No other index can serve them, whatever
//! the planner believes about the data.

use crate::records::{PageQuery, RecordPage};
use crate::store::postgres::error::DbError;
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::{Pg, PgQueryBuilder};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text, Uuid as SqlUuid};
use uuid::Uuid;

/// The maximum number of records that a page reads.
const READ_MAX: i64 = 4_000;

/// A column before the id in the index of a list, and the value that the records of the list have there.
#[derive(Clone, Copy, Debug)]
pub(super) enum IndexColumn<'a> {
    /// The column itself.
    Id(&'static str, Uuid),
    /// The hash of a text, which may be too long for an index. The index contains only rows that have the text.
    Hash(&'static str, &'a str),
}

impl IndexColumn<'_> {
    fn push_column(&self, out: &mut AstPass<'_, '_, Pg>) -> QueryResult<()> {
        match self {
            Self::Id(column, _) => out.push_identifier(column),
            Self::Hash(column, _) => {
                out.push_sql("hashtextextended(");
                out.push_identifier(column)?;
                out.push_sql(", 0)");
                Ok(())
            }
        }
    }

    fn push_value<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Self::Id(_, value) => out.push_bind_param::<SqlUuid, _>(value),
            Self::Hash(_, value) => {
                out.push_sql("hashtextextended(");
                out.push_bind_param::<Text, _>(value)?;
                out.push_sql(", 0)");
                Ok(())
            }
        }
    }
}

/// A list of the records of a table.
pub(super) trait PagedList {
    /// A row of the table.
    type Row: Selectable<Pg, SelectExpression: QueryFragment<Pg> + QueryId>;

    /// The name of the table.
    const TABLE: &'static str;

    /// The bytes of the texts of a record, as SQL.
    const BYTES: &'static str;

    /// The columns of the index before the id.
    fn index(&self) -> &[IndexColumn<'_>];

    /// The condition that the records of the page match, among those that have the values of the index.
    fn walk_filters<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

/// Selects the records of a page, each with whether it matches the filters, whether it is the last one that was read, and
/// whether another one follows. A record that does not match can only be the last one.
pub(super) struct SelectPage<L> {
    list: L,
    after: Uuid,
    /// One more than the page has.
    limit: i64,
    max_bytes: i64,
}

impl<L: PagedList> SelectPage<L> {
    pub(super) fn new(list: L, query: PageQuery) -> Self {
        let PageQuery {
            after,
            limit,
            max_bytes,
        } = query;
        Self {
            list,
            // No record has this id, which is no UUIDv7.
            after: after.unwrap_or(Uuid::max()),
            limit: i64::try_from(limit).map_or(i64::MAX, |limit| limit.saturating_add(1)),
            max_bytes: i64::try_from(max_bytes).unwrap_or(i64::MAX),
        }
    }

    /// The columns of the index except the id, separated by commas and each followed by a text.
    fn push_columns(&self, end: &str, out: &mut AstPass<'_, '_, Pg>) -> QueryResult<()> {
        for column in self.list.index() {
            column.push_column(out)?;
            out.push_sql(end);
            out.push_sql(", ");
        }
        Ok(())
    }

    /// The order of the index. Outside the innermost SELECT, the columns have the names that it gives them.
    fn push_order(&self, out: &mut AstPass<'_, '_, Pg>) {
        out.push_sql(" ORDER BY ");
        for number in 0..self.list.index().len() {
            out.push_sql(&format!("key_{number} DESC, "));
        }
        out.push_sql("id DESC");
    }

    /// The records that the page reads, with their numbers.
    fn walk_read<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT *, ");
        for (number, column) in self.list.index().iter().enumerate() {
            column.push_column(out)?;
            out.push_sql(&format!(" AS key_{number}, "));
        }
        out.push_sql("row_number() OVER (ORDER BY ");
        self.push_columns(" DESC", out)?;
        out.push_sql("id DESC) AS number FROM ");
        out.push_identifier(L::TABLE)?;
        out.push_sql(" WHERE (");
        self.push_columns("", out)?;
        out.push_sql("id) < (");
        for column in self.list.index() {
            column.push_value(out)?;
            out.push_sql(", ");
        }
        out.push_bind_param::<SqlUuid, _>(&self.after)?;
        out.push_sql(")");
        if !self.list.index().is_empty() {
            out.push_sql(" AND (");
            for (number, column) in self.list.index().iter().enumerate() {
                out.push_sql(if number == 0 { "" } else { ", " });
                column.push_column(out)?;
            }
            out.push_sql(") >= (");
            for (number, column) in self.list.index().iter().enumerate() {
                out.push_sql(if number == 0 { "" } else { ", " });
                column.push_value(out)?;
            }
            out.push_sql(")");
        }
        for column in self.list.index() {
            match column {
                IndexColumn::Id(..) => {}
                IndexColumn::Hash(column, _) => {
                    out.push_sql(" AND ");
                    out.push_identifier(column)?;
                    out.push_sql(" IS NOT NULL");
                }
            }
        }
        out.push_sql(" ORDER BY ");
        self.push_columns(" DESC", out)?;
        out.push_sql(&format!("id DESC LIMIT {READ_MAX}"));
        Ok(())
    }
}

impl<L: PagedList> QueryFragment<Pg> for SelectPage<L> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut columns = PgQueryBuilder::default();
        L::Row::construct_selection().to_sql(&mut columns, &Pg)?;
        out.push_sql(&format!(
            "SELECT {}, matches, is_last_read, has_next FROM (\
             SELECT *, sum(bytes) OVER page - bytes AS bytes_before, lead(TRUE) OVER page IS NOT NULL AS has_next FROM (\
             SELECT *, {} AS bytes FROM (SELECT *, (",
            columns.finish(),
            L::BYTES,
        ));
        self.list.walk_filters(out.reborrow())?;
        out.push_sql(&format!(
            ") IS TRUE AS matches, number = {READ_MAX} AS is_last_read FROM ("
        ));
        self.walk_read(&mut out)?;
        out.push_sql(&format!(
            ") AS {table}) AS {table} WHERE matches OR is_last_read",
            table = L::TABLE
        ));
        self.push_order(&mut out);
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(") AS found WINDOW page AS (");
        self.push_order(&mut out);
        out.push_sql(&format!(
            " ROWS UNBOUNDED PRECEDING)) AS {} WHERE bytes_before < ",
            L::TABLE
        ));
        out.push_bind_param::<BigInt, _>(&self.max_bytes)?;
        self.push_order(&mut out);
        Ok(())
    }
}

impl<L> QueryId for SelectPage<L> {
    type QueryId = ();

    /// The statement depends on which filters are set.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<L: PagedList> Query for SelectPage<L> {
    type SqlType = (SqlTypeOf<AsSelect<L::Row, Pg>>, Bool, Bool, Bool);
}

/// The page of the rows that [`SelectPage`] returns.
pub(super) fn record_page<Row, T>(
    rows: Vec<(Row, bool, bool, bool)>,
    limit: usize,
    id: impl Fn(&Row) -> Uuid,
    into_record: impl Fn(Row) -> Result<T, DbError>,
) -> Result<RecordPage<T>, DbError> {
    let beyond_limit = rows.iter().filter(|(_, matches, ..)| *matches).nth(limit).is_some();
    let end = rows.iter().take(limit.saturating_add(1)).last();
    let next = match end {
        _ if beyond_limit => rows.get(limit.saturating_sub(1)).map(|(row, ..)| id(row)),
        Some((row, _, is_last_read, has_next)) if *is_last_read || *has_next => Some(id(row)),
        Some(_) | None => None,
    };
    let matching = rows.into_iter().filter(|(_, matches, ..)| *matches).take(limit);
    let records: Result<Vec<T>, DbError> = matching.map(|(row, ..)| into_record(row)).collect();
    Ok(RecordPage {
        records: records?,
        next,
    })
}
