#!/usr/bin/env bash
# Everything a change must pass: build, check, every test against the real parts. The last line says how many passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/test-bed/lib/common.sh
source scripts/test-bed/lib/in-use.sh

results=$(mktemp -d)
passed=0 failed=0

# The line comes last whatever happened, and after the test bed is down.
# shellcheck disable=SC2317 # called by the trap
finish() {
  local status=$?
  trap - EXIT
  release_test_bed
  bash scripts/test-bed/down.sh || true
  rm -rf "$results"
  echo "$passed passed, $failed failed"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# "PASSED FAILED" from vitest's JSON report. A file that could not even be loaded has failed, though it has no test to
# count, and so has a run that died before it could report.
count_tests() {
  node -e '
    const report = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
    const unloadable = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
    console.log(report.numPassedTests, report.numFailedTests + unloadable.length);
  ' "$results/vitest.json" || echo '0 1'
}

npm ci
npm run build

hold_test_bed
bash scripts/test-bed/up.sh --whole-server
set -a
# shellcheck source=/dev/null
source "$BED/env"
set +a

status=0 vitest=0
npm run check || status=1
npx vitest run --reporter=default --reporter=json --outputFile.json="$results/vitest.json" "$@" || vitest=1
read -r passed failed < <(count_tests)
# An error outside every test fails the run too.
if ((vitest != 0 && failed == 0)); then failed=1; fi
if ((vitest != 0 || passed == 0)); then status=1; fi
echo "servers: $KALEEM_TEST_SERVERS"
exit "$status"
