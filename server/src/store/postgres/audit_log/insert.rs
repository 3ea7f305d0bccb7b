//! One INSERT statement for any number of audit events.
//!
//! diesel's INSERT has a placeholder for each value, so each number of events would be a different statement to prepare.
//! This statement has an array for each column and is prepared once.

use super::row::{NewAuditEventRow, TargetsColumn};
use crate::records::NewAuditEvent;
use crate::store::postgres::rows::JsonColumn;
use crate::store::postgres::schema::audit_log;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Inet, Json, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;
use uuid::Uuid;

/// Inserts events and returns their numbers, which increase in the order of the events.
pub(in crate::store::postgres) async fn insert_events_on_connection(
    mut connection: &AsyncPgConnection,
    events: &[NewAuditEvent],
) -> QueryResult<Vec<i64>> {
    InsertEvents::new(events).load(&mut connection).await
}

/// The values of each column. All have the same length.
#[derive(Default)]
struct InsertEvents {
    tenant_id: Vec<Option<Uuid>>,
    project_id: Vec<Option<Uuid>>,
    actor_id: Vec<Option<String>>,
    actor_name: Vec<Option<String>>,
    actor_type: Vec<Option<String>>,
    action: Vec<String>,
    target_id: Vec<Option<String>>,
    target_type: Vec<Option<String>>,
    target_name: Vec<Option<String>>,
    product: Vec<Option<String>>,
    metadata: Vec<Option<JsonColumn>>,
    source_ip: Vec<Option<IpNet>>,
    user_agent: Vec<Option<String>>,
    created_at: Vec<DateTime<Utc>>,
    origin: Vec<Option<String>>,
    occurred_at: Vec<Option<DateTime<Utc>>>,
    targets: Vec<Option<TargetsColumn>>,
}

impl InsertEvents {
    fn new(events: &[NewAuditEvent]) -> Self {
        let mut columns = Self::default();
        for event in events {
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
            } = NewAuditEventRow::from(event.clone());
            columns.tenant_id.push(tenant_id);
            columns.project_id.push(project_id);
            columns.actor_id.push(actor_id);
            columns.actor_name.push(actor_name);
            columns.actor_type.push(actor_type);
            columns.action.push(action);
            columns.target_id.push(target_id);
            columns.target_type.push(target_type);
            columns.target_name.push(target_name);
            columns.product.push(product);
            columns.metadata.push(metadata);
            columns.source_ip.push(source_ip);
            columns.user_agent.push(user_agent);
            columns.created_at.push(created_at);
            columns.origin.push(origin);
            columns.occurred_at.push(occurred_at);
            columns.targets.push(targets);
        }
        columns
    }
}

/// The columns, in the order in which the values are bound.
pub(in crate::store::postgres) const INSERTED_COLUMNS: [&str; 17] = [
    audit_log::tenant_id::NAME,
    audit_log::project_id::NAME,
    audit_log::actor_id::NAME,
    audit_log::actor_name::NAME,
    audit_log::actor_type::NAME,
    audit_log::action::NAME,
    audit_log::target_id::NAME,
    audit_log::target_type::NAME,
    audit_log::target_name::NAME,
    audit_log::product::NAME,
    audit_log::metadata::NAME,
    audit_log::source_ip::NAME,
    audit_log::user_agent::NAME,
    audit_log::created_at::NAME,
    audit_log::origin::NAME,
    audit_log::occurred_at::NAME,
    audit_log::targets::NAME,
];

fn push_columns(out: &mut AstPass<'_, '_, Pg>) -> QueryResult<()> {
    for (index, column) in INSERTED_COLUMNS.into_iter().enumerate() {
        if index > 0 {
            out.push_sql(", ");
        }
        out.push_identifier(column)?;
    }
    Ok(())
}

impl QueryFragment<Pg> for InsertEvents {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO audit_log (");
        push_columns(&mut out)?;
        out.push_sql(") SELECT ");
        push_columns(&mut out)?;
        out.push_sql(" FROM unnest(");
        out.push_bind_param::<Array<Nullable<SqlUuid>>, _>(&self.tenant_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<SqlUuid>>, _>(&self.project_id)?;
        for texts in [&self.actor_id, &self.actor_name, &self.actor_type] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<Text>>, _>(texts)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.action)?;
        for texts in [&self.target_id, &self.target_type, &self.target_name, &self.product] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<Text>>, _>(texts)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Json>>, _>(&self.metadata)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Inet>>, _>(&self.source_ip)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.user_agent)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.created_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.origin)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Timestamptz>>, _>(&self.occurred_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Json>>, _>(&self.targets)?;
        out.push_sql(") WITH ORDINALITY AS event (");
        push_columns(&mut out)?;
        out.push_sql(", place) ORDER BY place RETURNING id");
        Ok(())
    }
}

impl QueryId for InsertEvents {
    type QueryId = Self;

    /// The statement does not depend on the values.
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for InsertEvents {
    type SqlType = BigInt;
}
