-- Reads the table once, without a lock that blocks the service.
ALTER TABLE api_keys VALIDATE CONSTRAINT api_keys_expires_at_check;
