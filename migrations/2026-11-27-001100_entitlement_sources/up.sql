-- Why a tenant has an entitlement. Until now the service created only trials, and so does the previous version while it still
-- runs: the default is for these rows. Entitlements that do not end as a trial does were sold, and inserted by operators. They
-- become purchases.
ALTER TABLE tenant_products
    ADD COLUMN source text NOT NULL DEFAULT 'trial';

-- Hours, because a day of the session's time zone can have 23 or 25.
UPDATE tenant_products SET source = 'purchase'
WHERE expires_at IS DISTINCT FROM created_at + interval '336 hours';

ALTER TABLE tenant_products
    ADD CONSTRAINT tenant_products_source_check CHECK (source IN ('trial', 'purchase', 'override')) NOT VALID;
