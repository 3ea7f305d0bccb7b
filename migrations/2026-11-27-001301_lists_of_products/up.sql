-- The API keys of a tenant for a product, newest first. A hash of both, as in the indexes of audit_log, because a product that
-- was stored before contract 2.0 may be too long for an index.
CREATE INDEX CONCURRENTLY IF NOT EXISTS api_keys_tenant_id_product_id_idx
    ON api_keys ((hashtextextended(product, uuid_hash_extended(tenant_id, 0))), id) WHERE product IS NOT NULL;
