#!/bin/bash
# SPDX-License-Identifier: MIT
# run-cts with a program that speaks like deqp-vk: what it reports of cases that pass, fail, crash, hang, are
# unknown, and depend on others.
# Usage: test-run-cts.sh BUILD
set -euo pipefail
here=$(dirname "$(realpath "$0")")
build=$(realpath "$1")
fake=$build/tests/conformance/fake_deqp
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() {
  echo "FAILED: $*" >&2
  cat "$out/said" "$out/errors" >&2
  exit 1
}
cts() {
  status=0
  "$here/run-cts" --build "$build" "$@" > "$out/said" 2> "$out/errors" || status=$?
}

cat > "$out/cases" <<'CASES'
# a comment
dEQP-VK.a.device
dEQP-VK.a.1.pass
dEQP-VK.a.fail     # on both
dEQP-VK.a.unsupported
dEQP-VK.a.crash
dEQP-VK.a.2.pass
dEQP-VK.a.hang
dEQP-VK.a.3.pass
something.else.pass
dEQP-VK.a.guest-alone
dEQP-VK.b.guest-fail
dEQP-VK.b.guest-crash
dEQP-VK.b.4.pass
dEQP-VK.b.guest-unsupported
dEQP-VK.b.guest-hang
dEQP-VK.b.5.pass
CASES
cts --jobs 2 --shard 6 --timeout 2 --output "$out/results" "$fake" "$out/cases"
[ "$status" -eq 1 ] || fail "status $status instead of 1"
diff "$out/said" - <<'SAID' || fail "what it says"
dEQP-VK.b.guest-fail: Pass on the host, Fail in the guest
dEQP-VK.b.guest-crash: Pass on the host, Crash in the guest
dEQP-VK.b.guest-unsupported: Pass on the host, NotSupported in the guest
dEQP-VK.b.guest-hang: Pass on the host, Timeout in the guest
native: 11 Pass, 1 Fail, 1 NotSupported, 1 Crash, 1 Timeout, 1 Missing
guest:  7 Pass, 2 Fail, 2 NotSupported, 2 Crash, 2 Timeout, 1 Missing
4 regressions, 0 known ones, 1 only among others, 0 cases better in the guest
SAID
grep -q '^dEQP-VK.a.hang,Timeout' "$out/results/native.csv" || fail "what native.csv holds"
grep -q 'dEQP-VK.b.guest-crash' "$out/results/guest.log" || fail "what guest.log holds"

cat > "$out/known" <<'KNOWN'
dEQP-VK.b.guest-*  # the program's fault
KNOWN
cts --known "$out/known" --native "$out/results/native.csv" --timeout 2 "$fake" "$out/cases"
[ "$status" -eq 0 ] || fail "status $status instead of 0, with known regressions"
grep -q '^0 regressions, 4 known ones' "$out/said" || fail "known regressions"

echo 'dEQP-VK.b.*' > "$out/known"
cts --known "$out/known" "$fake" "$out/cases"
[ "$status" -eq 2 ] || fail "status $status instead of 2: a known regression without a reason"
cts "$fake" "$out/cases" -- --broken
[ "$status" -eq 2 ] || fail "status $status instead of 2: nothing runs"
grep -q 'does not start' "$out/errors" || fail "a program that does not start"
grep -q -e '--broken is not an option' "$out/errors" || fail "what it said"
cts "$out/nothing" "$out/cases"
[ "$status" -eq 2 ] || fail "status $status instead of 2: no program"
echo "all as it should be"
