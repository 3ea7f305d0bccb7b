\set number random({first_secret}, {last_secret})
SELECT
    api_keys.id, api_keys.tenant_id, api_keys.product, api_keys.name, api_keys.scopes, api_keys.prefix, api_keys.hash,
    api_keys.created_by, api_keys.last_used_at, api_keys.revoked_at, api_keys.created_at, tenants.status,
    tenants.cancel_at
FROM api_keys INNER JOIN tenants ON api_keys.tenant_id = tenants.id
WHERE api_keys.prefix = 'bp_' || :number;
