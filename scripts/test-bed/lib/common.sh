# shellcheck shell=bash
# What every file of the test bed shares: where things are kept, and how progress is said.

# Readable by everyone who sources this file, whichever of them uses it.
# shellcheck disable=SC2034
readonly BED=/var/lib/kaleem-test-bed \
  IN_USE=/var/lib/kaleem-test-bed/in-use \
  UP_LOCK=/var/lib/kaleem-test-bed/up.lock
REPO_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
# shellcheck disable=SC2034
readonly REPO_ROOT

say() { printf 'test-bed: %s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

# step NAME COMMAND...: one line when it is done, with how long it took; its log only when it fails.
step() {
  local name=$1 log started=$SECONDS
  shift
  log=$BED/log/${name//[^A-Za-z0-9.-]/-}.log
  mkdir -p "$BED/log"
  # In its own shell with errexit on: "if command" would switch errexit off inside the functions it calls.
  set +e
  (
    set -euo pipefail
    "$@"
  ) >"$log" 2>&1 </dev/null
  local status=$?
  set -e
  if ((status == 0)); then
    say "$name ($((SECONDS - started)) s)"
    return 0
  fi
  tail -n 40 "$log" >&2
  say "failed: $name (exit $status); the whole log is $log"
  return "$status"
}

# try_until SECONDS COMMAND...: polls every 100 ms.
try_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# detached LOG PIDFILE COMMAND...: a daemon that outlives this script. Every descriptor above 2 is closed first, so
# that it never inherits (and so holds for ever) one of our locks.
detached() {
  local log=$1 pidfile=$2
  shift 2
  (
    for fd in /proc/"$BASHPID"/fd/*; do
      fd=${fd##*/}
      if ((fd > 2)); then eval "exec $fd>&-"; fi
    done
    # shellcheck disable=SC2016 # the inner shell expands them
    exec setsid bash -c 'echo $$ >"$1"; shift; exec "$@"' detached "$pidfile" "$@" </dev/null >>"$log" 2>&1
  ) &
  disown
}

# ours_runs PIDFILE NAME: the process that we started is still there, and its number was not given to another.
ours_runs() {
  local pid
  pid=$(cat "$1" 2>/dev/null) && [[ -n $pid && $(cat "/proc/$pid/comm" 2>/dev/null) == "$2" ]]
}

# stop_ours PIDFILE NAME SECONDS
stop_ours() {
  local pid
  ours_runs "$1" "$2" || return 0
  pid=$(cat "$1")
  kill -TERM "$pid"
  try_until "$3" eval "! ours_runs '$1' '$2'" || kill -KILL "$pid"
  rm -f "$1"
}
