-- Finds tenants by the customer's ID at Stripe. A hash index, because texts from before contract 2.0 have any length.
CREATE INDEX CONCURRENTLY IF NOT EXISTS tenants_stripe_cust_id_idx ON tenants USING hash (stripe_cust_id);
