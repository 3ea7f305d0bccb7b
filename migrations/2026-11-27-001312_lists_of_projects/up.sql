-- The API keys of a project, newest first, in the order in which lists compare rows.
CREATE INDEX CONCURRENTLY IF NOT EXISTS api_keys_project_id_id_idx ON api_keys (project_id, id)
    WHERE project_id IS NOT NULL;
