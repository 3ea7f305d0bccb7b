SELECT
    id, tenant_id, project_id, actor_id, actor_name, actor_type, action, target_id, target_type, target_name, product,
    metadata, source_ip, user_agent, created_at
FROM audit_log
{filter}
ORDER BY created_at DESC, {number} DESC
LIMIT 51;
