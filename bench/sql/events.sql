-- Events {first} to {last} of {events}, spread over the 12 months before {ends_at}. A few tenants and actions have most
-- of the events. Ten events, evenly spread, have the rare action.
INSERT INTO audit_log (
    tenant_id, actor_id, actor_name, actor_type, action, target_id, target_type, product, metadata, source_ip,
    user_agent, created_at
)
SELECT
    (
        '0190b8a5-7b1c-7000-8000-'
        || {first_tenant} + floor(({last_tenant} - {first_tenant} + 1) * power(random(), 3))::bigint
    )::uuid,
    CASE WHEN random() >= 0.2 THEN 'user-' || floor(50000 * random())::bigint END,
    'Somebody',
    'user',
    CASE
        WHEN number % ({events} / 10) = {events} / 20 THEN 'bench.rare'
        ELSE 'bench.action-' || floor(199 * power(random(), 2))::bigint
    END,
    'target-' || number % 100000,
    'report',
    CASE WHEN random() >= 0.4 THEN 'product-' || floor(12 * random())::bigint END,
    CASE WHEN random() >= 0.5 THEN json '{"format":"pdf","pages":12}' END,
    inet '192.0.2.0' + number % 256,
    'tenant-registry-bench',
    timestamptz '{ends_at}' - interval '365 days' * (1 - number / {events}::double precision)
FROM generate_series({first}, {last}) AS number;
