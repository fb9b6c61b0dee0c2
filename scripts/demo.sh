#!/usr/bin/env bash
# Shows the whole promise on this machine: a good deploy, a bad one that is undone, and no order lost.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/test-bed/lib/common.sh
source scripts/test-bed/lib/in-use.sh

finish() {
  local status=$?
  trap - EXIT
  release_test_bed
  bash scripts/test-bed/down.sh || true
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

npm ci
npm run build

hold_test_bed
bash scripts/test-bed/up.sh
set -a
# shellcheck source=/dev/null
source "$BED/env"
set +a
npx tsx scripts/demo/demo.ts "$@"
