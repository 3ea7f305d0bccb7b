-- The API keys of a tenant, newest first. The index in the order of `created_at` stays for the previous version.
CREATE INDEX CONCURRENTLY IF NOT EXISTS api_keys_tenant_id_id_idx ON api_keys (tenant_id, id);
