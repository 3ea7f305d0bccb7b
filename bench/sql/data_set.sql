-- Describes a loaded data set: its parameters ($1), its last event, and the bytes on disk for each event, indexes included.
INSERT INTO bench.data_set (parameters, last_event, event_bytes, plain_event_bytes)
SELECT
    $1,
    max(id),
    pg_total_relation_size('audit_log')::double precision / count(*),
    pg_total_relation_size('bench.plain_log')::double precision / count(*)
FROM audit_log;
