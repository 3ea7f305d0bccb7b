-- Deleting a tenant takes one short transaction, however many events it has. Its projects, entitlements and API keys go with
-- it, by their foreign keys. Its events lose their tenant_id afterwards, in small steps: with ON DELETE SET NULL, a million
-- events would be one transaction of a minute. Until then this table has the tenant, and the service shows its events without
-- a tenant_id.
CREATE TABLE deleted_tenants (
    tenant_id uuid CONSTRAINT deleted_tenants_pkey PRIMARY KEY,
    -- The last event that has lost its tenant_id. The next step begins after it, beyond the dead entries of the index.
    last_event bigint NOT NULL DEFAULT 0
);

CREATE FUNCTION tenants_record_deletion() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('INSERT INTO %I.deleted_tenants (tenant_id) VALUES ($1) ON CONFLICT DO NOTHING', TG_TABLE_SCHEMA)
        USING OLD.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER tenants_record_deletion
AFTER DELETE ON tenants
FOR EACH ROW EXECUTE FUNCTION tenants_record_deletion();

-- In place of the foreign key of audit_log. An insert locks the tenant as a foreign key does, and fails with the same error.
ALTER TABLE audit_log DROP CONSTRAINT audit_log_tenant_id_fkey;

CREATE FUNCTION audit_log_check_tenant() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM tenants WHERE id = NEW.tenant_id FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no tenant has the id %', NEW.tenant_id
            USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'audit_log_tenant_id_fkey';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER audit_log_tenant_id_fkey
AFTER INSERT ON audit_log
FOR EACH ROW WHEN (NEW.tenant_id IS NOT NULL)
EXECUTE FUNCTION audit_log_check_tenant();

-- TRUNCATE runs no trigger for each row, and would leave events with the tenants.
CREATE FUNCTION tenants_no_truncate() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'tenants cannot be truncated, because audit_log refers to them; delete them'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'tenants_no_truncate';
END
$$;

CREATE TRIGGER tenants_no_truncate
BEFORE TRUNCATE ON tenants
FOR EACH STATEMENT EXECUTE FUNCTION tenants_no_truncate();

-- As before, but the tenant_id of an event can become NULL once its tenant is deleted, whoever does it.
CREATE OR REPLACE FUNCTION audit_log_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_user = 'tenant_registry_pruner' THEN
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

-- Removes the tenant_id from at most so many events of a deleted tenant, and returns from how many. NULL if no deleted tenant
-- is left, or others are at work on all of them. It runs as the owner, because the service must not change events.
CREATE FUNCTION audit_log_clear_deleted_tenant(max_events integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    deleted deleted_tenants;
    events bigint[];
BEGIN
    SELECT * INTO deleted FROM deleted_tenants ORDER BY tenant_id LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    events := ARRAY(
        SELECT id FROM audit_log WHERE tenant_id = deleted.tenant_id AND (id + 0) > deleted.last_event
        ORDER BY (id + 0) LIMIT max_events
    );
    UPDATE audit_log SET tenant_id = NULL WHERE id = ANY(events);
    IF cardinality(events) < max_events THEN
        DELETE FROM deleted_tenants WHERE tenant_id = deleted.tenant_id;
    ELSE
        UPDATE deleted_tenants SET last_event = events[max_events] WHERE tenant_id = deleted.tenant_id;
    END IF;
    RETURN cardinality(events);
END
$$;

-- Nothing that the caller of the function puts before these schemas is used.
DO $$
BEGIN
    EXECUTE format(
        'ALTER FUNCTION audit_log_clear_deleted_tenant(integer) SET search_path = pg_catalog, %I, pg_temp', current_schema()
    );
END
$$;
