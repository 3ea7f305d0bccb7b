-- Stores the words of the tenants from before the trigger, in short transactions. Each locks its tenants, so that no change
-- of a name comes between reading it and storing its words.
DO $$
DECLARE
    batch uuid[];
    last uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    LOOP
        SELECT array_agg(id ORDER BY id) INTO batch
        FROM (SELECT id FROM tenants WHERE id > last ORDER BY id LIMIT 1000) AS next;
        EXIT WHEN batch IS NULL;
        INSERT INTO tenant_words (tenant_id, word)
        SELECT id, unnest(search_words(ARRAY[slug, name, erp_customer_id, stripe_cust_id]))
        FROM (SELECT * FROM tenants WHERE id = ANY (batch) ORDER BY id FOR SHARE) AS locked
        ON CONFLICT DO NOTHING;
        last := batch[cardinality(batch)];
        COMMIT;
    END LOOP;
END
$$;
