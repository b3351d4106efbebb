#!/bin/bash
# SPDX-License-Identifier: MIT
# The D3DKMT API against a real service on a real socket: the registry query table, the Vulkan
# loader's discovery sequence, the document's samples, and many clients at once.
# Usage: test-thunks.sh BUILD MANIFEST   (of a driver with at least two physical devices)
#   GPUPV_TEST_PROGRAMS  the folder of the programs, if they are of another build (32-bit ones)
#   GPUPV_TEST_RUN       a command that runs them
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
sandbox_begin "$1"
tests=${GPUPV_TEST_PROGRAMS:-$sandbox_build/tests/e2e}
run=(${GPUPV_TEST_RUN:-})

reg() { "$sandbox_gpupv" host --config "$sandbox_config" reg "$@"; }
service_value() { reg add service:gpu "$1" --type "$2" --data "$3" --force > /dev/null; }


sandbox_add_driver gpu "$2" > /dev/null
# The adapter is a linked one, so that there is a key of physical adapter 1.
echo 'linked = 1' >> "$sandbox_config"
package=$(ls "$sandbox/var/DriverStore/FileRepository")

service_value Dword dword 0x12345678
service_value Qword qword 0x123456789abcdef0
service_value Sz sz 'grüße 😀'
service_value ExpandSz expand_sz '%windir%\x'
service_value MultiSz multi_sz 'one\0two'
service_value Binary binary 00ff102030
service_value GRÖßE dword 7
service_value Paths multi_sz "plain\\0$sandbox/var/DriverStore/FileRepository/$package/x.so"
service_value Escape sz "$sandbox/var/DriverStore/FileRepository/../../registry.hive"
reg add adapter:gpu:0 Physical --type dword --data 100 > /dev/null
reg add adapter:gpu:1 Physical --type dword --data 101 > /dev/null

sandbox_start_service
export GPUPV_HOST=unix:$sandbox_socket

echo "== the query table and the loader's sequence"
GPUPV_TEST_STORE=$sandbox_guest_store GPUPV_TEST_PACKAGE=$package \
  "${run[@]}" "$tests/query_table"

echo "== the samples"
# A changed hive reaches the service a moment after `reg add` has returned.
sample() {
  local expected=$1 tries out
  shift
  for tries in $(seq 50); do
    out=$("${run[@]}" "$tests/samples" "$@") && [ "$out" = "$expected" ] && return 0
    sleep 0.1
  done
  echo "samples $*: got '$out', expected '$expected'" >&2
  return 1
}
service_value EnableDebug dword 42
sample "Value: 42" value dword
service_value EnableDebug sz d
sample 'Value: "d"' value sz
service_value EnableDebug expand_sz e
sample 'Value: "e"' value expand_sz
service_value EnableDebug binary 01ff
sample "Num bytes: 2
1 255 " value binary
if "${run[@]}" "$tests/samples" value qword > /dev/null; then
  echo "a binary value was given as a qword" >&2
  exit 1
fi
folder=$sandbox_guest_store/FileRepository/$package
# The sample's buffer has no room for the path: BUFFER_OVERFLOW and the size in bytes.
sample "status 1, size $(((${#folder} + 1) * 4))" store
if "${run[@]}" "$tests/samples" translate 0x40001234 > "$sandbox/translate"; then
  echo "a handle that does not exist was translated" >&2
  exit 1
fi
grep -qx 'status 0xc000000d' "$sandbox/translate" # STATUS_INVALID_PARAMETER

echo "== 200 clients"
"${run[@]}" "$tests/many_clients" 200 1000 "$sandbox_service_pid"

sandbox_stop_service
[ ! -e "$sandbox_socket" ] || { echo "the service left its socket behind" >&2; exit 1; }
