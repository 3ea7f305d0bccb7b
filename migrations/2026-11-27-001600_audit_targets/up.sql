-- When an appended event happened, by the caller's clock, and all its targets. Both are optional, and no stored event has them.
-- json and not jsonb, as for metadata: the targets are returned as they were appended.
ALTER TABLE audit_log
    ADD COLUMN occurred_at timestamptz,
    ADD COLUMN targets json;

-- A CHECK cannot contain a subquery.
CREATE FUNCTION audit_log_targets_are_valid(targets json) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN json_typeof(targets) <> 'array' THEN FALSE
        WHEN json_array_length(targets) > 20 THEN FALSE
        ELSE NOT EXISTS (
            SELECT FROM json_array_elements(targets) AS target
            WHERE CASE
                WHEN json_typeof(target) <> 'object' THEN TRUE
                ELSE target -> 'id' IS NULL OR target -> 'type' IS NULL OR EXISTS (
                    SELECT FROM json_each(target) AS member
                    WHERE member.key NOT IN ('id', 'type', 'name')
                        OR json_typeof(member.value) <> 'string'
                        OR char_length(member.value #>> '{}') > 1024
                )
            END
        )
    END
$$;

ALTER TABLE audit_log
    ADD CONSTRAINT audit_log_occurred_at_check
        CHECK (occurred_at >= '0001-01-01 00:00:00+00' AND occurred_at < '10000-01-01 00:00:00+00') NOT VALID,
    ADD CONSTRAINT audit_log_targets_check
        CHECK (targets IS NULL OR audit_log_targets_are_valid(targets)) NOT VALID;

SELECT audit_log_grant_columns();
