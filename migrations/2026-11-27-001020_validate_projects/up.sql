-- Every row had no project when the constraint was added, and the constraint has checked each change since.
ALTER TABLE api_keys VALIDATE CONSTRAINT api_keys_project_id_fkey;
