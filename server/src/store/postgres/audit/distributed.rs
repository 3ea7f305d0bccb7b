//! Events that `tenant-registry distribute` has moved to `audit_log_distributed`.
//!
//! An event is copied before it is deleted from `audit_log`, so it can be in both tables for a moment. Whoever reads
//! `audit_log` first, and then goes on here after the last place, misses none and sees none twice.

use super::filter::{Entries, Place};
use crate::records::AuditEventRecord;
use crate::store::StoreError;
use crate::store::postgres::ScopedPostgresStore;
use crate::store::postgres::audit_log::{AuditEventRow, columns};
use crate::store::postgres::schema::{audit_log_distributed, audit_log_distributed_weeks, deleted_tenants};
use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Integer};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashSet;
use tenant_registry_contract::types::AuditEventId;
use uuid::Uuid;

const SECONDS_PER_WEEK: i64 = 7 * 24 * 60 * 60;

/// A week whose events may be distributed.
#[derive(Clone, Debug, Queryable)]
pub(super) struct Week {
    /// Weeks since 1970-01-01, UTC.
    pub(super) number: i32,
    first_id: i64,
    last_id: i64,
}

impl Week {
    /// When it begins. `None` for a time that cannot be expressed.
    pub(super) fn start(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(i64::from(self.number) * SECONDS_PER_WEEK, 0)
    }

    /// When the next one begins.
    pub(super) fn end(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp((i64::from(self.number) + 1) * SECONDS_PER_WEEK, 0)
    }
}

/// The weeks in the groups that a page reads one after the other. Most pages end in the first group, which is on one worker.
pub(super) fn groups(weeks: &[Week]) -> impl Iterator<Item = &[Week]> {
    let (first, rest) = weeks.split_at(weeks.len().min(1));
    let (second, rest) = rest.split_at(rest.len().min(4));
    [first, second, rest].into_iter().filter(|group| !group.is_empty())
}

fn numbers(weeks: &[Week]) -> Vec<i32> {
    weeks.iter().map(|week| week.number).collect()
}

impl ScopedPostgresStore {
    /// The weeks whose events may be distributed, newest first. None, unless the log is distributed.
    async fn distributed_weeks(&self) -> Result<Vec<Week>, StoreError> {
        self.database
            .look_up(async |mut connection: &AsyncPgConnection| {
                let weeks = audit_log_distributed_weeks::table.order(audit_log_distributed_weeks::week.desc());
                weeks.load(&mut connection).await
            })
            .await
    }

    /// The weeks with entries like these.
    pub(super) async fn weeks_of_entries(&self, entries: &Entries) -> Result<Vec<Week>, StoreError> {
        let mut weeks = self.distributed_weeks().await?;
        weeks.retain(|week| entries.may_include(week));
        Ok(weeks)
    }

    /// The deleted tenants that events may still have. They are few.
    pub(super) async fn deleted_tenants(&self) -> Result<HashSet<Uuid>, StoreError> {
        let ids: Vec<Uuid> = self
            .database
            .look_up(async |mut connection: &AsyncPgConnection| {
                deleted_tenants::table
                    .select(deleted_tenants::tenant_id)
                    .load(&mut connection)
                    .await
            })
            .await?;
        Ok(ids.into_iter().collect())
    }

    /// The distributed event with this number, as it is listed.
    pub(super) async fn find_distributed(&self, id: AuditEventId) -> Result<Option<AuditEventRecord>, StoreError> {
        let mut weeks = self.distributed_weeks().await?;
        weeks.retain(|week| (week.first_id..=week.last_id).contains(&id.get()));
        if weeks.is_empty() {
            return Ok(None);
        }
        // Before the event: a tenant that is deleted in between was not deleted when the request began.
        let deleted = self.deleted_tenants().await?;
        let statement = FindDistributed {
            id: id.get(),
            weeks: numbers(&weeks),
        };
        let row: Option<AuditEventRow> = self
            .database
            .read_distributed(async |mut connection: &AsyncPgConnection| {
                (&statement).get_result(&mut connection).await.optional()
            })
            .await?;
        Ok(row.map(|row| row.into_record_without(&deleted)).transpose()?)
    }

    /// The place of the distributed event with this number, if it is an event of the tenant.
    pub(super) async fn distributed_place(
        &self,
        id: i64,
        tenant_id: Option<Uuid>,
    ) -> Result<Option<Place>, StoreError> {
        use audit_log_distributed as events;
        let mut weeks = self.distributed_weeks().await?;
        weeks.retain(|week| (week.first_id..=week.last_id).contains(&id));
        if weeks.is_empty() {
            return Ok(None);
        }
        let weeks = numbers(&weeks);
        self.database
            .read_distributed(async |mut connection: &AsyncPgConnection| {
                let event = events::table
                    .filter(events::id.eq(id))
                    .filter(events::week.eq_any(&weeks));
                let place = event.select((events::created_at, events::id)).into_boxed();
                let place = match tenant_id {
                    Some(tenant_id) => place.filter(events::tenant_id.eq(tenant_id)),
                    None => place,
                };
                place.first(&mut connection).await.optional()
            })
            .await
    }

    /// The place of the distributed event with the next greater number.
    pub(super) async fn distributed_place_after(&self, id: i64) -> Result<Option<Place>, StoreError> {
        use audit_log_distributed as events;
        let mut weeks = self.distributed_weeks().await?;
        weeks.retain(|week| week.last_id > id);
        if weeks.is_empty() {
            return Ok(None);
        }
        let weeks = numbers(&weeks);
        self.database
            .read_distributed(async |mut connection: &AsyncPgConnection| {
                let following = events::table
                    .filter(events::id.gt(id))
                    .filter(events::week.eq_any(&weeks));
                let place = following.order(events::id).select((events::created_at, events::id));
                place.first(&mut connection).await.optional()
            })
            .await
    }

    /// The number of the tenant's newest distributed event.
    pub(super) async fn newest_distributed_of_tenant(&self, tenant_id: Uuid) -> Result<Option<i64>, StoreError> {
        use audit_log_distributed as events;
        for weeks in groups(&self.distributed_weeks().await?) {
            let weeks = numbers(weeks);
            let newest = self
                .database
                .read_distributed(async |mut connection: &AsyncPgConnection| {
                    let of_tenant = events::table.filter(events::tenant_id.eq(tenant_id));
                    let of_tenant = of_tenant.filter(events::week.eq_any(&weeks));
                    let newest = of_tenant.order((events::created_at.desc(), events::id.desc()));
                    newest.select(events::id).first(&mut connection).await.optional()
                })
                .await?;
            if newest.is_some() {
                return Ok(newest);
            }
        }
        Ok(None)
    }
}

/// Selects the distributed event with this number, under the name that its columns are selected by.
struct FindDistributed {
    id: i64,
    weeks: Vec<i32>,
}

impl QueryFragment<Pg> for FindDistributed {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        out.push_sql(columns()?);
        out.push_sql(" FROM audit_log_distributed AS ");
        out.push_identifier("audit_log")?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<BigInt, _>(&self.id)?;
        out.push_sql(" AND week = ANY (");
        out.push_bind_param::<Array<Integer>, _>(&self.weeks)?;
        out.push_sql(")");
        Ok(())
    }
}

impl QueryId for FindDistributed {
    type QueryId = Self;

    /// The statement does not depend on the values.
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for FindDistributed {
    type SqlType = SqlTypeOf<AsSelect<AuditEventRow, Pg>>;
}

#[cfg(test)]
mod tests {
    use super::{Week, groups};

    fn week(number: i32) -> Week {
        Week {
            number,
            first_id: 1,
            last_id: 1,
        }
    }

    #[test]
    fn a_week_begins_at_midnight_on_a_thursday() {
        let week = week(2_960);
        assert_eq!(week.start().unwrap().to_rfc3339(), "2026-09-24T00:00:00+00:00");
        assert_eq!(week.end().unwrap().to_rfc3339(), "2026-10-01T00:00:00+00:00");
    }

    #[test]
    fn the_groups_have_each_week_once_and_in_order() {
        for count in [0, 1, 2, 5, 6, 100] {
            let weeks: Vec<Week> = (0..count).rev().map(week).collect();
            let read: Vec<i32> = groups(&weeks).flatten().map(|week| week.number).collect();
            assert_eq!(read, (0..count).rev().collect::<Vec<_>>());
            assert!(groups(&weeks).count() <= 3);
        }
    }
}
