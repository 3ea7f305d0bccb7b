-- Validates the constraints that earlier steps added, with one scan of each table and without a lock that blocks the service.
-- If a row violates one, the step fails and names the row. The service cannot read such a row, so it does not start with it.
DO $$
DECLARE
    unchecked record;
    violations text;
BEGIN
    FOR unchecked IN
        SELECT conrelid, conname, pg_get_expr(conbin, conrelid) AS condition,
            CASE conrelid
                WHEN 'tenant_products'::regclass THEN $key$format('(%s, %L)', tenant_id, product)$key$
                ELSE 'id::text'
            END AS key
        FROM pg_constraint
        WHERE contype = 'c' AND NOT convalidated
            AND conrelid IN ('tenants'::regclass, 'projects'::regclass, 'tenant_products'::regclass, 'api_keys'::regclass,
                'audit_log'::regclass)
        ORDER BY conname
    LOOP
        EXECUTE format(
            'SELECT string_agg(key, '', '') FROM (SELECT %s AS key FROM %s WHERE NOT (%s) LIMIT 5) AS violation',
            unchecked.key, unchecked.conrelid::regclass, unchecked.condition
        ) INTO violations;
        IF violations IS NOT NULL THEN
            RAISE EXCEPTION '%: these rows violate %: %; correct them and migrate again',
                unchecked.conrelid::regclass, unchecked.conname, violations
                USING ERRCODE = 'check_violation';
        END IF;
    END LOOP;
END
$$;

ALTER TABLE tenants
    VALIDATE CONSTRAINT tenants_trial_ends_at_check,
    VALIDATE CONSTRAINT tenants_contract_start_check,
    VALIDATE CONSTRAINT tenants_contract_end_check,
    VALIDATE CONSTRAINT tenants_cancel_at_check,
    VALIDATE CONSTRAINT tenants_created_at_check,
    VALIDATE CONSTRAINT tenants_updated_at_check;

ALTER TABLE projects
    VALIDATE CONSTRAINT projects_created_at_check,
    VALIDATE CONSTRAINT projects_updated_at_check;

ALTER TABLE tenant_products
    VALIDATE CONSTRAINT tenant_products_expires_at_check,
    VALIDATE CONSTRAINT tenant_products_created_at_check,
    VALIDATE CONSTRAINT tenant_products_updated_at_check;

ALTER TABLE api_keys
    VALIDATE CONSTRAINT api_keys_last_used_at_check,
    VALIDATE CONSTRAINT api_keys_revoked_at_check,
    VALIDATE CONSTRAINT api_keys_created_at_check;

ALTER TABLE audit_log
    VALIDATE CONSTRAINT audit_log_created_at_check,
    VALIDATE CONSTRAINT audit_log_origin_check;
