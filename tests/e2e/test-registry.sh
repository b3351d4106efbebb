#!/bin/bash
# SPDX-License-Identifier: MIT
# The CopyRegistry step of Windows' own guide, done here: a SYSTEM hive file becomes an adapter's
# key, and guests query it through the service; a .reg file does the same. `reg diff` watches.
# Usage: test-registry.sh BUILD MANIFEST WRITE-WINDOWS-HIVE
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
sandbox_begin "$1"

host_reg() { "$sandbox_gpupv" host --config "$sandbox_config" reg "$@"; }
guest_reg() { GPUPV_HOST=unix:$sandbox_socket "$sandbox_gpupv" reg query "$@"; }

# The service notices a changed hive a moment after a command has written it.
told() { # told TEXT ARGUMENT…: what a guest is told comes to hold TEXT
  local wanted=$1 tries
  shift
  for tries in $(seq 100); do
    guest_reg "$@" > "$sandbox/out" 2>&1 && grep -qF -- "$wanted" "$sandbox/out" && return 0
    sleep 0.1
  done
  cat "$sandbox/out" >&2
  fail "the guest is not told: $wanted"
}
no_difference() {
  local tries
  for tries in $(seq 100); do
    host_reg diff --adapter gpu "$@" > "$sandbox/diff" 2>&1 && return 0
    sleep 0.1
  done
  cat "$sandbox/diff" >&2
  fail "what the guest is told differs from the registry"
}

sandbox_add_driver gpu "$2" > /dev/null
package=$(ls "$sandbox/var/DriverStore/FileRepository")
"$3" "$sandbox/SYSTEM"
sandbox_start_service

echo "== the hive file's key becomes the adapter's"
host_reg import-hive "$sandbox/SYSTEM" --list | grep -q 'Contoso Graphics 5000' || fail "--list"
host_reg import-hive "$sandbox/SYSTEM" --adapter gpu > "$sandbox/out" 2> "$sandbox/notes"
grep -q 'Imported 9 values in 2 keys' "$sandbox/out" || fail "import-hive: $(cat "$sandbox/out")"
grep -q 'REG_RESOURCE_LIST' "$sandbox/notes" || fail "import-hive did not tell what it left out"
told 'REG_SZ    Contoso Graphics 5000' DriverDesc
told 'REG_DWORD    0x2a' FeatureLevel
told 'REG_QWORD    0x400000000' HardwareInformation.qwMemorySize
told 'REG_MULTI_SZ    C:\umd.dll\0C:\x' UserModeDriverName
told 'REG_EXPAND_SZ    %SystemRoot%\umd.dll' ImagePath
# What the adapter had before stays: its driver.
told "FileRepository/$package/" VulkanDriverName

echo "== a .reg file"
cat > "$sandbox/driver.reg" <<END
Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}\\0000]
"DriverDesc"="from a .reg file"
"FeatureLevel"=-
"StorePath"="${sandbox//\\/\\\\}/var/DriverStore/FileRepository/$package/x.so"
"AppSecret"="not for guests"
END
host_reg import "$sandbox/driver.reg" > /dev/null
told 'from a .reg file' DriverDesc
told "$sandbox_guest_store/FileRepository/$package/x.so" StorePath --translate
! guest_reg FeatureLevel > /dev/null 2>&1 || fail "a deleted value is told"

echo "== gpupv host reg diff"
no_difference
grep -q 'Results Compared: Identical' "$sandbox/diff" || fail "diff: $(cat "$sandbox/diff")"
host_reg diff --adapter gpu --json | /usr/bin/python3 -c '
import json, sys
d = json.load(sys.stdin)
sys.exit(not (d["same"] and d["compared"] > 10 and d["differences"] == []))' || fail "diff --json"
status=0
host_reg diff --adapter nobody > /dev/null 2>&1 || status=$?
[ "$status" -eq 4 ] || fail "diff of an adapter that is not there: status $status"

# A service that is told another hive than the one that the tool reads: then they differ.
sed "s|^hive = .*|hive = $sandbox/var/other.hive|" "$sandbox_config" > "$sandbox/etc/other.ini"
cp "$sandbox/var/registry.hive" "$sandbox/var/other.hive"
other_reg() { "$sandbox_gpupv" host --config "$sandbox/etc/other.ini" reg "$@"; }
other_reg add adapter:gpu DriverDesc --data other --force > /dev/null
other_reg add adapter:gpu OnlyHere --data x > /dev/null
other_reg delete adapter:gpu ImagePath > /dev/null
status=0
other_reg diff --adapter gpu > "$sandbox/diff" || status=$?
[ "$status" -eq 1 ] || fail "diff: status $status, not 1"
for line in '^< Value: .*    DriverDesc    REG_SZ    other' '^> Value: .*    DriverDesc    REG_SZ    from a' \
  '^< Value (translated): .*    OnlyHere' '^> Value: .*    ImagePath' '^Results Compared: Different'; do
  grep -q -- "$line" "$sandbox/diff" || { cat "$sandbox/diff" >&2; fail "diff lacks: $line"; }
done

echo "== export, and the same again on another host"
host_reg export adapter:gpu "$sandbox/out.reg"
head -c 2 "$sandbox/out.reg" | cmp -s - <(printf '\xff\xfe') || fail "the .reg file is not UTF-16"
other_reg delete adapter:gpu --force
other_reg import "$sandbox/out.reg" > /dev/null
other_reg diff --adapter gpu > "$sandbox/diff" || { cat "$sandbox/diff" >&2; fail "the copy differs"; }

sandbox_stop_service
