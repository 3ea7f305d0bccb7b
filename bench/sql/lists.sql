-- Adds :tenants tenants, as many projects, and ten times as many API keys. Secondary indexes of large tables are built
-- afterwards, because that is faster.
SET synchronous_commit = off;
SET maintenance_work_mem = '512MB';
TRUNCATE api_keys, projects, tenant_products, tenant_words;
SET session_replication_role = replica;
DELETE FROM tenants;

CREATE TEMPORARY TABLE secondary AS
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
FROM pg_index
WHERE indrelid IN ('api_keys'::regclass, 'projects'::regclass)
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid);
SELECT format('DROP INDEX %s', name) FROM secondary \gexec

INSERT INTO tenants (id, slug, name, status, kind, plan, erp_customer_id, created_at, updated_at)
SELECT
    ('0190b8a5-7b1c-7000-8000-' || 100000000000 + number)::uuid, 't-' || number, 'word' || number % 5,
    CASE WHEN number / 2 % 2 = 0 THEN 'frozen' ELSE 'active' END, CASE WHEN number % 2 = 0 THEN 'demo' ELSE 'customer' END,
    CASE WHEN number / 4 % 2 = 0 THEN 'team' ELSE 'starter' END, 'ERP-' || number, now(), now()
FROM generate_series(0, :tenants - 1) AS number;
INSERT INTO tenant_words (tenant_id, word)
SELECT id, unnest(search_words(ARRAY[slug, name, erp_customer_id, stripe_cust_id])) FROM tenants ON CONFLICT DO NOTHING;

INSERT INTO tenant_products (tenant_id, product, enabled, config, created_at, updated_at)
SELECT id, 'insights', true, '{}', now(), now() FROM tenants;

INSERT INTO projects (id, tenant_id, slug, name, created_at, updated_at)
SELECT
    ('0190b8a5-8c2d-7000-8000-' || 100000000000 + number)::uuid,
    ('0190b8a5-7b1c-7000-8000-' || 100000000000 + CASE WHEN number % 10 = 0 THEN 0 ELSE number END)::uuid,
    'project-' || number, 'Project', now(), now()
FROM generate_series(0, :tenants - 1) AS number;

INSERT INTO api_keys (id, tenant_id, product, name, scopes, prefix, hash, revoked_at, created_at)
SELECT
    ('0190b8a5-9f4e-7000-8000-' || 100000000000 + number)::uuid,
    ('0190b8a5-7b1c-7000-8000-' || 100000000000 + CASE WHEN number % 10 = 0 THEN 0 ELSE number / 10 END)::uuid,
    CASE WHEN number % 20 = 0 THEN 'insights' END, 'key ' || number, ARRAY['reports:read'],
    'bp_' || translate(substr(encode(decode(md5(number::text), 'hex'), 'base64'), 1, 8), '+/', '-_'),
    'argon2id|' || repeat('A', 22) || '|' || repeat('A', 43), CASE WHEN number % 40 = 0 THEN now() END, now()
FROM generate_series(0, :tenants * 10 - 1) AS number;

SELECT definition FROM secondary \gexec
VACUUM ANALYZE;
