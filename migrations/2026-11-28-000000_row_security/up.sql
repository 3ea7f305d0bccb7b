-- Row-level security for callers that are limited to one tenant (DATABASE_ROW_SECURITY). Their statements run as the
-- role tenant_registry_bound, with the tenant in the setting `registry.tenant`. The role sees and writes only the rows
-- of this tenant, and none if the setting is missing. All other roles are not affected.
--
-- Nothing is enabled here, because only an administrator can create the role. Then the owner calls this function, which
-- can be called again. A later step that adds a table with rows of tenants replaces it, and calls it if the role
-- exists.
CREATE FUNCTION row_security_enable() RETURNS void
LANGUAGE plpgsql SET lock_timeout = '5s' SET client_min_messages = warning AS $$
DECLARE
    -- Evaluated once for each statement, so that it can be looked up in an index. No tenant has the id NULL.
    bound constant text := '(SELECT NULLIF(current_setting(''registry.tenant'', true), '''')::uuid)';
    heirs text;
    secured record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tenant_registry_bound') THEN
        RAISE EXCEPTION 'the role tenant_registry_bound does not exist; run as an administrator: '
            'CREATE ROLE tenant_registry_bound; GRANT tenant_registry_bound TO <the role of the service>';
    END IF;
    -- The policies would limit everything that these roles do. Owners and superusers are not subject to policies.
    SELECT string_agg(quote_ident(rolname), ', ' ORDER BY rolname) INTO heirs
    FROM pg_roles
    WHERE rolname <> 'tenant_registry_bound' AND NOT rolsuper AND NOT rolbypassrls
        AND pg_has_role(oid, 'tenant_registry_bound', 'USAGE')
        AND NOT pg_has_role(oid, (SELECT relowner FROM pg_class WHERE pg_class.oid = 'audit_log'::regclass), 'USAGE');
    IF heirs IS NOT NULL THEN
        RAISE EXCEPTION 'roles inherit tenant_registry_bound, and would see no rows: %', heirs
            USING HINT = 'Make them NOINHERIT, revoke tenant_registry_bound from them, and grant it again.';
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO tenant_registry_bound', current_schema());
    FOR secured IN
        SELECT * FROM (VALUES
            -- In the order in which a change of the service locks them.
            ('tenants', 'id = ' || bound, 'SELECT, UPDATE, DELETE'),
            ('deleted_tenants', 'tenant_id = ' || bound, 'SELECT'),
            ('tenant_words', 'tenant_id = ' || bound, 'SELECT'),
            ('projects', 'tenant_id = ' || bound, 'SELECT, INSERT, UPDATE, DELETE'),
            ('tenant_products', 'tenant_id = ' || bound, 'SELECT, INSERT, UPDATE'),
            ('api_keys', 'tenant_id = ' || bound, 'SELECT, INSERT, UPDATE'),
            (
                'audit_log',
                -- The event of the tenant's own deletion outlives it, and has no tenant.
                format(
                    'tenant_id = %1$s OR tenant_id IS NULL AND action = ''tenant.deleted'' AND target_id = %1$s::text', bound
                ),
                'SELECT, INSERT'
            ),
            ('idempotency_records', 'tenant_id = ' || bound, 'SELECT, INSERT')
        ) AS listed (name, condition, privileges)
    LOOP
        EXECUTE format('REVOKE ALL ON %I FROM tenant_registry_bound', secured.name);
        EXECUTE format('GRANT %s ON %I TO tenant_registry_bound', secured.privileges, secured.name);
        EXECUTE format('DROP POLICY IF EXISTS all_roles ON %I', secured.name);
        EXECUTE format('DROP POLICY IF EXISTS bound_to_tenant ON %I', secured.name);
        -- A row has to match this policy, which costs nothing, and for the role the second one as well.
        EXECUTE format('CREATE POLICY all_roles ON %I USING (true)', secured.name);
        EXECUTE format(
            'CREATE POLICY bound_to_tenant ON %I AS RESTRICTIVE TO tenant_registry_bound USING (%s)',
            secured.name, secured.condition
        );
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', secured.name);
    END LOOP;
    -- INSERT on every column of audit_log but the id.
    PERFORM audit_log_grant_columns();
END
$$;
