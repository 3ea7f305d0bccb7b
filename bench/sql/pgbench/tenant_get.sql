\set tenant random({first_tenant}, {last_tenant})
SELECT
    id, slug, name, status, kind, plan, erp_customer_id, stripe_cust_id, trial_ends_at, contract_start, contract_end,
    cancel_at, sales_owner, created_at, updated_at
FROM tenants
WHERE id = ('0190b8a5-7b1c-7000-8000-' || :tenant)::uuid;
