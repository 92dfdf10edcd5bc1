CREATE TABLE projects (
    id          uuid        NOT NULL,
    owner_id    text        NOT NULL,
    key         text        NOT NULL,
    name        text        NOT NULL,
    description text,
    created_by  text        NOT NULL,
    created_at  timestamptz NOT NULL,
    CONSTRAINT projects_pkey PRIMARY KEY (id),
    -- What the composite foreign key of tasks refers to: a task cannot name a project of another owner, whatever a query forgot.
    CONSTRAINT projects_owner_id_key UNIQUE (owner_id, id),
    CONSTRAINT projects_key_key UNIQUE (owner_id, key),
    CONSTRAINT projects_key_check CHECK (key ~ '^[A-Z][A-Z0-9]{1,9}$'),
    CONSTRAINT projects_name_check CHECK (char_length(name) BETWEEN 1 AND 100)
);

-- Keyset pagination, the newest first.
CREATE INDEX projects_newest ON projects (owner_id, created_at DESC, id DESC);

-- The second lock on the door: every query also says WHERE owner_id. FORCE, because the service may connect as the owner of the
-- table. The sub-select makes the planner read the setting once per query and not once per row.
ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
ALTER TABLE projects FORCE ROW LEVEL SECURITY;
CREATE POLICY projects_owner ON projects USING (owner_id = (SELECT app_owner()));
