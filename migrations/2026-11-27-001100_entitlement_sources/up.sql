-- Why a tenant has an entitlement. Until now the service created only trials, and so does the previous version while it still
-- runs: the default is for these rows.
ALTER TABLE tenant_products
    ADD COLUMN source text NOT NULL DEFAULT 'trial',
    ADD CONSTRAINT tenant_products_source_check CHECK (source IN ('trial', 'purchase', 'override')) NOT VALID;
