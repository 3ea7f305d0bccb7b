-- The audit log as rivals have it: the columns and events of audit_log, with three indexes. It keeps the foreign key, because
-- the contract rejects an event of an unknown tenant.
CREATE TABLE bench.plain_log (LIKE audit_log INCLUDING IDENTITY);
INSERT INTO bench.plain_log OVERRIDING SYSTEM VALUE SELECT * FROM audit_log;
SELECT setval(pg_get_serial_sequence('bench.plain_log', 'id'), max(id)) FROM bench.plain_log;
ALTER TABLE bench.plain_log ADD PRIMARY KEY (id);
CREATE INDEX ON bench.plain_log (tenant_id, created_at);
CREATE INDEX ON bench.plain_log (created_at);
ALTER TABLE bench.plain_log ADD FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE SET NULL;
