-- Keys with a known plaintext: $1 are the prefixes, $2 the hashes, $3 the plaintexts, which the benchmark stores.
WITH secrets (number, prefix, hash, plaintext) AS (
    SELECT number, prefix, hash, plaintext
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS secret (prefix, hash, plaintext, number)
),
kept AS (
    INSERT INTO bench.api_key_secrets (number, plaintext) SELECT number, plaintext FROM secrets
)
INSERT INTO api_keys (id, tenant_id, name, scopes, prefix, hash, created_at)
SELECT
    ('0190b8a5-9f4e-7000-8000-' || 100000000000 + number)::uuid,
    ('0190b8a5-7b1c-7000-8000-' || {first_tenant} + number)::uuid,
    'key ' || number,
    ARRAY['reports:read', 'reports:write'],
    prefix,
    hash,
    now()
FROM secrets;
