-- The bounds that contract 2.0 adds: texts, lists and free-form JSON.
--
-- These are triggers and not CHECKs, because rows that were stored before may be beyond the bounds. A CHECK, even one that is
-- NOT VALID, would reject every later change of such a row: its key could not be revoked, its tenant could not be activated
-- or deleted. The triggers check only new values. Their conditions are evaluated as a CHECK is, so that a valid row costs no
-- call. The nesting of JSON is not checked here.
--
-- A replica of an earlier version that is still running gets an error for a value beyond the bounds.

CREATE FUNCTION reject_beyond_bounds() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a value of % is beyond the bounds of the spec', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
END
$$;

-- A trigger's condition cannot contain a subquery.
CREATE FUNCTION longest_text(texts text[]) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT max(char_length(item)) FROM unnest(texts) AS item
$$;

CREATE TRIGGER tenants_bounds_insert_check
BEFORE INSERT ON tenants
FOR EACH ROW WHEN (
    char_length(NEW.plan) > 256
    OR char_length(NEW.erp_customer_id) > 1024
    OR char_length(NEW.stripe_cust_id) > 1024
    OR char_length(NEW.sales_owner) > 1024
)
EXECUTE FUNCTION reject_beyond_bounds();

CREATE TRIGGER tenants_bounds_update_check
BEFORE UPDATE OF plan, erp_customer_id, stripe_cust_id, sales_owner ON tenants
FOR EACH ROW WHEN (
    (char_length(NEW.plan) > 256 AND NEW.plan IS DISTINCT FROM OLD.plan)
    OR (char_length(NEW.erp_customer_id) > 1024 AND NEW.erp_customer_id IS DISTINCT FROM OLD.erp_customer_id)
    OR (char_length(NEW.stripe_cust_id) > 1024 AND NEW.stripe_cust_id IS DISTINCT FROM OLD.stripe_cust_id)
    OR (char_length(NEW.sales_owner) > 1024 AND NEW.sales_owner IS DISTINCT FROM OLD.sales_owner)
)
EXECUTE FUNCTION reject_beyond_bounds();

CREATE TRIGGER tenant_products_bounds_insert_check
BEFORE INSERT ON tenant_products
FOR EACH ROW WHEN (
    char_length(NEW.product) > 256
    OR octet_length(NEW.config::text) > 65536
)
EXECUTE FUNCTION reject_beyond_bounds();

CREATE TRIGGER tenant_products_bounds_update_check
BEFORE UPDATE OF product, config ON tenant_products
FOR EACH ROW WHEN (
    (char_length(NEW.product) > 256 AND NEW.product IS DISTINCT FROM OLD.product)
    OR (octet_length(NEW.config::text) > 65536 AND NEW.config::text IS DISTINCT FROM OLD.config::text)
)
EXECUTE FUNCTION reject_beyond_bounds();

CREATE TRIGGER api_keys_bounds_insert_check
BEFORE INSERT ON api_keys
FOR EACH ROW WHEN (
    char_length(NEW.product) > 256
    OR (cardinality(NEW.scopes) > 100 OR longest_text(NEW.scopes) > 256)
    OR char_length(NEW.created_by) > 1024
)
EXECUTE FUNCTION reject_beyond_bounds();

CREATE TRIGGER api_keys_bounds_update_check
BEFORE UPDATE OF product, scopes, created_by ON api_keys
FOR EACH ROW WHEN (
    (char_length(NEW.product) > 256 AND NEW.product IS DISTINCT FROM OLD.product)
    OR ((cardinality(NEW.scopes) > 100 OR longest_text(NEW.scopes) > 256) AND NEW.scopes IS DISTINCT FROM OLD.scopes)
    OR (char_length(NEW.created_by) > 1024 AND NEW.created_by IS DISTINCT FROM OLD.created_by)
)
EXECUTE FUNCTION reject_beyond_bounds();

CREATE TRIGGER audit_log_bounds_insert_check
BEFORE INSERT ON audit_log
FOR EACH ROW WHEN (
    char_length(NEW.actor_id) > 256
    OR char_length(NEW.actor_name) > 1024
    OR char_length(NEW.actor_type) > 1024
    OR char_length(NEW.action) > 256
    OR char_length(NEW.target_id) > 1024
    OR char_length(NEW.target_type) > 1024
    OR char_length(NEW.target_name) > 1024
    OR char_length(NEW.product) > 256
    OR octet_length(NEW.metadata::text) > 65536
    OR char_length(NEW.user_agent) > 1024
)
EXECUTE FUNCTION reject_beyond_bounds();
