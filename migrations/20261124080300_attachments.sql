CREATE TABLE attachments (
    id           uuid        NOT NULL,
    owner_id     text        NOT NULL,
    task_id      uuid        NOT NULL,
    file_name    text        NOT NULL,
    content_type text        NOT NULL,
    description  text,
    content      bytea       NOT NULL,
    sha256       text        NOT NULL,
    created_by   text        NOT NULL,
    created_at   timestamptz NOT NULL,
    CONSTRAINT attachments_pkey PRIMARY KEY (id),
    CONSTRAINT attachments_task_fkey FOREIGN KEY (owner_id, task_id) REFERENCES tasks (owner_id, id) ON DELETE CASCADE,
    -- The contract's limit. It is below the service's limit of a body, 2 MiB, and two of them fit the 6 MB of a Lambda answer in base64.
    CONSTRAINT attachments_content_check CHECK (octet_length(content) <= 1048576)
);

-- Files are mostly compressed already.
ALTER TABLE attachments ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE INDEX attachments_oldest ON attachments (owner_id, task_id, created_at, id);

ALTER TABLE attachments ENABLE ROW LEVEL SECURITY;
ALTER TABLE attachments FORCE ROW LEVEL SECURITY;
CREATE POLICY attachments_owner ON attachments USING (owner_id = (SELECT app_owner()));
