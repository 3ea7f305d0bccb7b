//! The audit log in Postgres: the table `audit_log`.

use super::PostgresStore;
use super::database::Database;
use super::entitlements::object;
use super::fault::DbError;
use super::insert_events::InsertEvents;
use super::list_events::ListEvents;
use super::schema::audit_log;
use super::stored::{corrupt_row, optional};
use crate::records::{AuditEventRecord, AuditQuery, NewAuditEvent};
use crate::store::{AuditAppended, AuditStore, StoreError};
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;
use serde_json::Value;
use tenant_registry_contract::types::{AuditEventId, ConstraintError, ProjectId, TenantId};
use uuid::Uuid;

/// A row of `audit_log`, before the database has numbered it.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = audit_log, check_for_backend(Pg))]
pub(super) struct NewAuditEventRow {
    pub(super) tenant_id: Option<Uuid>,
    pub(super) project_id: Option<Uuid>,
    pub(super) actor_id: Option<String>,
    pub(super) actor_name: Option<String>,
    pub(super) actor_type: Option<String>,
    pub(super) action: String,
    pub(super) target_id: Option<String>,
    pub(super) target_type: Option<String>,
    pub(super) target_name: Option<String>,
    pub(super) product: Option<String>,
    pub(super) metadata: Option<Value>,
    pub(super) source_ip: Option<IpNet>,
    pub(super) user_agent: Option<String>,
    pub(super) created_at: DateTime<Utc>,
}

/// A row of `audit_log`.
#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_log, check_for_backend(Pg))]
pub(super) struct AuditEventRow {
    id: i64,
    #[diesel(embed)]
    event: NewAuditEventRow,
}

impl From<NewAuditEvent> for NewAuditEventRow {
    fn from(event: NewAuditEvent) -> Self {
        let NewAuditEvent {
            tenant_id,
            project_id,
            actor_id,
            actor_name,
            actor_type,
            action,
            target_id,
            target_type,
            target_name,
            product,
            metadata,
            source_ip,
            user_agent,
            created_at,
        } = event;
        Self {
            tenant_id: tenant_id.map(Uuid::from),
            project_id: project_id.map(Uuid::from),
            actor_id: actor_id.map(String::from),
            actor_name: actor_name.map(String::from),
            actor_type: actor_type.map(String::from),
            action: action.into(),
            target_id: target_id.map(String::from),
            target_type: target_type.map(String::from),
            target_name: target_name.map(String::from),
            product: product.map(String::from),
            metadata: metadata.map(Value::Object),
            source_ip: source_ip.map(IpNet::from),
            user_agent,
            created_at,
        }
    }
}

impl TryFrom<NewAuditEventRow> for NewAuditEvent {
    type Error = ConstraintError;

    fn try_from(row: NewAuditEventRow) -> Result<Self, ConstraintError> {
        let NewAuditEventRow {
            tenant_id,
            project_id,
            actor_id,
            actor_name,
            actor_type,
            action,
            target_id,
            target_type,
            target_name,
            product,
            metadata,
            source_ip,
            user_agent,
            created_at,
        } = row;
        Ok(Self {
            tenant_id: tenant_id.map(TenantId::from),
            project_id: project_id.map(ProjectId::from),
            actor_id: optional(actor_id)?,
            actor_name: optional(actor_name)?,
            actor_type: optional(actor_type)?,
            action: action.try_into()?,
            target_id: optional(target_id)?,
            target_type: optional(target_type)?,
            target_name: optional(target_name)?,
            product: optional(product)?,
            metadata: metadata.map(object),
            source_ip: source_ip.map(|network| network.addr()),
            user_agent,
            created_at,
        })
    }
}

impl AuditEventRow {
    fn into_record(self) -> Result<AuditEventRecord, DbError> {
        let Self { id, event } = self;
        Ok(AuditEventRecord {
            id: AuditEventId::try_from(id).map_err(corrupt_row("audit_log", id))?,
            event: event.try_into().map_err(corrupt_row("audit_log", id))?,
        })
    }
}

/// Writes an event as a part of the transaction that is open.
pub(super) async fn append(
    connection: &mut AsyncPgConnection,
    event: NewAuditEvent,
) -> Result<AuditEventRecord, DbError> {
    numbered(insert(connection, &event).await?, event)
}

async fn insert(connection: &mut AsyncPgConnection, event: &NewAuditEvent) -> QueryResult<i64> {
    diesel::insert_into(audit_log::table)
        .values(NewAuditEventRow::from(event.clone()))
        .returning(audit_log::id)
        .get_result(connection)
        .await
}

/// Inserts many events with one statement; their numbers grow in the order of the events.
pub(super) async fn insert_all(connection: &mut AsyncPgConnection, events: &[NewAuditEvent]) -> QueryResult<Vec<i64>> {
    InsertEvents::of(events).load(connection).await
}

/// Gives an event its number.
pub(super) fn numbered(id: i64, event: NewAuditEvent) -> Result<AuditEventRecord, DbError> {
    Ok(AuditEventRecord {
        id: AuditEventId::try_from(id).map_err(corrupt_row("audit_log", id))?,
        event,
    })
}

/// The event with this number.
pub(super) async fn audit_event(database: &Database, id: AuditEventId) -> Result<Option<AuditEventRecord>, StoreError> {
    let row: Option<AuditEventRow> = database
        .read(async |connection: &mut AsyncPgConnection| {
            let row = audit_log::table.find(id.get()).select(AuditEventRow::as_select());
            row.first(connection).await.optional()
        })
        .await?;
    Ok(row.map(AuditEventRow::into_record).transpose()?)
}

impl AuditStore for PostgresStore {
    async fn audit_append(&self, event: NewAuditEvent) -> Result<AuditAppended, StoreError> {
        self.appender.append(event).await
    }

    async fn audit_list(&self, query: AuditQuery) -> Result<Vec<AuditEventRecord>, StoreError> {
        let statement = ListEvents::of(&query);
        let rows: Vec<AuditEventRow> = self
            .database
            .page(async |mut connection: &AsyncPgConnection| (&statement).load(&mut connection).await)
            .await?;
        let records: Result<_, DbError> = rows.into_iter().map(AuditEventRow::into_record).collect();
        Ok(records?)
    }
}
