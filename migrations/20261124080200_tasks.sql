CREATE TABLE tasks (
    id          uuid        NOT NULL,
    owner_id    text        NOT NULL,
    title       text        NOT NULL,
    description text,
    -- Text with a check and not an enum type: a check can be widened while the version before still runs.
    status      text        NOT NULL,
    priority    text        NOT NULL,
    due_at      timestamptz,
    labels      text[]      NOT NULL DEFAULT '{}',
    project_id  uuid,
    assignee_id text,
    -- As the contract's Reminder. It is read and written whole, so columns would buy nothing.
    reminder    jsonb,
    created_by  text        NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    -- The entity tag. Every update adds one.
    version     bigint      NOT NULL DEFAULT 1,
    CONSTRAINT tasks_pkey PRIMARY KEY (id),
    CONSTRAINT tasks_owner_id_key UNIQUE (owner_id, id),
    -- RESTRICT: a project that still has tasks is not deleted, and the service answers 409.
    CONSTRAINT tasks_project_fkey FOREIGN KEY (owner_id, project_id) REFERENCES projects (owner_id, id) ON DELETE RESTRICT,
    CONSTRAINT tasks_title_check CHECK (char_length(title) BETWEEN 1 AND 200),
    CONSTRAINT tasks_status_check CHECK (status IN ('open', 'in_progress', 'done', 'cancelled')),
    CONSTRAINT tasks_priority_check CHECK (priority IN ('low', 'normal', 'high', 'urgent'))
);

-- Keyset pagination, the newest first: of an owner, and of a project (which also serves the foreign key).
-- The other filters narrow what these indexes find. A text index would not help: with row level security on, the planner may not
-- use an operator that is not leakproof before the policy is checked, and text search operators are not.
CREATE INDEX tasks_newest ON tasks (owner_id, created_at DESC, id DESC);
CREATE INDEX tasks_project_newest ON tasks (owner_id, project_id, created_at DESC, id DESC);
CREATE INDEX tasks_due ON tasks (owner_id, due_at) WHERE due_at IS NOT NULL;

ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;
ALTER TABLE tasks FORCE ROW LEVEL SECURITY;
CREATE POLICY tasks_owner ON tasks USING (owner_id = (SELECT app_owner()));
