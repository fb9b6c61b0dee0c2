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

# A second run has both already. `npm ci` empties node_modules, so that the copy of the lockfile goes with it.
if ! cmp -s package-lock.json node_modules/.installed-from; then
  npm ci --no-audit --no-fund
  cp package-lock.json node_modules/.installed-from
fi
if [[ ! -e dist/.built || -n $(find src package.json tsconfig.json scripts/build.ts -newer dist/.built -print -quit) ]]; then
  npm run build
  touch dist/.built
fi

hold_test_bed
bash scripts/test-bed/up.sh
set -a
# shellcheck source=/dev/null
source "$BED/env"
set +a
# Straight by node: npx in between would end before the demo has cleaned up after Ctrl-C.
node --import tsx scripts/demo/demo.ts "$@"
