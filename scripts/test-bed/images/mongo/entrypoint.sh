#!/bin/bash
# Starts the stand-in for mongod as the real image starts mongod: same arguments, same port, same data folder.
# Options of mongod other than --port are accepted and mean nothing here (there are no replica sets).
set -euo pipefail
export PATH=/usr/lib/postgresql/18/bin:$PATH
data=/data/db/postgres
socket=/var/run/postgresql
port=27017

if [[ ${1:-mongod} != mongod && $1 != -* ]]; then exec "$@"; fi
while (($#)); do
  case $1 in
    --port) port=$2 && shift ;;
    --port=*) port=${1#*=} ;;
  esac
  shift
done
if [[ -n ${MONGO_INITDB_ROOT_USERNAME:-} ]]; then
  echo 'mongo stand-in: MONGO_INITDB_ROOT_USERNAME is ignored, there is no authentication' >&2
fi

# Like mongod, refuse a data folder that another server uses (exit code 100, as there).
exec 7>/data/db/mongod.lock
flock -n 7 || {
  echo 'mongo stand-in: DBPathInUse: /data/db is used by another server' >&2
  exit 100
}

# The copy gets its name only when it is complete and on the disk: a kill in between starts over.
if [[ ! -d $data ]]; then
  rm -rf "$data.new"
  cp -a /usr/local/lib/mongo/template "$data.new"
  sync -f /data/db
  mv "$data.new" "$data"
fi
# Left by a killed container; its process number may belong to something else by now. The lock above proves that
# nobody else runs here.
rm -f "$data/postmaster.pid" "$socket"/.s.PGSQL.*

stopping=
stop() {
  stopping=yes
  if [[ -n ${ferretdb:-} ]]; then kill -TERM "$ferretdb" 2>/dev/null || true; fi
  # SIGINT is PostgreSQL's fast shutdown: sessions are ended, the database is closed cleanly.
  if [[ -n ${postgres:-} ]]; then kill -INT "$postgres" 2>/dev/null || true; fi
}
trap stop TERM INT

# Not through a function: $! must be PostgreSQL itself, and not a shell around it that would swallow the signal.
setpriv --reuid=postgres --regid=postgres --init-groups postgres -D "$data" 7>&- &
postgres=$!
until pg_isready -q -h "$socket" -U postgres; do
  if [[ -n $stopping ]] || ! kill -0 "$postgres" 2>/dev/null; then break; fi
  sleep 0.1
done

if [[ -z $stopping ]]; then
  ferretdb --no-auth --telemetry=disable --state-dir=/state --debug-addr=- --listen-addr=":$port" --log-level=error \
    --postgresql-url="postgres://postgres@/postgres?host=$socket" 7>&- &
  ferretdb=$!
  # Whichever ends first ends the container.
  wait -n || true
fi
ended_by_itself=$([[ -n $stopping ]] || echo yes)
stop
wait "$postgres" 2>/dev/null || true
wait 2>/dev/null || true
[[ -z $ended_by_itself ]] || exit 1
