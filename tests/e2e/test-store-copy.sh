#!/bin/bash
# SPDX-License-Identifier: MIT
# A full VM: the guest does not see the host's store; its agent copies what it needs. DriverStoreCopyMode
# 0, 1 and 2; a large package whose copying is killed again and again; altered copies; collection.
# Usage: test-store-copy.sh BUILD [MIB]     MIB: size of the large package, default 1024
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
sandbox_begin "$1"
large_mib=${2:-1024}

fail() {
  echo "FAILED: $*" >&2
  [ -s "$out" ] && cat "$out" >&2
  exit 1
}
expect() { # expect PATTERN
  grep -qE -- "$1" "$out" || fail "no line matches '$1'"
}
host() {
  "$sandbox_gpupv" host --config "$sandbox_config" "$@"
}
# A changed hive reaches the service a moment after `reg add` has returned.
set_mode() {
  local tries
  host reg add 'HKLM\SYSTEM\CurrentControlSet\Control\GraphicsDrivers' DriverStoreCopyMode \
    --type dword --data "$1" --force > /dev/null
  for tries in $(seq 100); do
    [ "$("$sandbox_gpupv" guest run --once --json --store "$sandbox/other" 2> /dev/null |
      sed -n 's/.*"mode": \([0-9]\).*/\1/p')" = "$1" ] && return 0
    sleep 0.1
  done
  fail "the mode did not become $1"
}
# The VM: a disk of its own at the place of the store.
vm() {
  bwrap --unshare-pid --unshare-net --unshare-uts --die-with-parent --new-session --clearenv \
    --ro-bind "$sandbox/guest" / --proc /proc --dev /dev --tmpfs /tmp --tmpfs /run \
    --ro-bind "$sandbox_socket" /run/gpupv/host.sock --bind "$disk" "$sandbox_guest_store" \
    --bind "$sandbox/lib" /root --setenv HOME /tmp --setenv XDG_CACHE_HOME /tmp --setenv PATH "$gpupv_bindir:/usr/bin:/bin" \
    --chdir /tmp -- "$@"
}
agent() { # agent STATUS OPTION…
  local expected=$1 status=0
  shift
  vm gpupv guest run --once "$@" > "$out" 2>&1 || status=$?
  [ "$status" -eq "$expected" ] || fail "gpupv guest run $*: status $status, not $expected"
}

out=$sandbox/out
: > "$out"
disk=$sandbox/disk
store=$disk/FileRepository
mkdir -p "$disk" "$sandbox/lib"
icd=$sandbox_lavapipe
sandbox_add_driver gpu "$icd" > /dev/null
package=$(ls "$sandbox/var/DriverStore/FileRepository")
sandbox_start_service
sandbox_make_guest vulkaninfo
export GPUPV_HOST=unix:$sandbox_socket

echo "== mode 0: nothing is copied"
agent 0
expect "DriverStoreCopyMode is 0 on the host: nothing is copied"
[ -z "$(ls -A "$disk")" ] || fail "something was copied"
vm vulkaninfo --summary > /dev/null 2>&1 && fail "vulkaninfo found a driver"

echo "== mode 1: what is missing is copied, and runs"
set_mode 1
agent 0
expect "$package: copied"
diff -r "$sandbox/var/DriverStore/FileRepository/$package" "$store/$package" > "$out" || fail "the copy differs"
[ "$sandbox/var/DriverStore/FileRepository/$package/libvulkan_lvp.so" -nt "$store/$package/libvulkan_lvp.so" ] &&
  fail "the copy's time is another"
[ "$store/$package/libvulkan_lvp.so" -nt "$sandbox/var/DriverStore/FileRepository/$package/libvulkan_lvp.so" ] &&
  fail "the copy's time is another"
vm vulkaninfo --summary > "$out" 2>&1 || fail "vulkaninfo"
expect "deviceName += llvmpipe"
agent 0
expect "$package: present"

echo "== the JSON document"
agent 0 --json
python3 - "$out" "$package" <<'PY' || fail "the JSON document"
import json, sys
document = json.load(open(sys.argv[1]))
assert document["mode"] == 1 and document["exit_code"] == 0 and "error" not in document
assert [(p["package"], p["state"]) for p in document["packages"]] == [(sys.argv[2], "present")]
PY

echo "== an altered copy: reported in mode 1, repaired in mode 2"
printf x >> "$store/$package/libvulkan_lvp.so"
agent 5
expect "$package: this guest has it with other contents, and DriverStoreCopyMode 1 does not overwrite: .*libvulkan_lvp.so"
vm vulkaninfo --summary > /dev/null 2>&1 && fail "an altered package was loaded"
set_mode 2
# A program that has loaded a package keeps it.
mkfifo "$sandbox/hold"
flock -s "$disk/.locks/$package" cat "$sandbox/hold" &
holder=$!
exec 7> "$sandbox/hold"
agent 5
expect "$package: it must be replaced, but a process uses it"
exec 7>&-
wait "$holder"
agent 0
expect "$package: replaced"
diff -r "$sandbox/var/DriverStore/FileRepository/$package" "$store/$package" > "$out" || fail "the repair differs"
vm vulkaninfo --summary > "$out" 2>&1 || fail "vulkaninfo"
rm "$store/$package/lvp_icd.json"
agent 0
expect "$package: replaced.*lvp_icd.json is missing"

echo "== one agent keeps a store; a store of somebody else is left alone"
vm gpupv guest run --interval 1 > "$sandbox/agent.log" 2>&1 &
keeper=$!
for tries in $(seq 100); do
  [ -s "$sandbox/agent.log" ] && break
  sleep 0.1
done
agent 5
expect "another .gpupv guest run. keeps the store"
kill "$keeper"
wait "$keeper" || true # bwrap's own status: the signal
rm -rf "$sandbox/foreign"
cp -r "$sandbox/var/DriverStore" "$sandbox/foreign"
mkdir "$sandbox/foreign/FileRepository/old_1_x86_64_0123456789abcdef"
"$sandbox_gpupv" guest run --once --store "$sandbox/foreign" > "$out" 2>&1 || fail "a whole store of somebody else"
[ -d "$sandbox/foreign/FileRepository/old_1_x86_64_0123456789abcdef" ] || fail "a package of somebody else was removed"
rm -rf "${sandbox:?}/foreign/FileRepository/$package"
status=0
"$sandbox_gpupv" guest run --once --store "$sandbox/foreign" > "$out" 2>&1 || status=$?
[ "$status" -eq 5 ] || fail "status $status in a store of somebody else"
expect "was not made by this agent"

echo "== CopyToVm files"
host reg add 'adapter:gpu' > /dev/null
key='HKLM\SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}\0000'
host reg add "$key"'\CopyToVmOverwrite' Files --type multi_sz --data 'lvp_icd.json\0renamed.json' > /dev/null
for tries in $(seq 50); do
  agent 0 --native-folder /root/native
  [ -e "$sandbox/lib/native/renamed.json" ] && break
  sleep 0.1
done
cmp "$store/$package/lvp_icd.json" "$sandbox/lib/native/renamed.json" || fail "CopyToVmOverwrite"
agent 0
expect "CopyToVm: 1 files are left out"

echo "== $large_mib MiB, killed and resumed"
mkdir "$sandbox/large"
cp "$sandbox/var/DriverStore/FileRepository/$package"/{lvp_icd.json,libvulkan_lvp.so} "$sandbox/large/"
mkdir "$sandbox/large/data"
truncate -s "$((large_mib * 3 / 4))M" "$sandbox/large/data/blob"
truncate -s "$((large_mib / 4))M" "$sandbox/large/data/other"
# Sparse, with something to find in it: only the right place gives the right digest.
printf 'end' >> "$sandbox/large/data/blob"
printf 'middle' | dd of="$sandbox/large/data/blob" bs=1M seek="$((large_mib / 2))" conv=notrunc status=none
host store add "$sandbox/large" --name large --version 2 --adapter gpu > /dev/null
large=$(ls "$sandbox/var/DriverStore/FileRepository" | grep ^large)
kills=0
sleep 0.5
start=$(date +%s.%N)
for tries in 1 2 3 4 5; do
  vm gpupv guest run --once --quiet > "$out" 2>&1 &
  pid=$!
  # Until some more of it is there: the progress decides, not the time.
  before=$(du -sm --apparent-size "$disk/.incoming" | cut -f 1)
  while [ "$(du -sm --apparent-size "$disk/.incoming" | cut -f 1)" -lt $((before + large_mib / 10)) ] &&
    kill -0 "$pid" 2> /dev/null; do
    sleep 0.02
  done
  kill -KILL "$pid" 2> /dev/null && kills=$((kills + 1))
  wait "$pid" 2> /dev/null || true
  [ ! -e "$store/$large" ] || break
  [ -e "$store/$package" ] || fail "the old package is gone while the new one is copied"
done
[ "$kills" -ge 2 ] || fail "it was killed $kills times only"
# bwrap's child goes with it, a moment later; the store is free when it is gone.
for tries in $(seq 100); do
  flock -n "$disk/.guest-copy" true && break
  sleep 0.1
done
agent 0 --json
python3 - "$out" "$large" <<'PY' || fail "the resumed copy"
import json, sys
document = json.load(open(sys.argv[1]))
state = {p["package"]: p for p in document["packages"]}[sys.argv[2]]
print(f"   copied {state['copied'] >> 20} MiB, {state['reused'] >> 20} MiB were there")
assert state["state"] in ("copied", "present") and (state["state"] == "present" or state["reused"] > 1 << 20)
PY
echo "   killed $kills times, whole after $(echo "$(date +%s.%N) $start" | awk '{printf "%.1f", $1 - $2}') s"
cmp "$sandbox/large/data/blob" "$store/$large/data/blob" || fail "the large file differs"
cmp "$sandbox/large/data/other" "$store/$large/data/other" || fail "the other file differs"
[ -z "$(ls -A "$disk/.incoming")" ] || fail "something is left in .incoming"
vm vulkaninfo --summary > "$out" 2>&1 || fail "vulkaninfo with the large package"

echo "== packages that nobody needs are removed"
[ ! -e "$store/$package" ] || fail "the old package is still there"
[ ! -e "$disk/.locks/$package" ] || fail "its lock is still there"
host store add "$icd" --adapter gpu > /dev/null
flock -s "$disk/.locks/$large" cat "$sandbox/hold" &
holder=$!
exec 7> "$sandbox/hold"
for tries in $(seq 50); do
  agent 0
  [ -e "$store/$package" ] && break
  sleep 0.1
done
[ -d "$store/$large" ] || fail "a package in use was removed"
expect "$large: kept, a process uses it"
exec 7>&-
wait "$holder"
agent 0
expect "$large: removed"
[ ! -e "$store/$large" ] || fail "it is still there"
vm vulkaninfo --summary > "$out" 2>&1 || fail "vulkaninfo at the end"

echo "== no host"
sandbox_stop_service || fail "gpupvd ended with status $?"
sandbox_service_pid=
touch "$sandbox_socket"
agent 3
expect "cannot|no service|refused|did not"
rm -f "$sandbox_socket"
echo "all as it should be"
