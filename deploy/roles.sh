#!/bin/sh
# Runs once, when the database is made: a role for the service that can read
# and write rows and cannot change the schema.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$ZHIJIA_PASSWORD" -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
CREATE EXTENSION IF NOT EXISTS vector;
CREATE ROLE zhijia_app NOLOGIN; -- what every statement of the program runs under
CREATE ROLE zhijia LOGIN PASSWORD :'password';
GRANT CONNECT, TEMPORARY ON DATABASE zhijia TO zhijia;
GRANT zhijia_app TO zhijia;
GRANT USAGE ON SCHEMA public TO zhijia;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO zhijia;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO zhijia;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO zhijia;
SQL
