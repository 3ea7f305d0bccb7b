-- Entitlements that do not end as a trial does were sold, and inserted by operators. They become purchases, in short
-- transactions. Hours, because a day of the session's time zone can have 23 or 25.
DO $$
DECLARE
    batch uuid[];
    last uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    LOOP
        SELECT array_agg(tenant_id ORDER BY tenant_id) INTO batch
        FROM (SELECT DISTINCT tenant_id FROM tenant_products WHERE tenant_id > last ORDER BY tenant_id LIMIT 1000) AS next;
        EXIT WHEN batch IS NULL;
        UPDATE tenant_products SET source = 'purchase'
        WHERE tenant_id = ANY (batch) AND source = 'trial' AND expires_at IS DISTINCT FROM created_at + interval '336 hours';
        last := batch[cardinality(batch)];
        COMMIT;
    END LOOP;
END
$$;
