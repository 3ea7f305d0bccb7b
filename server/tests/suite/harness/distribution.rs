//! Moves events to `audit_log_distributed`, as `tenant-registry distribute` does.

use tokio_postgres::Client;

/// Moves the events of `audit_log` that match this condition. The client is the owner of the tables or a superuser.
pub(crate) async fn distribute(client: &Client, condition: &str) {
    let columns = "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute \
                   WHERE attrelid = 'audit_log'::regclass AND attnum > 0 AND NOT attisdropped";
    let columns: String = client.query_one(columns, &[]).await.unwrap().get(0);
    let week = "floor(extract(epoch FROM created_at) / 604800)::integer";
    let sql = format!(
        "INSERT INTO audit_log_distributed_weeks \
         SELECT {week}, min(id), max(id) FROM audit_log WHERE {condition} GROUP BY 1 \
         ON CONFLICT (week) DO UPDATE SET first_id = least(audit_log_distributed_weeks.first_id, excluded.first_id), \
             last_id = greatest(audit_log_distributed_weeks.last_id, excluded.last_id); \
         INSERT INTO audit_log_distributed ({columns}, week) SELECT {columns}, {week} FROM audit_log WHERE {condition} \
         ON CONFLICT DO NOTHING; \
         BEGIN; \
         SET LOCAL registry.audit_log_distributing = 'on'; \
         DELETE FROM audit_log WHERE {condition}; \
         COMMIT"
    );
    client.batch_execute(&sql).await.unwrap();
}
