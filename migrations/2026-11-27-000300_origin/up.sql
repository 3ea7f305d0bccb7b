-- Whether the service wrote an event for a change that it made, or a caller appended it. Older events stay without a value:
-- their actions do not tell, because a caller may append any action. Events that the previous version writes during an
-- upgrade have none either.
ALTER TABLE audit_log
    ADD COLUMN origin text;

ALTER TABLE audit_log
    ADD CONSTRAINT audit_log_origin_check CHECK (origin IN ('service', 'caller')) NOT VALID;

-- As before, but with the origin.
CREATE OR REPLACE FUNCTION audit_log_record_pruning() RETURNS trigger
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
        'INSERT INTO %I.audit_log (actor_id, actor_type, action, target_type, metadata, created_at, origin) '
        'VALUES ($1, ''operator'', ''audit.pruned'', ''audit_log'', $2, clock_timestamp(), ''service'')',
        TG_TABLE_SCHEMA
    ) USING session_user::text, json_build_object(
        'deleted', pruned.count,
        'oldest', to_char(pruned.oldest AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'newest', to_char(pruned.newest AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    );
    RETURN NULL;
END
$$;

SELECT audit_log_grant_columns();
