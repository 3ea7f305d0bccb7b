-- The keys of a project, newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS api_keys_project_id_idx ON api_keys (project_id, id DESC)
    WHERE project_id IS NOT NULL;
