#!/usr/bin/env bash
# The long suites: every failpoint, every moment, every fault. `npm run torture [FILE...]`; KALEEM_TORTURE_SEED=N repeats a run,
# KALEEM_TORTURE=short runs a part of each.
set -euo pipefail
export KALEEM_TORTURE=${KALEEM_TORTURE:-full}
exec bash "$(dirname "${BASH_SOURCE[0]}")/test.sh" --project torture "$@"
