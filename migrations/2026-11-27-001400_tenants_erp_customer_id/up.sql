-- Finds tenants by the customer's ID in the ERP system. A hash index, because texts from before contract 2.0 have any length.
CREATE INDEX CONCURRENTLY IF NOT EXISTS tenants_erp_customer_id_idx ON tenants USING hash (erp_customer_id);
