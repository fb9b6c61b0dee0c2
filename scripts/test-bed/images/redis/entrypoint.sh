#!/bin/bash
# As the real image does: options alone mean redis-server, which runs as the user redis.
set -euo pipefail
if [[ ${1:-} == -* ]]; then set -- redis-server "$@"; fi
if [[ $1 == redis-server ]]; then
  shift
  # Options want to come after a configuration file, where one is named.
  config=()
  if [[ ${1:-} == *.conf ]]; then config=("$1") && shift; fi
  chown -R redis:redis /data
  exec setpriv --reuid=redis --regid=redis --init-groups redis-server "${config[@]}" --protected-mode no "$@"
fi
exec "$@"
