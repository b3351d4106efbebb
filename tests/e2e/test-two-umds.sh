#!/bin/bash
# SPDX-License-Identifier: MIT
# Two adapters whose user-mode drivers differ (lavapipe, and one built by the tests) in one
# VkInstance; and device-level functions that are the driver's own. Also run under AddressSanitizer.
# Usage: test-two-umds.sh BUILD FAKE-MANIFEST
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
sandbox_begin "$1"
fake=$2

# Without a sandbox around the program, host and guest see the store at one place.
sed -i "s|^guest-store = .*|guest-store = $sandbox/var/DriverStore|" "$sandbox_config"
# Drivers keep memory until the process ends; what gpupv leaks is still reported.
cat > "$sandbox/leaks" <<'LEAKS'
leak:libLLVM
leak:libvulkan_lvp
leak:libvulkan.so.1
leak:_dl_init
LEAKS
export LSAN_OPTIONS=suppressions=$sandbox/leaks:print_suppressions=0
icd=$sandbox_lavapipe
sandbox_add_driver lavapipe "$icd" > /dev/null
sandbox_add_driver fake "$fake" > /dev/null
# In an AddressSanitizer build gpupv-probe would end with the leaks of a driver that it unloads.
ASAN_OPTIONS=detect_leaks=0 sandbox_start_service
export GPUPV_HOST=unix:$sandbox_socket
shim=$(ls "$sandbox_build"/icd/gpupv_devenv_icd*.json | head -n 1)

VK_ICD_FILENAMES=$shim "$sandbox_build/tests/e2e/two_umds" 2

own=$(ls "$sandbox"/var/DriverStore/FileRepository/lvp*/*.json | grep -v catalog)
sed -i '/^\[adapter:fake\]/,$d' "$sandbox_config"
kill -HUP "$sandbox_service_pid"
for tries in $(seq 50); do
  [ "$("$sandbox_gpupv" info --json | grep -o '"luid"' | wc -l)" -eq 1 ] && break
  sleep 0.1
done
VK_ICD_FILENAMES=$shim:$own "$sandbox_build/bench/device_calls" 0
