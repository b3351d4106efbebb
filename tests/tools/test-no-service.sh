#!/bin/bash
# SPDX-License-Identifier: MIT
# The guest's commands where no host is: the message, the exit status, and what doctor says.
# Usage: test-no-service.sh GPUPV
set -euo pipefail
gpupv=$1
. "$(dirname "$0")/lib.sh"

# No ICD and no configuration of this machine takes part.
export HOME=$scratch XDG_CONFIG_HOME=$scratch XDG_CONFIG_DIRS=$scratch XDG_DATA_HOME=$scratch
export XDG_DATA_DIRS=$scratch
unset VK_DRIVER_FILES VK_ICD_FILENAMES VK_ADD_DRIVER_FILES GPUPV_ICD_DISABLE
export GPUPV_HOST=unix:$scratch/nobody.sock

echo "== no socket"
run 3 info
warns "$scratch/nobody.sock"
run 3 reg query
run 3 reg query NAME
run 3 reg query --store-path
run_json 3 info
json "d['exit_code'] == 3 and 'nobody.sock' in d['error']"

echo "== doctor"
run 1 doctor
grep -Eq '^transport +ok' "$out" || fail "transport"
grep -Eq '^connect +failed' "$out" || fail "connect"
grep -Eq '^adapters +skipped' "$out" || fail "adapters"
grep -Eq '^icd-manifest +failed' "$out" || fail "icd-manifest"
[ "$(grep -c 'remedy:' "$out")" -eq 2 ] || fail "remedies"
run_json 1 doctor
json "d['ok'] is False and [s['step'] for s in d['steps'] if s['outcome'] == 'failed'] == \
['connect', 'icd-manifest']"
json "all((s['remedy'] is not None) == (s['outcome'] == 'failed') for s in d['steps'])"

echo "== doctor looks where the Vulkan loader looks"
manifest()
{
    mkdir -p "$(dirname "$1")"
    echo "{\"file_format_version\":\"1.0.0\",\"ICD\":{\"library_path\":\"$2\",\"api_version\":\"1.3.0\"}}" > "$1"
}
mkdir "$scratch/data"
export XDG_DATA_DIRS=/nonexistent:$scratch/data
manifest "$scratch/data/vulkan/icd.d/other.json" /nonexistent/libvulkan_other.so
run 1 doctor
says "none of the 1 driver"
manifest "$scratch/data/vulkan/icd.d/gpupv_icd.json" ./libvulkan_gpupv.so.9
run 1 doctor
says "$scratch/data/vulkan/icd.d/gpupv_icd.json"
grep -Eq "^icd-library +failed .*$scratch/data/vulkan/icd.d/./libvulkan_gpupv.so.9" "$out" || fail "icd-library"
VK_DRIVER_FILES=$scratch/data/vulkan/icd.d/other.json run 1 doctor
grep -Eq '^icd-manifest +failed .*VK_DRIVER_FILES' "$out" || fail "VK_DRIVER_FILES"
VK_LOADER_DRIVERS_DISABLE='*GPUPV*' run 1 doctor
grep -Eq '^icd-manifest +failed .*VK_LOADER_DRIVERS' "$out" || fail "VK_LOADER_DRIVERS_DISABLE"
VK_LOADER_DRIVERS_DISABLE='*' VK_LOADER_DRIVERS_SELECT='gpupv*' run 1 doctor
grep -Eq '^icd-manifest +ok' "$out" || fail "VK_LOADER_DRIVERS_SELECT"
GPUPV_ICD_DISABLE=1 run 1 doctor
grep -Eq '^icd-manifest +failed .*GPUPV_ICD_DISABLE' "$out" || fail "GPUPV_ICD_DISABLE"

echo "== transports that this build lacks"
GPUPV_HOST=vsock:2:1 run 1 info
warns "vsock:2:1"
GPUPV_HOST=vsock:2:1 run 1 doctor
grep -Eq '^transport +failed' "$out" || fail "vsock"

echo "== wrong command lines"
run 2
run 2 frobnicate
run 2 reg query --index x
run 2 reg query --phys -1
run 2 reg query --luid 12
run 2 reg query --index 0 --luid 0:1
run 2 reg query --service --adapter
run 2 reg query --store-path NAME
run 2 reg query --store-path --type REG_SZ
run 2 reg query --type REG_LINK NAME
run 2 reg query A B
run 0 --version
run 0 reg query --help
says "--translate"

echo "== output that cannot be written"
if [ -e /dev/full ]; then
    status=0
    "$gpupv" --help > /dev/full 2> "$err" || status=$?
    [ "$status" -eq 1 ] || fail "status $status for a full disk"
fi
echo "all as it should be"
