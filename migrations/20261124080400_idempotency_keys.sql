-- The answers that were given under an Idempotency-Key. A row is written in the transaction that does the work, so there is never
-- one without the other; a second request under the key waits on the primary key until the first has committed.
CREATE TABLE idempotency_keys (
    owner_id       text        NOT NULL,
    user_id        text        NOT NULL,
    operation      text        NOT NULL,
    key            text        NOT NULL,
    -- SHA-256 of the request's body, decoded and encoded again: white space and the order of members do not count.
    request_sha256 text        NOT NULL,
    answer         jsonb       NOT NULL,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    -- The user is part of it: two members of an organization who choose the same key do not get each other's answers.
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (owner_id, user_id, operation, key),
    CONSTRAINT idempotency_keys_expiry_check CHECK (expires_at > created_at)
);

-- For dropping what has expired.
CREATE INDEX idempotency_keys_expired ON idempotency_keys (owner_id, user_id, expires_at);

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY idempotency_keys_owner ON idempotency_keys USING (owner_id = (SELECT app_owner()));
