\set tenant random({first_tenant}, {last_tenant})
INSERT INTO audit_log (
    tenant_id, project_id, actor_id, actor_name, actor_type, action, target_id, target_type, target_name, product,
    metadata, source_ip, user_agent, created_at
)
SELECT
    ('0190b8a5-7b1c-7000-8000-' || :tenant)::uuid, NULL, 'user-17', NULL, NULL, 'bench.appended', NULL, NULL, NULL,
    NULL, '{"format":"pdf"}', '127.0.0.1', NULL, now()
FROM generate_series(1, 500)
RETURNING id;
