//! Conversions from columns to the types of records.

use super::error::DbError;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgQueryBuilder, PgValue};
use diesel::prelude::*;
use diesel::query_builder::{QueryBuilder, QueryFragment};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Json;
use std::fmt::Display;
use std::io::Write;
use std::str;
use std::sync::OnceLock;
use tenant_registry_contract::types::{ConstraintError, JsonObject};

/// Names the row whose value does not conform to the spec.
pub(super) fn corrupt_row(table: &str, id: impl Display) -> impl FnOnce(ConstraintError) -> DbError {
    move |error| DbError::Internal(format!("{table}: the row {id} does not conform to the spec: {error}"))
}

/// Converts a nullable column.
pub(super) fn optional<C, T: TryFrom<C, Error = ConstraintError>>(
    column: Option<C>,
) -> Result<Option<T>, ConstraintError> {
    column.map(T::try_from).transpose()
}

/// The columns of a row, as in a SELECT. They are kept in `cell`, because diesel would assemble them for each statement.
pub(super) fn columns<Row>(cell: &'static OnceLock<String>) -> QueryResult<&'static str>
where
    Row: Selectable<Pg, SelectExpression: QueryFragment<Pg>>,
{
    if let Some(columns) = cell.get() {
        return Ok(columns);
    }
    let mut sql = PgQueryBuilder::default();
    Row::construct_selection().to_sql(&mut sql, &Pg)?;
    Ok(cell.get_or_init(|| sql.finish()))
}

/// A column of type `json` whose CHECK accepts only objects. The text is kept.
#[derive(AsExpression, Clone, Debug, FromSqlRow)]
#[diesel(sql_type = Json)]
pub(super) struct JsonColumn(pub(super) JsonObject);

impl FromSql<Json, Pg> for JsonColumn {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(str::from_utf8(value.as_bytes())?.parse()?))
    }
}

impl ToSql<Json, Pg> for JsonColumn {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0.as_str().as_bytes())?;
        Ok(IsNull::No)
    }
}
