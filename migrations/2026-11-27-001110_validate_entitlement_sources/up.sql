-- Reads the table once, without a lock that blocks the service.
ALTER TABLE tenant_products VALIDATE CONSTRAINT tenant_products_source_check;
