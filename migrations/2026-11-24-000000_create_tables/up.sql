-- The registry's tables. What spec/openapi.yaml constrains is constrained here too, under a name: a violation is told by
-- its constraint's name (server/src/store/postgres), and the suite holds every CHECK against the spec.
-- Times are the service's own, so that no column has a default that a second clock would fill.

CREATE TABLE tenants (
    id uuid CONSTRAINT tenants_pkey PRIMARY KEY,
    slug text COLLATE "C" NOT NULL
        CONSTRAINT tenants_slug_key UNIQUE
        CONSTRAINT tenants_slug_check CHECK (slug ~ '^[a-z0-9][a-z0-9-]{1,38}[a-z0-9]$'),
    name text NOT NULL
        CONSTRAINT tenants_name_check CHECK (char_length(name) BETWEEN 1 AND 255),
    status text NOT NULL
        CONSTRAINT tenants_status_check CHECK (status IN ('demo', 'trial', 'active', 'frozen', 'archived')),
    kind text NOT NULL
        CONSTRAINT tenants_kind_check CHECK (kind IN ('customer', 'demo')),
    plan text NOT NULL,
    erp_customer_id text,
    stripe_cust_id text,
    trial_ends_at timestamptz,
    contract_start date,
    contract_end date,
    -- From when on a pending cancellation makes the tenant frozen; readers compare it with the time.
    cancel_at timestamptz,
    sales_owner text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT tenants_contract_check CHECK (contract_end >= contract_start)
);

-- No operation reads or writes it yet.
CREATE TABLE projects (
    id uuid CONSTRAINT projects_pkey PRIMARY KEY,
    tenant_id uuid NOT NULL
        CONSTRAINT projects_tenant_id_fkey REFERENCES tenants (id) ON DELETE CASCADE,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE INDEX projects_tenant_id_idx ON projects (tenant_id);

-- The catalog is configuration, so that a product is known by its key alone. The key's order is that of its bytes, as in
-- every other store.
CREATE TABLE tenant_products (
    tenant_id uuid NOT NULL
        CONSTRAINT tenant_products_tenant_id_fkey REFERENCES tenants (id) ON DELETE CASCADE,
    product text COLLATE "C" NOT NULL,
    enabled boolean NOT NULL,
    config json NOT NULL
        CONSTRAINT tenant_products_config_check CHECK (json_typeof(config) = 'object'),
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT tenant_products_pkey PRIMARY KEY (tenant_id, product)
);

CREATE TABLE api_keys (
    id uuid CONSTRAINT api_keys_pkey PRIMARY KEY,
    tenant_id uuid NOT NULL
        CONSTRAINT api_keys_tenant_id_fkey REFERENCES tenants (id) ON DELETE CASCADE,
    product text,
    name text NOT NULL
        CONSTRAINT api_keys_name_check CHECK (char_length(name) <= 100),
    scopes text[] NOT NULL
        CONSTRAINT api_keys_scopes_check CHECK (array_position(scopes, NULL) IS NULL),
    -- Two keys may share one.
    prefix text COLLATE "C" NOT NULL
        CONSTRAINT api_keys_prefix_check CHECK (prefix ~ '^bp_[A-Za-z0-9_-]{8}$'),
    -- Tagged, so that it can be made in another way later: argon2id|<salt>|<hash>.
    hash text NOT NULL
        CONSTRAINT api_keys_hash_check CHECK (hash LIKE '_%|_%'),
    created_by text,
    last_used_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL
)
-- Room for last_used_at to change in place.
WITH (fillfactor = 90);

CREATE INDEX api_keys_prefix_idx ON api_keys (prefix);
CREATE INDEX api_keys_tenant_id_idx ON api_keys (tenant_id, created_at DESC, id DESC);

-- json and not jsonb: what a caller stores reads back byte for byte, the order of members, the form of numbers and
-- U+0000 included.
CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY
        CONSTRAINT audit_log_pkey PRIMARY KEY
        CONSTRAINT audit_log_id_check CHECK (id >= 1),
    -- History outlives tenants.
    tenant_id uuid
        CONSTRAINT audit_log_tenant_id_fkey REFERENCES tenants (id) ON DELETE SET NULL,
    project_id uuid,
    actor_id text,
    actor_name text,
    actor_type text,
    action text NOT NULL,
    target_id text,
    target_type text,
    target_name text,
    product text,
    metadata json
        CONSTRAINT audit_log_metadata_check CHECK (json_typeof(metadata) = 'object'),
    source_ip inet,
    user_agent text,
    created_at timestamptz NOT NULL
);

-- audit_list: newest first, by any combination of four filters, between any two times. Each combination has an index in
-- the order of the list, so that a page costs the same at any depth, in a log of any size, however rare its events are.
-- The texts have any length: what is indexed is a hash over all of the combination (each seeds the next), which the
-- statement compares too. An event that lacks one of the properties has no entry. What they cost on append, and what
-- was tried instead: docs/performance.md.
-- The first serves the list without a filter, which orders by `id + 0`: its order would else be that of all lists, and the
-- planner would take it for a filter that it thinks frequent, and search.
CREATE INDEX audit_log_idx ON audit_log (created_at, (id + 0));
CREATE INDEX audit_log_tenant_idx ON audit_log (tenant_id, created_at, id) WHERE tenant_id IS NOT NULL;
CREATE INDEX audit_log_product_idx ON audit_log ((hashtextextended(product, 0)), created_at, id)
    WHERE product IS NOT NULL;
CREATE INDEX audit_log_actor_idx ON audit_log ((hashtextextended(actor_id, 0)), created_at, id)
    WHERE actor_id IS NOT NULL;
CREATE INDEX audit_log_action_idx ON audit_log ((hashtextextended(action, 0)), created_at, id);
CREATE INDEX audit_log_tenant_product_idx ON audit_log ((hashtextextended(product, uuid_hash_extended(tenant_id, 0))), created_at, id)
    WHERE tenant_id IS NOT NULL AND product IS NOT NULL;
CREATE INDEX audit_log_tenant_actor_idx ON audit_log ((hashtextextended(actor_id, uuid_hash_extended(tenant_id, 0))), created_at, id)
    WHERE tenant_id IS NOT NULL AND actor_id IS NOT NULL;
CREATE INDEX audit_log_tenant_action_idx ON audit_log ((hashtextextended(action, uuid_hash_extended(tenant_id, 0))), created_at, id)
    WHERE tenant_id IS NOT NULL;
CREATE INDEX audit_log_product_actor_idx ON audit_log ((hashtextextended(actor_id, hashtextextended(product, 0))), created_at, id)
    WHERE product IS NOT NULL AND actor_id IS NOT NULL;
CREATE INDEX audit_log_product_action_idx ON audit_log ((hashtextextended(action, hashtextextended(product, 0))), created_at, id)
    WHERE product IS NOT NULL;
CREATE INDEX audit_log_actor_action_idx ON audit_log ((hashtextextended(action, hashtextextended(actor_id, 0))), created_at, id)
    WHERE actor_id IS NOT NULL;
CREATE INDEX audit_log_tenant_product_actor_idx ON audit_log ((hashtextextended(actor_id, hashtextextended(product, uuid_hash_extended(tenant_id, 0)))), created_at, id)
    WHERE tenant_id IS NOT NULL AND product IS NOT NULL AND actor_id IS NOT NULL;
CREATE INDEX audit_log_tenant_product_action_idx ON audit_log ((hashtextextended(action, hashtextextended(product, uuid_hash_extended(tenant_id, 0)))), created_at, id)
    WHERE tenant_id IS NOT NULL AND product IS NOT NULL;
CREATE INDEX audit_log_tenant_actor_action_idx ON audit_log ((hashtextextended(action, hashtextextended(actor_id, uuid_hash_extended(tenant_id, 0)))), created_at, id)
    WHERE tenant_id IS NOT NULL AND actor_id IS NOT NULL;
CREATE INDEX audit_log_product_actor_action_idx ON audit_log ((hashtextextended(action, hashtextextended(actor_id, hashtextextended(product, 0)))), created_at, id)
    WHERE product IS NOT NULL AND actor_id IS NOT NULL;
CREATE INDEX audit_log_tenant_product_actor_action_idx ON audit_log ((hashtextextended(action, hashtextextended(actor_id, hashtextextended(product, uuid_hash_extended(tenant_id, 0))))), created_at, id)
    WHERE tenant_id IS NOT NULL AND product IS NOT NULL AND actor_id IS NOT NULL;

-- The log refuses to be changed, whoever asks. What a tenant's deletion does to tenant_id comes from the foreign key's
-- own trigger (a depth of more than one), and may change nothing else. For retention one role may delete, and no other,
-- whatever it may do elsewhere: `tenant-registry audit prune` takes it on, an operator creates and grants it (README).
-- Superusers, who are members of every role, are not let in by that: what counts is the role that is set.
CREATE FUNCTION audit_log_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_user = 'tenant_registry_pruner' THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND pg_trigger_depth() > 1 AND NEW.tenant_id IS NULL THEN
        NEW.tenant_id := OLD.tenant_id;
        -- Byte by byte: json knows no equality.
        IF NEW *= OLD THEN
            NEW.tenant_id := NULL;
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit_log is append-only: % is refused', TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_log_append_only';
END
$$;

CREATE TRIGGER audit_log_append_only
BEFORE UPDATE OR DELETE ON audit_log
FOR EACH ROW EXECUTE FUNCTION audit_log_append_only();

CREATE TRIGGER audit_log_no_truncate
BEFORE TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION audit_log_append_only();
