-- The tenants of a kind, newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS tenants_kind_id_idx ON tenants (kind, id);
