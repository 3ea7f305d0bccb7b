-- Finds the place of a cursor among the events of one tenant, so that the events of others do not matter. The expression
-- keeps the planner from using it for anything else, and from using the primary key instead.
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_log_tenant_cursor_idx ON audit_log (tenant_id, (id + 0))
    WHERE tenant_id IS NOT NULL;
