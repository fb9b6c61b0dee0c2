# shellcheck shell=bash
# Counting users: whoever uses the test bed holds a shared lock, and only who can take it alone may stop it.
#
# The lock is held by a little process that ends with the script, even after kill -9, and not by the script itself:
# nothing that the script starts (a detached deploy, say) can inherit it.

hold_test_bed() {
  mkdir -p "$BED"
  exec 8>"$IN_USE"
  flock -s 8
  tail --pid=$$ -f /dev/null &
  TEST_BED_HOLDER=$!
  exec 8>&-
}

release_test_bed() {
  [[ -n ${TEST_BED_HOLDER:-} ]] || return 0
  kill "$TEST_BED_HOLDER" 2>/dev/null || true
  wait "$TEST_BED_HOLDER" 2>/dev/null || true
  TEST_BED_HOLDER=
}
