-- The tenants with a stored status, newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS tenants_status_id_idx ON tenants (status, id);
