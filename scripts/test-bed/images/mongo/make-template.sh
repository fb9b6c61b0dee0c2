#!/bin/bash
# An empty database cluster with the extension in place. Containers copy it at their first start instead of running
# initdb, which would take seconds of CPU in every test.
set -euo pipefail
export PATH=/usr/lib/postgresql/18/bin:$PATH
template=/usr/local/lib/mongo/template

as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

install -d -o postgres -g postgres -m 700 "$template"
cd /
as_postgres initdb -A trust -U postgres --encoding UTF8 --locale C.UTF-8 -D "$template"
cat >>"$template/postgresql.conf" <<CONF
shared_preload_libraries = 'pg_cron, pg_documentdb_core, pg_documentdb'
cron.database_name = 'postgres'
# The extension's own jobs run every two seconds; noting each in a table and in the log would only fill both.
cron.log_run = off
cron.log_statement = off
# The extension connects to itself over localhost: without it the first insert into a new collection fails.
listen_addresses = 'localhost'
unix_socket_directories = '/var/run/postgresql'
max_connections = 300
logging_collector = off
log_min_messages = warning
CONF
install -d -o postgres -g postgres -m 2775 /var/run/postgresql
as_postgres pg_ctl -w -D "$template" -l /tmp/template.log start || { cat /tmp/template.log; exit 1; }
psql -h /var/run/postgresql -U postgres -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION documentdb CASCADE'
as_postgres pg_ctl -w -D "$template" -m fast stop
