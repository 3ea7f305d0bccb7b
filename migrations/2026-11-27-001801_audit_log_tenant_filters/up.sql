-- The same for the events of a tenant.
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_log_tenant_id_filters_idx ON audit_log (
    tenant_id,
    created_at,
    id,
    ((hashtext(COALESCE(product, '')) & 32767)::smallint),
    ((hashtext(COALESCE(actor_id, '')) & 32767)::smallint),
    ((hashtext(action) & 32767)::smallint)
) WHERE tenant_id IS NOT NULL;
