#!/usr/bin/env bash
# Deploys a tag from CI, over SSH, by a key that can do nothing else (docs/gate.md). Needs OpenSSH and nothing of kaleem-deploy here.
#
#   DEPLOY_HOST=server DEPLOY_KEY="$(cat deploy-key)" DEPLOY_KNOWN_HOSTS="$(cat known_hosts)" scripts/ci-deploy.sh v1.2.3
#
# Ends with the exit code of the deploy there (docs/exit-codes.md), 40 when the server is out of reach or refuses.
set -euo pipefail
umask 077

usage() {
  cat <<'TEXT'
usage: scripts/ci-deploy.sh TAG

  DEPLOY_HOST          the server (required)
  DEPLOY_KEY           the private key that can only deploy, as text (required; or DEPLOY_KEY_FILE)
  DEPLOY_KNOWN_HOSTS   the server's lines of known_hosts (required): get them where you trust the network,
                       ssh-keyscan SERVER, and compare them with ssh-keygen -lf on the server
  DEPLOY_USER          the account there (deploy)
  DEPLOY_PORT          of its sshd (22)
  DEPLOY_DESTINATION   staging, production, ... as with -d (none)
  DEPLOY_RECONNECT     seconds to try for when the connection is lost (900); the deploy goes on meanwhile
TEXT
}

fail() {
  echo "ci-deploy: $1" >&2
  exit "${2:-2}"
}

[[ ${1:-} != --help && ${1:-} != -h ]] || { usage; exit 0; }
[[ $# == 1 ]] || { usage >&2; exit 2; }
readonly TAG=$1 HOST=${DEPLOY_HOST:-} ACCOUNT=${DEPLOY_USER:-deploy} PORT=${DEPLOY_PORT:-22}
readonly DESTINATION=${DEPLOY_DESTINATION:-} RECONNECT=${DEPLOY_RECONNECT:-900}
# What ssh says when it is its own failure. No exit code of kaleem-deploy is that.
readonly CONNECTION_LOST=255 OUT_OF_REACH=40
REQUEST=ci-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
readonly REQUEST

[[ $TAG =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] || fail "this is no tag: $TAG"
[[ $HOST =~ ^[A-Za-z0-9][A-Za-z0-9.:-]*$ ]] || fail "DEPLOY_HOST is no host: '$HOST'"
[[ $ACCOUNT =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]*$ ]] || fail "DEPLOY_USER is no account: '$ACCOUNT'"
[[ $PORT =~ ^[0-9]{1,5}$ ]] || fail "DEPLOY_PORT is no port: '$PORT'"
[[ $DESTINATION =~ ^([A-Za-z0-9][A-Za-z0-9_.-]*)?$ ]] || fail "DEPLOY_DESTINATION is none: '$DESTINATION'"
[[ $RECONNECT =~ ^[0-9]{1,6}$ ]] || fail "DEPLOY_RECONNECT is no number of seconds: '$RECONNECT'"
[[ -n ${DEPLOY_KNOWN_HOSTS:-} ]] || fail 'DEPLOY_KNOWN_HOSTS is not set: without it nobody knows who the server is (--help)'
[[ -n ${DEPLOY_KEY:-}${DEPLOY_KEY_FILE:-} ]] || fail 'neither DEPLOY_KEY nor DEPLOY_KEY_FILE is set (--help)'

folder=$(mktemp -d)
readonly folder
trap 'rm -rf "$folder"' EXIT
# Secrets of CI systems lose their last line break, or get the line breaks of another system.
if [[ -n ${DEPLOY_KEY:-} ]]; then printf '%s\n' "$DEPLOY_KEY" | tr -d '\r' >"$folder/key"; else cat -- "$DEPLOY_KEY_FILE" >"$folder/key"; fi
printf '%s\n' "$DEPLOY_KNOWN_HOSTS" | tr -d '\r' >"$folder/known_hosts"
unset DEPLOY_KEY

# on_server WORDS: the gate takes words, and no shell syntax.
on_server() {
  ssh -F none -i "$folder/key" -p "$PORT" \
    -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes \
    -o UserKnownHostsFile="$folder/known_hosts" -o GlobalKnownHostsFile=none \
    -o ConnectTimeout=20 -o ServerAliveInterval=10 -o ServerAliveCountMax=3 -o LogLevel=ERROR \
    -- "$ACCOUNT@$HOST" "kaleem-deploy${DESTINATION:+ --destination $DESTINATION} $*" </dev/null
}

# followed WORDS: the same, shown as it comes, its result at the end, and kept for the summary.
followed() {
  local code=0
  on_server "$@" 2>&1 >"$folder/result" | tee -a "$folder/output" >&2 || code=$?
  tee -a "$folder/output" <"$folder/result"
  return "$code"
}

# Made again for as long as it takes; the same command with the same id is done once, and followed where it runs.
until_ended() {
  local deadline='' code
  for (( ; ; )); do
    code=0
    followed "$TAG" --request-id "$REQUEST" || code=$?
    [[ $code == "$CONNECTION_LOST" ]] || return "$code"
    echo "ci-deploy: the connection was lost; what was begun goes on there, connecting again" >&2
    : "${deadline:=$((SECONDS + RECONNECT))}"
    ((SECONDS < deadline)) || break
    sleep 3
  done
  echo "ci-deploy: $HOST was out of reach for $RECONNECT s; what was begun goes on there: ssh $ACCOUNT@$HOST kaleem-deploy history" >&2
  return "$OUT_OF_REACH"
}

outcome() {
  case $1 in
    0) echo 'is live' ;;
    11) echo 'was not deployed: another operation has the project' ;;
    10 | 12) echo 'was refused before anything was touched' ;;
    20 | 30 | 31) echo 'failed; the old release is live again' ;;
    21 | 22) echo 'is neither live nor undone: a person has to decide, with kaleem-deploy recover on the server' ;;
    40) echo 'may not be live: the server was out of reach or refused' ;;
    130) echo 'was interrupted; the old release is live again' ;;
    *) echo "ended with exit code $1" ;;
  esac
}

# For GitHub, whose job shows it.
summary() {
  [[ -n ${GITHUB_STEP_SUMMARY:-} ]] || return 0
  {
    echo "### $TAG $(outcome "$1")"
    echo
    echo "$HOST${DESTINATION:+, $DESTINATION}; exit code $1"
    echo
    # Indented lines are shown as they are, whatever is in them.
    [[ ! -f $folder/output ]] || tail -n 60 "$folder/output" | sed 's/^/    /'
  } >>"$GITHUB_STEP_SUMMARY"
}

code=0
on_server version >/dev/null || code=$?
if [[ $code == "$CONNECTION_LOST" ]]; then
  echo "ci-deploy: $HOST is out of reach, is not the host that DEPLOY_KNOWN_HOSTS knows, or does not take this key" >&2
  code=$OUT_OF_REACH
elif [[ $code == 0 ]]; then
  until_ended || code=$?
fi
summary "$code"
exit "$code"
