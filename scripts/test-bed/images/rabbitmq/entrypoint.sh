#!/bin/bash
# As the real image does: the server and its tools run as the user rabbitmq, who owns the data and the cookie.
set -euo pipefail
# Erlang reserves room for every descriptor it may open; without a bound that is gigabytes on some hosts.
ulimit -n 65536 2>/dev/null || true
chown -R rabbitmq:rabbitmq /var/lib/rabbitmq
if [[ $1 == rabbitmq-server ]]; then
  # Straight to the server: the wrapper of Debian's package insists on su, and would not pass signals on.
  exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups env HOME=/var/lib/rabbitmq \
    /usr/lib/rabbitmq/bin/rabbitmq-server "${@:2}"
fi
exec "$@"
