-- Old events, once `tenant-registry distribute` has moved them out of audit_log. The command spreads this table over the workers
-- of a Citus cluster, by the week in which an event was created, so that a page reads few workers. Without Citus the table is
-- empty. Events are written to audit_log, and the service never writes here.
--
-- The columns are those of audit_log, whose constraints have checked the values, and `week`. A later step that changes a column
-- of audit_log changes it here as well.
CREATE TABLE audit_log_distributed (
    id bigint NOT NULL,
    tenant_id uuid,
    project_id uuid,
    actor_id text,
    actor_name text,
    actor_type text,
    action text NOT NULL,
    target_id text,
    target_type text,
    target_name text,
    product text,
    metadata json,
    source_ip inet,
    user_agent text,
    created_at timestamptz NOT NULL,
    origin text,
    occurred_at timestamptz,
    targets json,
    -- Weeks since 1970-01-01, UTC.
    week integer NOT NULL
        CONSTRAINT audit_log_distributed_week_check CHECK (week = floor(extract(epoch FROM created_at) / 604800)),
    CONSTRAINT audit_log_distributed_pkey PRIMARY KEY (id, week)
);

-- As the indexes of audit_log.
CREATE INDEX audit_log_distributed_created_at_filters_idx ON audit_log_distributed (
    created_at,
    (id + 0),
    ((hashtext(COALESCE(product, '')) & 32767)::smallint),
    ((hashtext(COALESCE(actor_id, '')) & 32767)::smallint),
    ((hashtext(action) & 32767)::smallint)
);

CREATE INDEX audit_log_distributed_tenant_id_filters_idx ON audit_log_distributed (
    tenant_id,
    created_at,
    id,
    ((hashtext(COALESCE(product, '')) & 32767)::smallint),
    ((hashtext(COALESCE(actor_id, '')) & 32767)::smallint),
    ((hashtext(action) & 32767)::smallint)
) WHERE tenant_id IS NOT NULL;

-- The weeks whose events may be in audit_log_distributed, with the range of their ids. Pages ask only for these weeks.
CREATE TABLE audit_log_distributed_weeks (
    week integer CONSTRAINT audit_log_distributed_weeks_pkey PRIMARY KEY,
    first_id bigint NOT NULL,
    last_id bigint NOT NULL
);

-- Only the functions below change distributed events. They announce it with a setting, because a worker cannot see the
-- tables of the coordinator.
CREATE FUNCTION audit_log_distributed_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'TRUNCATE' AND current_setting('registry.audit_log_upkeep', true) = 'on' THEN
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        IF NEW.tenant_id IS NULL THEN
            NEW.tenant_id := OLD.tenant_id;
            -- Byte by byte: json knows no equality.
            IF NEW *= OLD THEN
                NEW.tenant_id := NULL;
                RETURN NEW;
            END IF;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit_log_distributed is append-only: % is refused', TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_log_distributed_append_only';
END
$$;

CREATE TRIGGER audit_log_distributed_append_only
BEFORE UPDATE OR DELETE ON audit_log_distributed
FOR EACH ROW EXECUTE FUNCTION audit_log_distributed_append_only();

CREATE TRIGGER audit_log_distributed_no_truncate
BEFORE TRUNCATE ON audit_log_distributed
FOR EACH STATEMENT EXECUTE FUNCTION audit_log_distributed_append_only();

-- As before, but events can also be deleted once they are distributed, which audit_log_record_pruning() checks.
CREATE OR REPLACE FUNCTION audit_log_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND (
        current_user = 'tenant_registry_pruner' OR current_setting('registry.audit_log_distributing', true) = 'on'
    ) THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.tenant_id IS NULL AND OLD.tenant_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM tenants WHERE id = OLD.tenant_id)
    THEN
        NEW.tenant_id := OLD.tenant_id;
        -- Byte by byte: json knows no equality.
        IF NEW *= OLD THEN
            NEW.tenant_id := NULL;
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit_log is append-only: % is refused', TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_log_append_only';
END
$$;

-- As before, but events that are distributed may be young, and need no record.
CREATE OR REPLACE FUNCTION audit_log_record_pruning() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    pruned record;
    distributed bigint;
    minimum_age interval;
BEGIN
    SELECT count(*) AS count, min(created_at) AS oldest, max(created_at) AS newest, array_agg(id) AS ids,
        array_agg(DISTINCT floor(extract(epoch FROM created_at) / 604800)::integer) AS weeks
    INTO pruned FROM deleted;
    IF pruned.count = 0 THEN
        RETURN NULL;
    END IF;
    IF current_setting('registry.audit_log_distributing', true) = 'on' THEN
        EXECUTE format(
            'SELECT count(*) FROM %I.audit_log_distributed WHERE week = ANY (%L::integer[]) AND id = ANY (%L::bigint[])',
            TG_TABLE_SCHEMA, pruned.weeks, pruned.ids
        ) INTO distributed;
        IF distributed <> pruned.count THEN
            RAISE EXCEPTION 'audit_log: of % events to delete, % are distributed', pruned.count, distributed
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_log_distributing';
        END IF;
        RETURN NULL;
    END IF;
    -- `distribute` holds the lock: an event that it has copied would stay distributed, and be recorded a second time.
    IF NOT pg_try_advisory_xact_lock_shared(format('%I.audit_log_distributed', TG_TABLE_SCHEMA)::regclass::bigint) THEN
        RAISE EXCEPTION 'audit_log cannot be pruned while `tenant-registry distribute` runs'
            USING ERRCODE = 'lock_not_available', HINT = 'Wait until it has ended.';
    END IF;
    EXECUTE format('SELECT %I.audit_log_minimum_age()', TG_TABLE_SCHEMA) INTO minimum_age;
    IF pruned.newest > now() - minimum_age THEN
        RAISE EXCEPTION 'audit_log: events younger than % cannot be deleted', minimum_age
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_log_minimum_age';
    END IF;
    EXECUTE format('SELECT %I.audit_log_insert_pruned($1, $2, $3)', TG_TABLE_SCHEMA)
        USING pruned.count, pruned.oldest, pruned.newest;
    RETURN NULL;
END
$$;

-- Inserts the event that records a deletion. Called with the rights of the owner.
CREATE FUNCTION audit_log_insert_pruned(deleted bigint, oldest timestamptz, newest timestamptz) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO audit_log (actor_id, actor_type, action, target_type, metadata, created_at, origin)
    VALUES (session_user::text, 'operator', 'audit.pruned', 'audit_log', json_build_object(
        'deleted', deleted,
        'oldest', to_char(oldest AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'newest', to_char(newest AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ), clock_timestamp(), 'service')
$$;

-- Deletes the oldest distributed events that are older than this, at most so many and of one week, and records it as
-- audit_log_record_pruning() does. Returns how many were deleted, and NULL if no such event is left. The caller is the
-- pruning role. It runs as the owner, whose rights the workers know. `distribute` holds the lock: a week that is empty could
-- else be removed while events are copied to it.
CREATE FUNCTION audit_log_distributed_prune(before timestamptz, max_events integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    oldest_week integer;
    pruned record;
BEGIN
    IF (CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role') END)
        <> 'tenant_registry_pruner'
    THEN
        RAISE EXCEPTION 'only the role tenant_registry_pruner can prune the audit log'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF before > now() - audit_log_minimum_age() THEN
        RAISE EXCEPTION 'audit_log: events younger than % cannot be deleted', audit_log_minimum_age()
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_log_minimum_age';
    END IF;
    -- With 0, every week would look empty.
    IF max_events IS NULL OR max_events < 1 THEN
        RAISE EXCEPTION 'max_events must be at least 1' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT pg_try_advisory_xact_lock_shared('audit_log_distributed'::regclass::bigint) THEN
        RAISE EXCEPTION 'audit_log_distributed cannot be pruned while `tenant-registry distribute` runs'
            USING ERRCODE = 'lock_not_available', HINT = 'Wait until it has ended.';
    END IF;
    -- Citus passes a setting on to workers only from a transaction block or from DO.
    DO 'BEGIN SET LOCAL citus.propagate_set_commands = local; SET LOCAL registry.audit_log_upkeep = on; END';
    LOOP
        -- The lock on the row keeps two calls from recording the same events.
        SELECT week INTO oldest_week FROM audit_log_distributed_weeks
        WHERE week <= floor(extract(epoch FROM before) / 604800) ORDER BY week LIMIT 1 FOR UPDATE;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        SELECT count(*) AS count, min(old.created_at) AS oldest, max(old.created_at) AS newest, array_agg(old.id) AS ids
        INTO pruned
        FROM (
            SELECT id, created_at FROM audit_log_distributed
            WHERE week = oldest_week AND created_at < before
                AND created_at >= to_timestamp(604800.0 * oldest_week)
            ORDER BY created_at, (id + 0) LIMIT max_events
        ) AS old;
        EXIT WHEN pruned.count > 0;
        IF to_timestamp(604800.0 * (oldest_week + 1)) > before THEN
            RETURN NULL;
        END IF;
        DELETE FROM audit_log_distributed_weeks WHERE week = oldest_week;
    END LOOP;
    DELETE FROM audit_log_distributed WHERE week = oldest_week AND id = ANY (pruned.ids);
    PERFORM audit_log_insert_pruned(pruned.count, pruned.oldest, pruned.newest);
    RETURN pruned.count;
END
$$;

-- As before, but it goes on with the distributed events of the tenant. `distribute` holds the lock: an event could else be
-- copied with the tenant before this, and become visible after it.
CREATE OR REPLACE FUNCTION audit_log_clear_deleted_tenant(max_events integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    deleted deleted_tenants;
    last_created_at timestamptz;
    events bigint[];
    cleared integer;
    event_week integer;
BEGIN
    IF NOT pg_try_advisory_xact_lock_shared('audit_log_distributed'::regclass::bigint) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO deleted FROM deleted_tenants ORDER BY tenant_id LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT created_at INTO last_created_at FROM audit_log WHERE id = deleted.last_event;
    events := ARRAY(
        SELECT id FROM audit_log
        WHERE tenant_id = deleted.tenant_id
            AND (created_at, id) > (COALESCE(last_created_at, '-infinity'), deleted.last_event)
        ORDER BY created_at, id LIMIT max_events
    );
    UPDATE audit_log SET tenant_id = NULL WHERE id = ANY(events);
    cleared := cardinality(events);
    IF cleared = max_events THEN
        UPDATE deleted_tenants SET last_event = events[max_events] WHERE tenant_id = deleted.tenant_id;
        RETURN cleared;
    END IF;
    IF EXISTS (SELECT FROM audit_log_distributed_weeks) THEN
        -- As in audit_log_distributed_prune(), and before the first statement on a worker, which else does not get it.
        DO 'BEGIN SET LOCAL citus.propagate_set_commands = local; SET LOCAL registry.audit_log_upkeep = on; END';
        SELECT week INTO event_week FROM audit_log_distributed WHERE tenant_id = deleted.tenant_id LIMIT 1;
        IF event_week IS NOT NULL THEN
            events := ARRAY(
                SELECT id FROM audit_log_distributed
                WHERE tenant_id = deleted.tenant_id AND week = event_week LIMIT max_events - cleared
            );
            UPDATE audit_log_distributed SET tenant_id = NULL WHERE week = event_week AND id = ANY(events);
            RETURN cleared + cardinality(events);
        END IF;
    END IF;
    DELETE FROM deleted_tenants WHERE tenant_id = deleted.tenant_id;
    RETURN cleared;
END
$$;

-- Nothing that the caller of a function puts before these schemas is used.
DO $$
BEGIN
    EXECUTE format(
        'ALTER FUNCTION audit_log_clear_deleted_tenant(integer) SET search_path = pg_catalog, %I, pg_temp', current_schema()
    );
    EXECUTE format(
        'ALTER FUNCTION audit_log_distributed_prune(timestamptz, integer) SET search_path = pg_catalog, %I, pg_temp',
        current_schema()
    );
    EXECUTE format(
        'ALTER FUNCTION audit_log_insert_pruned(bigint, timestamptz, timestamptz) SET search_path = pg_catalog, %I, pg_temp',
        current_schema()
    );
END
$$;

REVOKE EXECUTE ON FUNCTION audit_log_insert_pruned(bigint, timestamptz, timestamptz) FROM PUBLIC;

-- Roles that read audit_log read the distributed events as well. Whatever the default privileges are, no role writes them.
DO $$
DECLARE
    name text;
    grantee text;
BEGIN
    FOREACH name IN ARRAY ARRAY['audit_log_distributed', 'audit_log_distributed_weeks'] LOOP
        FOR grantee IN
            SELECT DISTINCT CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END
            FROM pg_class CROSS JOIN LATERAL aclexplode(relacl) AS acl
            WHERE oid = name::regclass AND acl.grantee <> relowner
        LOOP
            EXECUTE format('REVOKE ALL ON %I FROM %s', name, grantee);
        END LOOP;
        FOR grantee IN
            SELECT DISTINCT CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END
            FROM pg_class CROSS JOIN LATERAL aclexplode(relacl) AS acl
            WHERE oid = 'audit_log'::regclass AND acl.privilege_type = 'SELECT' AND acl.grantee <> relowner
        LOOP
            EXECUTE format('GRANT SELECT ON %I TO %s', name, grantee);
        END LOOP;
    END LOOP;
END
$$;

-- As before, with the tables of this step.
CREATE OR REPLACE FUNCTION row_security_enable() RETURNS void
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
            ('idempotency_records', 'tenant_id = ' || bound, 'SELECT, INSERT'),
            -- Has no rows of tenants.
            ('audit_log_distributed_weeks', 'current_setting(''registry.tenant'', true) IS NOT NULL', 'SELECT')
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
    -- On workers, Citus makes every policy permissive, and rejects subqueries in them.
    REVOKE ALL ON audit_log_distributed FROM tenant_registry_bound;
    GRANT SELECT ON audit_log_distributed TO tenant_registry_bound;
    DROP POLICY IF EXISTS bound_to_tenant ON audit_log_distributed;
    CREATE POLICY bound_to_tenant ON audit_log_distributed USING (
        current_user <> 'tenant_registry_bound'
        OR tenant_id = NULLIF(current_setting('registry.tenant', true), '')::uuid
        OR tenant_id IS NULL AND action = 'tenant.deleted' AND target_id = current_setting('registry.tenant', true)
    );
    ALTER TABLE audit_log_distributed ENABLE ROW LEVEL SECURITY;
    -- INSERT on every column of audit_log but the id.
    PERFORM audit_log_grant_columns();
END
$$;

-- As migrations/README.md says: without it, callers that are limited to one tenant could not use the new tables.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tenant_registry_bound')
        AND (SELECT relrowsecurity FROM pg_class WHERE oid = 'tenants'::regclass)
    THEN
        PERFORM row_security_enable();
    END IF;
END
$$;
