//! Conversions between rows of `audit_log` and records.

use crate::records::{AuditEventRecord, NewAuditEvent};
use crate::store::postgres::error::DbError;
use crate::store::postgres::rows::{JsonColumn, corrupt_row, optional};
use crate::store::postgres::schema::audit_log;
use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgQueryBuilder, PgValue};
use diesel::prelude::*;
use diesel::query_builder::{QueryBuilder, QueryFragment};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Json;
use ipnet::IpNet;
use std::collections::HashSet;
use std::sync::OnceLock;
use tenant_registry_contract::types::{
    AuditEventId, AuditEventTarget, ConstraintError, ProjectId, StoredText, TenantId,
};
use uuid::Uuid;

/// The column `targets`, of type `json`.
#[derive(AsExpression, Clone, Debug, FromSqlRow)]
#[diesel(sql_type = Json)]
pub(in crate::store::postgres) struct TargetsColumn(Vec<AuditEventTarget>);

impl FromSql<Json, Pg> for TargetsColumn {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(serde_json::from_slice(value.as_bytes())?))
    }
}

impl ToSql<Json, Pg> for TargetsColumn {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        serde_json::to_writer(out, &self.0)?;
        Ok(IsNull::No)
    }
}

/// A row of `audit_log` without its number.
#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_log, check_for_backend(Pg))]
pub(in crate::store::postgres) struct NewAuditEventRow {
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
    pub(super) metadata: Option<JsonColumn>,
    pub(super) source_ip: Option<IpNet>,
    pub(super) user_agent: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) origin: Option<String>,
    pub(super) occurred_at: Option<DateTime<Utc>>,
    pub(super) targets: Option<TargetsColumn>,
}

/// A row of `audit_log`.
#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_log, check_for_backend(Pg))]
pub(in crate::store::postgres) struct AuditEventRow {
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
            targets,
            product,
            metadata,
            source_ip,
            user_agent,
            occurred_at,
            created_at,
            origin,
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
            metadata: metadata.map(JsonColumn),
            source_ip: source_ip.map(IpNet::from),
            user_agent,
            created_at: created_at.into(),
            origin: origin.map(|origin| origin.as_str().to_owned()),
            occurred_at: occurred_at.map(DateTime::from),
            targets: targets.map(TargetsColumn),
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
            origin,
            occurred_at,
            targets,
        } = row;
        Ok(Self {
            tenant_id: tenant_id.map(TenantId::from),
            project_id: project_id.map(ProjectId::from),
            actor_id: actor_id.map(StoredText::from),
            actor_name: actor_name.map(StoredText::from),
            actor_type: actor_type.map(StoredText::from),
            action: action.into(),
            target_id: target_id.map(StoredText::from),
            target_type: target_type.map(StoredText::from),
            target_name: target_name.map(StoredText::from),
            targets: targets.map(|TargetsColumn(targets)| targets),
            product: product.map(StoredText::from),
            metadata: metadata.map(|JsonColumn(metadata)| metadata),
            source_ip: source_ip.map(|network| network.addr()),
            user_agent,
            occurred_at: optional(occurred_at)?,
            created_at: created_at.try_into()?,
            origin: optional(origin)?,
        })
    }
}

/// The columns of [`AuditEventRow`], as text.
pub(in crate::store::postgres) fn columns() -> QueryResult<&'static str> {
    static COLUMNS: OnceLock<String> = OnceLock::new();
    if let Some(columns) = COLUMNS.get() {
        return Ok(columns);
    }
    let mut sql = PgQueryBuilder::default();
    <AuditEventRow as Selectable<Pg>>::construct_selection().to_sql(&mut sql, &Pg)?;
    Ok(COLUMNS.get_or_init(|| sql.finish()))
}

impl AuditEventRow {
    /// The event without its tenant, which is deleted.
    pub(in crate::store::postgres) fn into_record_without_tenant(mut self) -> Result<AuditEventRecord, DbError> {
        self.event.tenant_id = None;
        self.into_record()
    }

    /// The event, without its tenant if that is one of these.
    pub(in crate::store::postgres) fn into_record_without(
        self,
        deleted_tenants: &HashSet<Uuid>,
    ) -> Result<AuditEventRecord, DbError> {
        match self.event.tenant_id {
            Some(tenant_id) if deleted_tenants.contains(&tenant_id) => self.into_record_without_tenant(),
            Some(_) | None => self.into_record(),
        }
    }

    pub(in crate::store::postgres) fn into_record(self) -> Result<AuditEventRecord, DbError> {
        let Self { id, event } = self;
        Ok(AuditEventRecord {
            id: AuditEventId::try_from(id).map_err(corrupt_row("audit_log", id))?,
            event: event.try_into().map_err(corrupt_row("audit_log", id))?,
        })
    }
}
