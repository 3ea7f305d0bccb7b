-- As before, but in PL/pgSQL. For each statement, Postgres parses the body of an SQL function in a CHECK or in the condition of
-- a trigger, to see whether it can put the body in place of the call. It cannot in these two, so that every INSERT of an event
-- or of an API key paid for it in vain.

CREATE OR REPLACE FUNCTION audit_log_targets_are_valid(targets json) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF json_typeof(targets) <> 'array' OR json_array_length(targets) > 20 THEN
        RETURN FALSE;
    END IF;
    RETURN NOT EXISTS (
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
    );
END
$$;

CREATE OR REPLACE FUNCTION longest_text(texts text[]) RETURNS integer
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (SELECT max(char_length(item)) FROM unnest(texts) AS item);
END
$$;
