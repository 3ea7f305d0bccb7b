-- The tenants that are frozen, or will be when their pending cancellation takes effect, newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS tenants_frozen_id_idx ON tenants ((status = 'frozen' OR cancel_at IS NOT NULL), id)
    WHERE (status = 'frozen' OR cancel_at IS NOT NULL);
