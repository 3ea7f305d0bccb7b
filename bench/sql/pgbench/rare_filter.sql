SELECT created_at AS first_end_time, id AS first_end
FROM audit_log
ORDER BY created_at DESC, (id + 0) DESC
LIMIT 1 OFFSET 999 \gset
SELECT
    id, tenant_id, project_id, actor_id, actor_name, actor_type, action, target_id, target_type, target_name, product,
    metadata, source_ip, user_agent, created_at
FROM audit_log
WHERE
    (created_at, (id + 0)) >= (:first_end_time, :first_end)
    AND (hashtext(action) & 32767)::smallint = (hashtext('{rare_action}') & 32767)::smallint
    AND action = '{rare_action}'
ORDER BY created_at DESC, (id + 0) DESC
LIMIT 51;
SELECT created_at AS second_end_time, id AS second_end
FROM audit_log
WHERE (created_at, (id + 0)) < (:first_end_time, :first_end)
ORDER BY created_at DESC, (id + 0) DESC
LIMIT 1 OFFSET 19999 \gset
SELECT
    id, tenant_id, project_id, actor_id, actor_name, actor_type, action, target_id, target_type, target_name, product,
    metadata, source_ip, user_agent, created_at
FROM audit_log
WHERE
    (created_at, (id + 0)) < (:first_end_time, :first_end)
    AND (created_at, (id + 0)) >= (:second_end_time, :second_end)
    AND (hashtext(action) & 32767)::smallint = (hashtext('{rare_action}') & 32767)::smallint
    AND action = '{rare_action}'
ORDER BY created_at DESC, (id + 0) DESC
LIMIT 51;
