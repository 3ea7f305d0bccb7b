-- No two tenants can get the same ID of another system.
--
-- Not a unique index, because stored tenants may already share one: contract 1.0 did not forbid it, and the migration would
-- fail. The triggers check only new values, but compare them with all stored ones. So an operator can correct the tenants that
-- share an ID at any time, and until then each of them can be changed in everything else.
--
-- An advisory lock on the value lets one transaction at a time set it. The query after it sees what the others committed,
-- because a statement of a volatile function has a snapshot of its own.
--
-- A replica of an earlier version that is still running gets an error for an ID that another tenant has.
CREATE FUNCTION tenants_check_unique() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    name CONSTANT text := TG_ARGV[0];
    value CONSTANT text := to_jsonb(NEW) ->> TG_ARGV[0];
    is_taken boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tenants.' || name), hashtext(value));
    EXECUTE format('SELECT EXISTS (SELECT FROM tenants WHERE %I = $1 AND id <> $2)', name) INTO is_taken USING value, NEW.id;
    IF is_taken THEN
        RAISE EXCEPTION 'another tenant has this %', name
            USING ERRCODE = 'unique_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = format('tenants_%s_key', name);
    END IF;
    RETURN NEW;
END
$$;

-- Triggers run in the order of their names, so that two transactions take their locks in one order.
CREATE TRIGGER tenants_erp_customer_id_insert_key
BEFORE INSERT ON tenants
FOR EACH ROW WHEN (NEW.erp_customer_id <> '')
EXECUTE FUNCTION tenants_check_unique('erp_customer_id');

CREATE TRIGGER tenants_erp_customer_id_update_key
BEFORE UPDATE OF erp_customer_id ON tenants
FOR EACH ROW WHEN (NEW.erp_customer_id <> '' AND NEW.erp_customer_id IS DISTINCT FROM OLD.erp_customer_id)
EXECUTE FUNCTION tenants_check_unique('erp_customer_id');

CREATE TRIGGER tenants_stripe_cust_id_insert_key
BEFORE INSERT ON tenants
FOR EACH ROW WHEN (NEW.stripe_cust_id <> '')
EXECUTE FUNCTION tenants_check_unique('stripe_cust_id');

CREATE TRIGGER tenants_stripe_cust_id_update_key
BEFORE UPDATE OF stripe_cust_id ON tenants
FOR EACH ROW WHEN (NEW.stripe_cust_id <> '' AND NEW.stripe_cust_id IS DISTINCT FROM OLD.stripe_cust_id)
EXECUTE FUNCTION tenants_check_unique('stripe_cust_id');

-- As before, but with the bound of texts that are searched for.
DROP TRIGGER tenants_bounds_insert_check ON tenants;

CREATE TRIGGER tenants_bounds_insert_check
BEFORE INSERT ON tenants
FOR EACH ROW WHEN (
    char_length(NEW.plan) > 256
    OR char_length(NEW.erp_customer_id) > 256
    OR char_length(NEW.stripe_cust_id) > 256
    OR char_length(NEW.sales_owner) > 1024
)
EXECUTE FUNCTION reject_beyond_bounds();

DROP TRIGGER tenants_bounds_update_check ON tenants;

CREATE TRIGGER tenants_bounds_update_check
BEFORE UPDATE OF plan, erp_customer_id, stripe_cust_id, sales_owner ON tenants
FOR EACH ROW WHEN (
    (char_length(NEW.plan) > 256 AND NEW.plan IS DISTINCT FROM OLD.plan)
    OR (char_length(NEW.erp_customer_id) > 256 AND NEW.erp_customer_id IS DISTINCT FROM OLD.erp_customer_id)
    OR (char_length(NEW.stripe_cust_id) > 256 AND NEW.stripe_cust_id IS DISTINCT FROM OLD.stripe_cust_id)
    OR (char_length(NEW.sales_owner) > 1024 AND NEW.sales_owner IS DISTINCT FROM OLD.sales_owner)
)
EXECUTE FUNCTION reject_beyond_bounds();
