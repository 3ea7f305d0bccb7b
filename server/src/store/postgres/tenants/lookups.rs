//! Lookups of tenants by id.

use super::row::TenantRow;
use crate::records::TenantRecord;
use crate::store::StoreError;
use crate::store::postgres::error::DbError;
use crate::store::postgres::lookups::Lookup;
use crate::store::postgres::schema::tenants;
use crate::store::postgres::scoped::ScopedDatabase;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::collections::HashMap;
use tenant_registry_contract::types::TenantId;
use uuid::Uuid;

impl Lookup for TenantId {
    type Row = TenantRow;
    type Found = Option<TenantRecord>;

    async fn rows(database: &ScopedDatabase, lookups: &[Self]) -> Result<Vec<(usize, TenantRow)>, StoreError> {
        let ids: Vec<Uuid> = lookups.iter().copied().map(Uuid::from).collect();
        let rows = database
            .look_up(async |mut connection: &AsyncPgConnection| {
                let with_id = tenants::table.filter(tenants::id.eq_any(&ids));
                with_id
                    .select(TenantRow::as_select())
                    .load::<TenantRow>(&mut connection)
                    .await
            })
            .await?;
        let indexes: HashMap<Uuid, usize> = ids.into_iter().zip(0..).collect();
        let with_index = rows.into_iter().filter_map(|row| Some((*indexes.get(&row.id)?, row)));
        Ok(with_index.collect())
    }

    fn found(rows: Vec<TenantRow>) -> Result<Option<TenantRecord>, DbError> {
        rows.into_iter().next().map(TenantRow::into_record).transpose()
    }
}
