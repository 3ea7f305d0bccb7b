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
use crate::store::postgres::connection::PageStart;
use crate::store::postgres::error::DbError;
use chrono::DateTime;
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::{Pg, PgQueryBuilder};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text, Uuid as SqlUuid};
use uuid::Uuid;

/// The maximum number of records that a page reads.
pub(super) const READ_MAX: i64 = 4_000;

/// A column before the id in an index, and the value that it has in the records of the list.
#[derive(Clone, Copy, Debug)]
pub(super) enum IndexColumn<'a> {
    /// An id.
    Id(&'static str, Uuid),
    /// A word of an enum.
    Word(&'static str, &'a str),
    /// The hash of a text, which may be too long for an index. Indexes contain only rows that have the text.
    Hash(&'static str, &'a str),
    /// The hash of the tenant and of a text.
    HashOfTenant(Uuid, &'static str, &'a str),
    /// A condition that is true. The index contains only rows for which it is.
    Condition(&'static str),
}

impl IndexColumn<'_> {
    fn push_column(&self, out: &mut AstPass<'_, '_, Pg>) -> QueryResult<()> {
        match self {
            Self::Id(column, _) | Self::Word(column, _) => out.push_identifier(column),
            Self::Hash(column, _) => {
                out.push_sql("hashtextextended(");
                out.push_identifier(column)?;
                out.push_sql(", 0)");
                Ok(())
            }
            Self::HashOfTenant(_, column, _) => {
                out.push_sql("hashtextextended(");
                out.push_identifier(column)?;
                out.push_sql(", uuid_hash_extended(tenant_id, 0))");
                Ok(())
            }
            Self::Condition(condition) => {
                out.push_sql(condition);
                Ok(())
            }
        }
    }

    fn push_value<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Self::Id(_, value) => out.push_bind_param::<SqlUuid, _>(value),
            Self::Word(_, value) => out.push_bind_param::<Text, _>(value),
            Self::Hash(_, value) => {
                out.push_sql("hashtextextended(");
                out.push_bind_param::<Text, _>(value)?;
                out.push_sql(", 0)");
                Ok(())
            }
            Self::HashOfTenant(tenant_id, _, value) => {
                out.push_sql("hashtextextended(");
                out.push_bind_param::<Text, _>(value)?;
                out.push_sql(", uuid_hash_extended(");
                out.push_bind_param::<SqlUuid, _>(tenant_id)?;
                out.push_sql(", 0))");
                Ok(())
            }
            Self::Condition(_) => {
                out.push_sql("TRUE");
                Ok(())
            }
        }
    }

    /// The condition of a partial index.
    fn push_index_condition(&self, out: &mut AstPass<'_, '_, Pg>) -> QueryResult<()> {
        match self {
            Self::Id(..) | Self::Word(..) => Ok(()),
            Self::Hash(column, _) | Self::HashOfTenant(_, column, _) => {
                out.push_sql(" AND ");
                out.push_identifier(column)?;
                out.push_sql(" IS NOT NULL");
                Ok(())
            }
            Self::Condition(condition) => {
                out.push_sql(" AND ");
                out.push_sql(condition);
                Ok(())
            }
        }
    }
}

/// The index in whose order records are read. Its last column is the id of a record.
#[derive(Clone, Debug)]
pub(super) struct Index<'a> {
    /// The table of the index, if it is not that of the list.
    pub(super) table: &'static str,
    /// The column before the id, if there is one. With two, Postgres would not find the end of the list in the index: a
    /// comparison of rows ends a scan only by its first column.
    pub(super) column: Option<IndexColumn<'a>>,
    /// The column with the id.
    pub(super) id: &'static str,
    /// A further condition of the index, as ` AND …`.
    pub(super) condition: &'static str,
}

impl Index<'_> {
    /// The columns, separated by commas and each followed by a text.
    fn push_columns(&self, end: &str, out: &mut AstPass<'_, '_, Pg>) -> QueryResult<()> {
        if let Some(column) = &self.column {
            column.push_column(out)?;
            out.push_sql(end);
            out.push_sql(", ");
        }
        out.push_identifier(self.id)?;
        out.push_sql(end);
        Ok(())
    }

    /// The order of the list.
    pub(super) fn push_order(&self, out: &mut AstPass<'_, '_, Pg>) -> QueryResult<()> {
        out.push_sql(" ORDER BY ");
        self.push_columns(" DESC", out)
    }

    /// The entries of the index that follow this id, from `FROM` to the end of the conditions.
    pub(super) fn walk_entries<'b>(&'b self, after: &'b Uuid, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(" FROM ");
        out.push_identifier(self.table)?;
        out.push_sql(" WHERE (");
        self.push_columns("", out)?;
        out.push_sql(") < (");
        if let Some(column) = &self.column {
            column.push_value(out)?;
            out.push_sql(", ");
        }
        out.push_bind_param::<SqlUuid, _>(after)?;
        out.push_sql(")");
        if let Some(column) = &self.column {
            out.push_sql(" AND ");
            column.push_column(out)?;
            out.push_sql(" >= ");
            column.push_value(out)?;
            column.push_index_condition(out)?;
        }
        out.push_sql(self.condition);
        Ok(())
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

    /// The index in whose order records are read.
    fn index(&self) -> &Index<'_>;

    /// A further condition on the records that are read, as ` AND …`. It has to select few.
    fn walk_few<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()>;

    /// The condition that the records of the page match, among those that are read.
    fn walk_filters<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

/// The id that the page follows. On the first page, no record has it, because it is no UUIDv7.
pub(super) fn after(query: PageQuery) -> Uuid {
    query.after.unwrap_or(Uuid::max())
}

/// Where the page begins. An id is a UUIDv7, which begins with the time at which the record was created.
pub(super) fn start(query: PageQuery) -> PageStart {
    let Some(after) = query.after else {
        return PageStart::Newest;
    };
    let created = after.get_timestamp().and_then(|time| {
        let (seconds, nanoseconds) = time.to_unix();
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)
    });
    match created {
        Some(created_before) => PageStart::After { created_before },
        None => PageStart::AFTER_ANY,
    }
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
            after: _,
            limit,
            max_bytes,
        } = query;
        Self {
            list,
            after: after(query),
            limit: i64::try_from(limit).map_or(i64::MAX, |limit| limit.saturating_add(1)),
            max_bytes: i64::try_from(max_bytes).unwrap_or(i64::MAX),
        }
    }

    /// The order of the index, by the names that the innermost SELECT gives its columns.
    fn push_order(&self, out: &mut AstPass<'_, '_, Pg>) {
        out.push_sql(" ORDER BY ");
        if self.list.index().column.is_some() {
            out.push_sql("key_column DESC, ");
        }
        out.push_sql("key_id DESC");
    }

    /// The records that the page reads, with their numbers. Records of another table than the index are looked up one by one.
    fn walk_read<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let index = self.list.index();
        let is_own = index.table == L::TABLE;
        if !is_own {
            out.push_sql(&format!("SELECT * FROM (SELECT {} AS key_id", index.id));
        } else {
            out.push_sql(&format!("SELECT *, {} AS key_id", index.id));
        }
        if let Some(column) = &index.column {
            out.push_sql(", ");
            column.push_column(out)?;
            out.push_sql(" AS key_column");
        }
        out.push_sql(", row_number() OVER (ORDER BY ");
        index.push_columns(" DESC", out)?;
        out.push_sql(") AS number");
        index.walk_entries(&self.after, out)?;
        self.list.walk_few(out.reborrow())?;
        index.push_order(out)?;
        out.push_sql(&format!(" LIMIT {READ_MAX}"));
        if !is_own {
            // Without OFFSET, the planner could choose another kind of join, which reads more.
            out.push_sql(&format!(
                ") AS entries CROSS JOIN LATERAL (SELECT * FROM {table} WHERE id = key_id OFFSET 0) AS {table}",
                table = L::TABLE
            ));
        }
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
