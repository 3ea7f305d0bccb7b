-- The operations on projects, and API keys that are bound to a project. No release has written a project. If an operator
-- has, its slug is made of its id.
ALTER TABLE projects
    ADD COLUMN slug text COLLATE "C",
    ADD COLUMN description text;

UPDATE projects SET slug = 'p-' || replace(id::text, '-', '');

ALTER TABLE projects
    ALTER COLUMN slug SET NOT NULL,
    ADD CONSTRAINT projects_slug_check CHECK (slug ~ '^[a-z0-9][a-z0-9-]{1,38}[a-z0-9]$'),
    ADD CONSTRAINT projects_name_check CHECK (char_length(name) BETWEEN 1 AND 255),
    ADD CONSTRAINT projects_description_check CHECK (char_length(description) <= 1024),
    ADD CONSTRAINT projects_tenant_id_slug_key UNIQUE (tenant_id, slug),
    -- Serves the pages of project_list, and the foreign key of API keys.
    ADD CONSTRAINT projects_tenant_id_id_key UNIQUE (tenant_id, id);

-- The unique constraints serve its lookups.
DROP INDEX projects_tenant_id_idx;

ALTER TABLE api_keys
    ADD COLUMN project_id uuid;

-- A key belongs to the tenant of its project. Only a project without usable keys is deleted. Its other keys stay, because
-- their history outlives it, but are no longer bound to it.
ALTER TABLE api_keys
    ADD CONSTRAINT api_keys_project_id_fkey FOREIGN KEY (tenant_id, project_id) REFERENCES projects (tenant_id, id)
        ON DELETE SET NULL (project_id) NOT VALID;
