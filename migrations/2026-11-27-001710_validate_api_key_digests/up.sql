-- Does not block writes.
ALTER TABLE api_keys VALIDATE CONSTRAINT api_keys_digest_check;
