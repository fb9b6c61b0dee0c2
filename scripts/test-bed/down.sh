#!/usr/bin/env bash
# Stops what up.sh started, unless somebody still uses it. An engine that was there before is never touched.
# down.sh --purge also deletes everything that up.sh made.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/test-bed/lib/common.sh
source "$here/lib/common.sh"
source "$here/lib/registry.sh"
source "$here/lib/engine.sh"

case ${1:-} in
  '' | --purge) ;;
  *)
    echo "usage: down.sh [--purge]" >&2
    exit 2
    ;;
esac
[[ -d $BED ]] || {
  say "nothing to stop"
  exit 0
}

exec 8>"$IN_USE"
flock -n 8 || {
  say "someone else uses the test bed: left running"
  exit 0
}
exec 9>"$UP_LOCK"
flock 9

# An engine that was there before keeps running, so what was put into it is taken out by name.
remove_images() {
  local references
  engine_answers && ! ours_runs "$BED/dockerd.pid" dockerd || return 0
  [[ -s $BED/images ]] || return 0
  mapfile -t references < <(sort -u "$BED/images")
  docker image rm "${references[@]}" >/dev/null 2>&1 || true
  docker volume rm kaleem-test-bed-server-disk >/dev/null 2>&1 || true
}

if [[ ${1:-} == --purge ]]; then remove_images; fi
rm -f "$BED/READY" "$BED/READY-mongo"
stop_engine
stop_registry
say "stopped"

# All but the two lock files: somebody may be waiting on them, and must not be left with a lock on a deleted file.
purge() {
  local mount
  awk '$2 ~ "^/run/kaleem-test-bed/" { print $2 }' /proc/mounts | sort -r | while read -r mount; do umount "$mount"; done
  rm -rf /run/kaleem-test-bed
  find "$BED" -mindepth 1 -maxdepth 1 ! -name in-use ! -name up.lock -exec rm -rf {} +
}
if [[ ${1:-} == --purge ]]; then
  purge
  say "purged"
fi
