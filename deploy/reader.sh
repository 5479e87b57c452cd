#!/bin/sh
# The role of the public side. It may log in, and nothing else: Oberih lets it read the public records.
set -eu
psql --set=ON_ERROR_STOP=1 --set=password="$READER_PASSWORD" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'END'
CREATE ROLE reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD :'password';
REVOKE ALL ON SCHEMA public FROM PUBLIC;
END
