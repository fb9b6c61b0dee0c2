#!/usr/bin/env bash
# Makes everything that the demo and the integration tests need: a Docker engine, a registry, the servers of the stack
# and the demo application's images; with --whole-server, what makes servers in containers too. Idempotent, and quick the
# second time. See README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/test-bed/lib/common.sh
source "$here/lib/common.sh"
source "$here/lib/packages.sh"
source "$here/lib/registry.sh"
source "$here/lib/engine.sh"
source "$here/lib/base-images.sh"
source "$here/lib/server-images.sh"
source "$here/lib/app-images.sh"
source "$here/lib/whole-server.sh"

[[ $(id -u) == 0 ]] || die "it installs packages and starts a Docker engine: run it as root"

# Two runs at once would build the same things twice.
mkdir -p "$BED"
exec 9>"$UP_LOCK"
flock -n 9 || {
  say "another run is at it: waiting for it"
  flock 9
}
mkdir -p "$BED/log"
# Whoever polls these must not be told of an engine that went with the last boot.
engine_answers || rm -f "$BED/READY" "$BED/READY-mongo"

real_servers() {
  local image
  for image in "${REAL_IMAGES[@]}"; do pull_real_image "$image"; done
}

# Packages need a distribution that has them all; the two base images and FerretDB have nothing to do with each other.
substitute_servers() {
  [[ $(distribution) == debian-* ]] ||
    die "no image registry answers, and the substitutes are made of Debian's packages: this is $(distribution)"
  need_command debootstrap debootstrap
  ensure_base_image sid &
  local sid=$!
  ensure_base_image bookworm &
  local bookworm=$!
  if command -v go >/dev/null; then ensure_ferretdb; fi
  wait "$sid"
  wait "$bookworm"
  ensure_mongo
  ensure_simple redis redis:7
  ensure_simple nginx nginx:1.27
  ensure_node_base
  ensure_qdrant_stand_in
  ensure_simple rabbitmq rabbitmq:3-management
}

need_command curl curl ca-certificates
ensure_tools
ensure_sshd
ensure_registry
ensure_engine
# Beside all the rest: it needs nothing of it but, without Go on the host, the engine.
if command -v go >/dev/null; then
  ensure_s3_server &
  s3_server=$!
fi
case $(servers) in
  images) real_servers ;;
  packages) substitute_servers ;;
esac
ensure_api
ensure_frontend
if [[ ${1:-} == --whole-server ]]; then
  ensure_whole_server
  ensure_bare_server
  ensure_server_disk
fi

if [[ -n ${s3_server:-} ]]; then wait "$s3_server"; else ensure_s3_server; fi

cat >"$BED/env" <<ENV
KALEEM_TEST_REGISTRY=$(registry_address)
KALEEM_TEST_SERVERS=$(servers)
KALEEM_TEST_S3_SERVER=$BED/bin/versitygw
ENV
touch "$BED/READY"
say "ready after $SECONDS s"
cat "$BED/env"
