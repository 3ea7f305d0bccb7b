//! Where a page of `audit_list` begins: the place that a cursor stands for.

use super::filter::Place;
use crate::records::AuditQuery;
use crate::store::StoreError;
use crate::store::postgres::ScopedPostgresStore;
use crate::store::postgres::connection::PageStart;
use crate::store::postgres::schema::audit_log;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// Where a page begins.
pub(super) enum Start {
    /// With the newest event.
    Newest,
    /// After this place.
    After(Place),
    /// At the end of the list.
    End,
}

impl ScopedPostgresStore {
    /// Finds the event of the cursor, as [`AuditQuery::before`] describes.
    pub(super) async fn find_start(&self, query: &AuditQuery) -> Result<Start, StoreError> {
        match (query.before, query.tenant_id) {
            (None, _) => Ok(Start::Newest),
            (Some(cursor), None) => self.find_start_among_all(cursor.get()).await,
            (Some(cursor), Some(tenant_id)) => self.find_start_of_tenant(cursor.get(), tenant_id.into()).await,
        }
    }

    async fn find_start_among_all(&self, cursor: i64) -> Result<Start, StoreError> {
        let recent: Option<Place> = self
            .database
            .read_page(PageStart::AFTER_ANY, async |mut connection: &AsyncPgConnection| {
                let following = audit_log::table.filter(audit_log::id.ge(cursor)).order(audit_log::id);
                let place = following.select((audit_log::created_at, audit_log::id));
                place.first(&mut connection).await.optional()
            })
            .await?;
        if let Some(place) = recent.filter(|place| place.id == cursor) {
            return Ok(Start::After(place));
        }
        // This asks few workers, and finds most cursors.
        if let Some(place) = self.distributed_place(cursor, None).await? {
            return Ok(Start::After(place));
        }
        let distributed = self.distributed_place_after(cursor).await?;
        let next = [recent, distributed].into_iter().flatten().min_by_key(|place| place.id);
        Ok(next.map_or(Start::Newest, Start::After))
    }

    async fn find_start_of_tenant(&self, cursor: i64, tenant_id: Uuid) -> Result<Start, StoreError> {
        let recent: Option<Place> = self
            .database
            .read_page(PageStart::AFTER_ANY, async |mut connection: &AsyncPgConnection| {
                let event = audit_log::table.find(cursor).filter(audit_log::tenant_id.eq(tenant_id));
                let place = event.select((audit_log::created_at, audit_log::id));
                place.first(&mut connection).await.optional()
            })
            .await?;
        if let Some(place) = recent {
            return Ok(Start::After(place));
        }
        if let Some(place) = self.distributed_place(cursor, Some(tenant_id)).await? {
            return Ok(Start::After(place));
        }
        let newest: Option<i64> = self
            .database
            .read_page(PageStart::AFTER_ANY, async |mut connection: &AsyncPgConnection| {
                let of_tenant = audit_log::table.filter(audit_log::tenant_id.eq(tenant_id));
                let newest = of_tenant.order((audit_log::created_at.desc(), audit_log::id.desc()));
                newest.select(audit_log::id).first(&mut connection).await.optional()
            })
            .await?;
        let newest = match newest {
            Some(newest) => Some(newest),
            None => self.newest_distributed_of_tenant(tenant_id).await?,
        };
        Ok(match newest {
            Some(newest) if newest < cursor => Start::Newest,
            Some(_) | None => Start::End,
        })
    }
}
