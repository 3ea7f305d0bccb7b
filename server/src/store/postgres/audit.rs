//! The audit log in Postgres: the table `audit_log`.

use super::PostgresStore;
use super::entitlements::object;
use super::fault::{Fault, violates};
use super::schema::audit_log;
use super::stored::{broken, optional};
use super::transaction::Finish;
use crate::domain::audit::{AuditEventRecord, AuditQuery, NewAuditEvent};
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
struct NewAuditEventRow {
    tenant_id: Option<Uuid>,
    project_id: Option<Uuid>,
    actor_id: Option<String>,
    actor_name: Option<String>,
    actor_type: Option<String>,
    action: String,
    target_id: Option<String>,
    target_type: Option<String>,
    target_name: Option<String>,
    product: Option<String>,
    metadata: Option<Value>,
    source_ip: Option<IpNet>,
    user_agent: Option<String>,
    created_at: DateTime<Utc>,
}

/// A row of `audit_log`.
#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_log, check_for_backend(Pg))]
struct AuditEventRow {
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
    fn into_record(self) -> Result<AuditEventRecord, Fault> {
        let Self { id, event } = self;
        Ok(AuditEventRecord {
            id: AuditEventId::try_from(id).map_err(broken("audit_log", id))?,
            event: event.try_into().map_err(broken("audit_log", id))?,
        })
    }
}

/// Writes an event as a part of the transaction that is open.
pub(super) async fn append(
    connection: &mut AsyncPgConnection,
    event: NewAuditEvent,
) -> Result<AuditEventRecord, Fault> {
    numbered(insert(connection, &event).await?, event)
}

async fn insert(connection: &mut AsyncPgConnection, event: &NewAuditEvent) -> QueryResult<i64> {
    diesel::insert_into(audit_log::table)
        .values(NewAuditEventRow::from(event.clone()))
        .returning(audit_log::id)
        .get_result(connection)
        .await
}

fn numbered(id: i64, event: NewAuditEvent) -> Result<AuditEventRecord, Fault> {
    Ok(AuditEventRecord {
        id: AuditEventId::try_from(id).map_err(broken("audit_log", id))?,
        event,
    })
}

impl PostgresStore {
    /// The event with this number.
    pub(super) async fn audit_event(&self, id: AuditEventId) -> Result<Option<AuditEventRecord>, StoreError> {
        let row: Option<AuditEventRow> = self
            .read(async |connection: &mut AsyncPgConnection| {
                let row = audit_log::table.find(id.get()).select(AuditEventRow::as_select());
                row.first(connection).await.optional()
            })
            .await?;
        Ok(row.map(AuditEventRow::into_record).transpose()?)
    }
}

impl AuditStore for PostgresStore {
    async fn audit_append(&self, event: NewAuditEvent) -> Result<AuditAppended, StoreError> {
        self.write(
            async |connection: &mut AsyncPgConnection| match insert(connection, &event).await {
                Ok(id) => {
                    let record = Box::new(numbered(id, event.clone())?);
                    Ok(Finish::Commit {
                        value: AuditAppended::Appended(record.clone()),
                        event: record,
                    })
                }
                Err(error) if violates(&error, "audit_log_tenant_id_fkey") => {
                    Ok(Finish::Abandon(AuditAppended::TenantUnknown))
                }
                Err(error) => Err(error.into()),
            },
        )
        .await
    }

    async fn audit_list(&self, query: AuditQuery) -> Result<Vec<AuditEventRecord>, StoreError> {
        let AuditQuery {
            tenant_id,
            product,
            actor_id,
            action,
            since,
            until,
            before,
            at_most,
        } = query;
        let limit = i64::try_from(at_most).unwrap_or(i64::MAX);
        let rows = self
            .read(async |connection: &mut AsyncPgConnection| {
                let mut events = audit_log::table.select(AuditEventRow::as_select()).into_boxed();
                if let Some(tenant_id) = tenant_id {
                    events = events.filter(audit_log::tenant_id.eq(Uuid::from(tenant_id)));
                }
                if let Some(product) = &product {
                    events = events.filter(audit_log::product.eq(product.as_str()));
                }
                if let Some(actor_id) = &actor_id {
                    events = events.filter(audit_log::actor_id.eq(actor_id.as_str()));
                }
                if let Some(action) = &action {
                    events = events.filter(audit_log::action.eq(action.as_str()));
                }
                if let Some(since) = since {
                    events = events.filter(audit_log::created_at.ge(since));
                }
                if let Some(until) = until {
                    events = events.filter(audit_log::created_at.lt(until));
                }
                if let Some(before) = before {
                    events = events.filter(audit_log::id.lt(before.get()));
                }
                let newest_first = events.order(audit_log::id.desc()).limit(limit);
                newest_first.load::<AuditEventRow>(connection).await
            })
            .await?;
        let records: Result<_, Fault> = rows.into_iter().map(AuditEventRow::into_record).collect();
        Ok(records?)
    }
}
