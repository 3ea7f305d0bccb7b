-- Keys that are never presented. Each has a random prefix and a well-formed hash that matches no plaintext.
INSERT INTO api_keys (id, tenant_id, name, scopes, prefix, hash, created_at)
SELECT
    ('0190b8a5-9f4e-7000-8000-' || 100000000000 + number)::uuid,
    ('0190b8a5-7b1c-7000-8000-' || {first_tenant} + number % ({last_tenant} - {first_tenant} + 1))::uuid,
    'key ' || number,
    ARRAY['reports:read', 'reports:write'],
    'bp_' || translate(substr(encode(decode(md5(number::text), 'hex'), 'base64'), 1, 8), '+/', '-_'),
    'argon2id|' || repeat('A', 22) || '|' || repeat('A', 43),
    now()
FROM generate_series({first_key}, {last_key}) AS number;
