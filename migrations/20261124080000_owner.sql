-- Migrations are expand/contract: while one is being applied, functions of the version before still run against it. So a migration
-- only adds (a table, a nullable column, a column with a default, an index); what is no longer used is dropped by a later one, when
-- no running version reads it. Constraints are named, because the service turns their names into answers.

-- The owner of what the current transaction may see: the active organization of the verified token, else the user. The service
-- folds both settings into BEGIN (SET LOCAL), so they end with the transaction; a pooled connection then has '' in them, which
-- counts as unset. Without settings the function is null, no row matches, and everything fails closed.
CREATE FUNCTION app_owner() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(nullif(current_setting('app.org_id', true), ''), nullif(current_setting('app.user_id', true), ''));
