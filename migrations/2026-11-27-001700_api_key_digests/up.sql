-- Keyed digests of API keys, which need no slow hash: hmac-sha256|<key ID>|<digest>. A key from before gets its digest when it
-- is next used. The hash stays, for a deployment without a key for digests.
ALTER TABLE api_keys
    ADD COLUMN digest text;

ALTER TABLE api_keys
    ADD CONSTRAINT api_keys_digest_check CHECK (digest LIKE '_%|_%|_%') NOT VALID;
