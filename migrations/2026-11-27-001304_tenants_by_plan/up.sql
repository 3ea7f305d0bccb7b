-- The tenants with a plan, newest first. A hash, because a plan that was stored before contract 2.0 may be too long for an
-- index.
CREATE INDEX CONCURRENTLY IF NOT EXISTS tenants_plan_id_idx ON tenants ((hashtextextended(plan, 0)), id);
