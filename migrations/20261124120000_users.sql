-- Users as Clerk's webhooks tell of them. They belong to no owner, so there is no row level security: a query shows of them what
-- its operation is about, and nothing more. A user who was deleted stays as an id, so that a late message does not bring back what
-- is gone; the personal data goes at once.
CREATE TABLE users (
    id         text        NOT NULL,
    email      text,
    name       text,
    image_url  text,
    -- Clerk's time of the state. Messages come in any order, and an older one must not overwrite a newer one.
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT users_pkey PRIMARY KEY (id)
);

-- The messages that were processed. A row is written in the transaction that does the work; a second delivery waits on the primary
-- key until the first has committed, and then finds the row.
CREATE TABLE webhook_messages (
    id          text        NOT NULL,
    kind        text        NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT webhook_messages_pkey PRIMARY KEY (id)
);

-- For dropping what nobody sends again.
CREATE INDEX webhook_messages_received ON webhook_messages (received_at);
