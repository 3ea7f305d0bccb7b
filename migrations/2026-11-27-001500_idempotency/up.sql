-- The responses to requests with an `Idempotency-Key`. Each is written in the transaction of its change, so the primary key
-- decides which of two requests with the same key makes the change. The body is never changed or searched, and is repeated
-- byte for byte, so it is text.
CREATE TABLE idempotency_records (
    caller bytea NOT NULL CONSTRAINT idempotency_records_caller_check CHECK (octet_length(caller) = 32),
    operation text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL CONSTRAINT idempotency_records_key_check CHECK (key ~ '^[!-~]{1,255}$'),
    fingerprint bytea NOT NULL CONSTRAINT idempotency_records_fingerprint_check CHECK (octet_length(fingerprint) = 32),
    status integer NOT NULL CONSTRAINT idempotency_records_status_check CHECK (status BETWEEN 200 AND 499),
    -- The digest in the `ETag` of the response, if it has one.
    entity_tag text COLLATE "C",
    body text,
    tenant_id uuid,
    created_at timestamptz NOT NULL CONSTRAINT idempotency_records_created_at_check CHECK (
        created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00'
    ),
    CONSTRAINT idempotency_records_pkey PRIMARY KEY (caller, operation, key),
    -- A response contains data of its tenant.
    CONSTRAINT idempotency_records_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

-- Serves the removal of old records.
CREATE INDEX idempotency_records_created_at_idx ON idempotency_records (created_at);

-- Serves the foreign key.
CREATE INDEX idempotency_records_tenant_id_idx ON idempotency_records (tenant_id) WHERE tenant_id IS NOT NULL;
