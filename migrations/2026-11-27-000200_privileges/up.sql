-- Only Postgres chooses the id of an audit event. A role that may insert events gets INSERT on every column but `id`, in
-- place of INSERT on the table, which includes `INSERT … OVERRIDING SYSTEM VALUE`. A later step that adds a column to
-- audit_log calls this function again.
CREATE FUNCTION audit_log_grant_columns() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    columns text;
    grantee text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
    FROM pg_attribute
    WHERE attrelid = 'audit_log'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'id';
    FOR grantee IN
        SELECT DISTINCT CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END
        FROM pg_class
        LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND NOT attisdropped
        CROSS JOIN LATERAL (
            SELECT * FROM aclexplode(relacl) UNION ALL SELECT * FROM aclexplode(attacl)
        ) AS acl
        WHERE pg_class.oid = 'audit_log'::regclass AND acl.privilege_type = 'INSERT' AND acl.grantee <> relowner
    LOOP
        EXECUTE format('REVOKE INSERT ON audit_log FROM %s', grantee);
        EXECUTE format('GRANT INSERT (%s) ON audit_log TO %s', columns, grantee);
    END LOOP;
END
$$;

SELECT audit_log_grant_columns();

-- How old an event must be before the pruning role can delete it. The owner of the database can replace this function.
CREATE FUNCTION audit_log_minimum_age() RETURNS interval
LANGUAGE sql IMMUTABLE
RETURN interval '30 days';

-- Rejects the deletion of events that are too young, and records the deletion of others in the same transaction, whatever
-- the pruning role writes itself. It runs as the owner, because the pruning role need not be able to insert events.
CREATE FUNCTION audit_log_record_pruning() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pruned record;
    minimum_age interval;
BEGIN
    SELECT count(*) AS count, min(created_at) AS oldest, max(created_at) AS newest INTO pruned FROM deleted;
    IF pruned.count = 0 THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT %I.audit_log_minimum_age()', TG_TABLE_SCHEMA) INTO minimum_age;
    IF pruned.newest > now() - minimum_age THEN
        RAISE EXCEPTION 'audit_log: events younger than % cannot be deleted', minimum_age
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_log_minimum_age';
    END IF;
    EXECUTE format(
        'INSERT INTO %I.audit_log (actor_id, actor_type, action, target_type, metadata, created_at) '
        'VALUES ($1, ''operator'', ''audit.pruned'', ''audit_log'', $2, clock_timestamp())',
        TG_TABLE_SCHEMA
    ) USING session_user::text, json_build_object(
        'deleted', pruned.count,
        'oldest', to_char(pruned.oldest AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'newest', to_char(pruned.newest AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    );
    RETURN NULL;
END
$$;

CREATE TRIGGER audit_log_record_pruning
AFTER DELETE ON audit_log
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION audit_log_record_pruning();
