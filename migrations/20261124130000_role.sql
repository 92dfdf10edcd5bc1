-- The role of every request's transaction (SET LOCAL ROLE): it owns no table and bypasses no policy, so that no statement of a handler,
-- however it came about, can switch row level security off. Rights belong to it and not to a login: with alternating users the login
-- changes at every rotation of the password.
--
-- Roles belong to the server and not to the database, so another database of the same server may have made it.
DO $$
BEGIN
    CREATE ROLE task_tracker NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

GRANT task_tracker TO CURRENT_USER;
GRANT USAGE ON SCHEMA public TO task_tracker;
GRANT SELECT, INSERT, UPDATE, DELETE ON projects, tasks, attachments, idempotency_keys, users, webhook_messages TO task_tracker;
-- Tables of later migrations.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO task_tracker;
