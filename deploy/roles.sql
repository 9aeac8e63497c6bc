-- The two roles of the platform in a PostgreSQL of your own (15 or later). Run as a superuser:
--   psql -v owner_password="'…'" -v app_password="'…'" -f deploy/roles.sql
-- and then start the platform with
--   DATABASE_URL=postgresql://trunkline_app:…@host/trunkline
--   OWNER_DATABASE_URL=postgresql://trunkline_owner:…@host/trunkline
-- Neither role may bypass row-level security; only the owner makes tables.
CREATE ROLE trunkline_owner LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE CREATEDB PASSWORD :owner_password;
CREATE ROLE trunkline_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD :app_password;
CREATE DATABASE trunkline OWNER trunkline_owner ENCODING 'UTF8' TEMPLATE template0;
\connect trunkline
GRANT USAGE ON SCHEMA public TO trunkline_app;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE trunkline_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO trunkline_app;
ALTER DEFAULT PRIVILEGES FOR ROLE trunkline_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO trunkline_app;
