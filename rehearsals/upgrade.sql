-- Fills a database of version 1.0 with :tenants tenants, :keys API keys and :events events. Secondary indexes are built
-- afterwards, because that is faster.
SET synchronous_commit = off;
SET maintenance_work_mem = '512MB';
-- No foreign keys and triggers meanwhile.
SET session_replication_role = replica;

CREATE TEMPORARY TABLE secondary AS
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
FROM pg_index
WHERE indrelid IN ('audit_log'::regclass, 'api_keys'::regclass)
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid);
SELECT format('DROP INDEX %s', name) FROM secondary \gexec

-- Two tenants share each external ID, which 1.0 allowed.
INSERT INTO tenants (id, slug, name, status, kind, plan, erp_customer_id, trial_ends_at, created_at, updated_at)
SELECT
    ('0190b8a5-7b1c-7000-8000-' || 100000000000 + number)::uuid, 'filled-' || lpad(number::text, 9, '0'), 'Filled Tenant ' || number, 'trial',
    'customer', 'starter', 'ERP-' || number / 2, now() + interval '14 days', now(), now()
FROM generate_series(0, :tenants - 1) AS number;

-- Every second entitlement was inserted by an operator.
INSERT INTO tenant_products (tenant_id, product, enabled, config, expires_at, created_at, updated_at)
SELECT
    ('0190b8a5-7b1c-7000-8000-' || 100000000000 + number)::uuid, 'insights', true, '{}',
    CASE WHEN number % 2 = 0 THEN now() + interval '336 hours' END, now(), now()
FROM generate_series(0, :tenants - 1) AS number;

INSERT INTO api_keys (id, tenant_id, name, scopes, prefix, hash, created_at)
SELECT
    ('0190b8a5-9f4e-7000-8000-' || 100000000000 + number)::uuid,
    ('0190b8a5-7b1c-7000-8000-' || 100000000000 + number % :tenants)::uuid, 'key ' || number, ARRAY['reports:read'],
    'bp_' || translate(substr(encode(decode(md5(number::text), 'hex'), 'base64'), 1, 8), '+/', '-_'),
    'argon2id|' || repeat('A', 22) || '|' || repeat('A', 43), now()
FROM generate_series(0, :keys - 1) AS number;

INSERT INTO audit_log (
    tenant_id, actor_id, actor_type, action, target_id, target_type, product, metadata, source_ip, user_agent, created_at
)
SELECT
    ('0190b8a5-7b1c-7000-8000-' || 100000000000 + number % :tenants)::uuid, 'user-' || number % 50000, 'user',
    'filled.action-' || number % 199, 'target-' || number % 100000, 'report',
    CASE WHEN number % 5 < 3 THEN 'product-' || number % 12 END,
    CASE WHEN number % 2 = 0 THEN json '{"format":"pdf","pages":12}' END, inet '192.0.2.0' + number % 256, 'filled',
    now() - interval '1 year' * (1 - number / :events::double precision)
FROM generate_series(0, :events - 1) AS number;

SELECT definition FROM secondary \gexec
ANALYZE;
