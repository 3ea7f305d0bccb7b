-- The audit log in the order of audit_list. The hashes let Postgres apply filters within the index, without reading the events
-- that do not match. Texts themselves may be too long for an index. 15 bits are enough: of 20,000 events, hardly one is read in
-- vain. Short columns that are never NULL keep an entry at 32 bytes, header included. The expression (id + 0) keeps the planner
-- from using this index for the list of a tenant.
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_log_created_at_filters_idx ON audit_log (
    created_at,
    (id + 0),
    ((hashtext(COALESCE(product, '')) & 32767)::smallint),
    ((hashtext(COALESCE(actor_id, '')) & 32767)::smallint),
    ((hashtext(action) & 32767)::smallint)
);
