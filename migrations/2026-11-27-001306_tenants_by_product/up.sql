-- The tenants with an entitlement to a product that is switched on, newest first. A hash, as for plans.
CREATE INDEX CONCURRENTLY IF NOT EXISTS tenant_products_product_tenant_id_idx
    ON tenant_products ((hashtextextended(product, 0)), tenant_id) WHERE enabled;
