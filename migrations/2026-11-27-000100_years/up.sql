-- Times and dates are in the years 0001 to 9999, which are those that RFC 3339 can write. From now on no row can get another
-- one, `infinity` included. The step `validate` checks the rows that are stored.

-- Earlier versions stored two such values themselves: the end of a contract until 9999-12-31, and days of the year 0000. They
-- become the nearest value that is possible.
UPDATE tenants SET
    cancel_at = CASE WHEN cancel_at = '10000-01-01 00:00:00+00' THEN '9999-12-31 23:59:59.999999+00' ELSE cancel_at END,
    contract_start = CASE
        WHEN contract_start BETWEEN '0001-01-01 BC' AND '0001-12-31 BC' THEN '0001-01-01' ELSE contract_start END,
    contract_end = CASE
        WHEN contract_end BETWEEN '0001-01-01 BC' AND '0001-12-31 BC' THEN '0001-01-01' ELSE contract_end END
WHERE cancel_at = '10000-01-01 00:00:00+00'
    OR contract_start BETWEEN '0001-01-01 BC' AND '0001-12-31 BC'
    OR contract_end BETWEEN '0001-01-01 BC' AND '0001-12-31 BC';

ALTER TABLE tenants
    ADD CONSTRAINT tenants_trial_ends_at_check
        CHECK (trial_ends_at >= '0001-01-01 00:00:00+00' AND trial_ends_at < '10000-01-01 00:00:00+00') NOT VALID,
    ADD CONSTRAINT tenants_contract_start_check
        CHECK (contract_start >= '0001-01-01' AND contract_start <= '9999-12-31') NOT VALID,
    ADD CONSTRAINT tenants_contract_end_check
        CHECK (contract_end >= '0001-01-01' AND contract_end <= '9999-12-31') NOT VALID,
    ADD CONSTRAINT tenants_cancel_at_check
        CHECK (cancel_at >= '0001-01-01 00:00:00+00' AND cancel_at < '10000-01-01 00:00:00+00') NOT VALID,
    ADD CONSTRAINT tenants_created_at_check
        CHECK (created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00') NOT VALID,
    ADD CONSTRAINT tenants_updated_at_check
        CHECK (updated_at >= '0001-01-01 00:00:00+00' AND updated_at < '10000-01-01 00:00:00+00') NOT VALID;

ALTER TABLE projects
    ADD CONSTRAINT projects_created_at_check
        CHECK (created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00') NOT VALID,
    ADD CONSTRAINT projects_updated_at_check
        CHECK (updated_at >= '0001-01-01 00:00:00+00' AND updated_at < '10000-01-01 00:00:00+00') NOT VALID;

ALTER TABLE tenant_products
    ADD CONSTRAINT tenant_products_expires_at_check
        CHECK (expires_at >= '0001-01-01 00:00:00+00' AND expires_at < '10000-01-01 00:00:00+00') NOT VALID,
    ADD CONSTRAINT tenant_products_created_at_check
        CHECK (created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00') NOT VALID,
    ADD CONSTRAINT tenant_products_updated_at_check
        CHECK (updated_at >= '0001-01-01 00:00:00+00' AND updated_at < '10000-01-01 00:00:00+00') NOT VALID;

ALTER TABLE api_keys
    ADD CONSTRAINT api_keys_last_used_at_check
        CHECK (last_used_at >= '0001-01-01 00:00:00+00' AND last_used_at < '10000-01-01 00:00:00+00') NOT VALID,
    ADD CONSTRAINT api_keys_revoked_at_check
        CHECK (revoked_at >= '0001-01-01 00:00:00+00' AND revoked_at < '10000-01-01 00:00:00+00') NOT VALID,
    ADD CONSTRAINT api_keys_created_at_check
        CHECK (created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00') NOT VALID;

ALTER TABLE audit_log
    ADD CONSTRAINT audit_log_created_at_check
        CHECK (created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00') NOT VALID;
