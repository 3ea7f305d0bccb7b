//! The rows of the table `audit_log`. Every transaction inserts one, so this module is below `transaction`.

mod insert;
mod row;

pub(super) use insert::{INSERTED_COLUMNS, insert_events_on_connection};
pub(super) use row::{AuditEventRow, columns};

use super::error::DbError;
use super::rows::corrupt_row;
use super::schema::audit_log;
use super::scoped::ScopedDatabase;
use crate::records::{AuditEventRecord, NewAuditEvent};
use crate::store::StoreError;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::slice;
use tenant_registry_contract::types::AuditEventId;

/// Inserts an event.
pub(super) async fn insert_event_on_connection(
    connection: &AsyncPgConnection,
    event: NewAuditEvent,
) -> Result<AuditEventRecord, DbError> {
    let ids = insert_events_on_connection(connection, slice::from_ref(&event)).await?;
    match ids.as_slice() {
        [id] => numbered_event(*id, event),
        _ => Err(DbError::Internal(format!("one audit event got {} numbers", ids.len()))),
    }
}

/// Adds the number of an inserted event.
pub(super) fn numbered_event(id: i64, event: NewAuditEvent) -> Result<AuditEventRecord, DbError> {
    Ok(AuditEventRecord {
        id: AuditEventId::try_from(id).map_err(corrupt_row("audit_log", id))?,
        event,
    })
}

/// Finds the event with this number, unless it is so old that it is distributed.
pub(super) async fn find_event(
    database: &ScopedDatabase,
    id: AuditEventId,
) -> Result<Option<AuditEventRecord>, StoreError> {
    let row: Option<AuditEventRow> = database
        .read(async |mut connection: &AsyncPgConnection| {
            let row = audit_log::table.find(id.get()).select(AuditEventRow::as_select());
            row.first(&mut connection).await.optional()
        })
        .await?;
    Ok(row.map(AuditEventRow::into_record).transpose()?)
}
