-- When an API key expires, and the links between a rotated key and its successor.
--
-- The links are no foreign keys: both keys belong to the same tenant and are deleted only together with it. The checks of
-- foreign keys would need two more indexes, and would read them for each deleted key.
--
-- A replica of the previous version does not know `expires_at`: until it stops, it accepts expired keys.
ALTER TABLE api_keys
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN rotated_to uuid,
    ADD COLUMN rotated_from uuid;

ALTER TABLE api_keys
    ADD CONSTRAINT api_keys_expires_at_check
        CHECK (expires_at >= '0001-01-01 00:00:00+00' AND expires_at < '10000-01-01 00:00:00+00') NOT VALID;
