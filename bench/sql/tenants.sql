-- The ids have the form of version 7 and end in the tenant's number, so that the load generator needs no lookup.
INSERT INTO tenants (id, slug, name, status, kind, plan, contract_start, created_at, updated_at)
SELECT
    ('0190b8a5-7b1c-7000-8000-' || number)::uuid,
    'tenant-' || number,
    'Tenant ' || number,
    'active',
    'customer',
    'team',
    date '2025-01-01',
    now(),
    now()
FROM generate_series({first_tenant}, {last_tenant}) AS number;
