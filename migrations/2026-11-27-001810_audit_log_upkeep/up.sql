-- A page with filters counts entries of an index. Postgres reads the table for entries of pages that no vacuum has seen, and by
-- default vacuums only after a fifth of the table is new. A vacuum of new events is short, because it reads only these.
ALTER TABLE audit_log SET (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000);

-- As before, but it reads the events of the tenant in the order of audit_log_tenant_id_filters_idx, so that
-- audit_log_tenant_cursor_idx can go.
CREATE OR REPLACE FUNCTION audit_log_clear_deleted_tenant(max_events integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    deleted deleted_tenants;
    last_created_at timestamptz;
    events bigint[];
BEGIN
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
    IF cardinality(events) < max_events THEN
        DELETE FROM deleted_tenants WHERE tenant_id = deleted.tenant_id;
    ELSE
        UPDATE deleted_tenants SET last_event = events[max_events] WHERE tenant_id = deleted.tenant_id;
    END IF;
    RETURN cardinality(events);
END
$$;

-- The last event in the other order.
UPDATE deleted_tenants SET last_event = 0;

-- Nothing that the caller of the function puts before these schemas is used.
DO $$
BEGIN
    EXECUTE format(
        'ALTER FUNCTION audit_log_clear_deleted_tenant(integer) SET search_path = pg_catalog, %I, pg_temp', current_schema()
    );
END
$$;
