#!/bin/bash
# SPDX-License-Identifier: MIT
# The headless Vulkan programs through the paravirtual UMD, all in a build with sanitizers: program,
# shim, UMD, service and worker. They print what they print on the host's driver, and the sanitizers
# find nothing in what is gpupv's. Programs and worker run without their sandboxes here, which the
# sanitizers' runtimes do not know.
# Usage: test-vulkan-sanitized.sh BUILD [PROGRAM...]
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
sandbox_begin "$1"
shift
unset VK_INSTANCE_LAYERS VK_ICD_FILENAMES DISPLAY WAYLAND_DISPLAY
programs=$sandbox_build/tests/vulkan
if [ $# -gt 0 ]; then
  names=("$@")
else
  mapfile -t names < <(cd "$programs" && ls vk_* | sed -n 's/^vk_\([a-z]*\)$/\1/p')
fi
nm -D "$sandbox_build/host/worker/gpupv-worker" | grep -E '__(asan|tsan)_init' > /dev/null ||
  { echo "$sandbox_build is a build without sanitizers: skipped"; exit 77; }

# Host and guest see the store at one place, and the worker opens what it likes.
sed -i "s|^guest-store = .*|guest-store = $sandbox/var/DriverStore|
  /^\[service\]/a worker-sandbox = no" "$sandbox_config"
# Drivers keep memory until the process ends, and their compiled code and futexes are not known to
# the sanitizers. What gpupv leaks is reported all the same: the log is searched for it below.
cat > "$sandbox/leaks" << 'LEAKS'
leak:libLLVM
leak:libvulkan_lvp
leak:libvulkan.so.1
leak:_dl_init
LEAKS
cat > "$sandbox/races" << 'RACES'
race:libvulkan_lvp.so
race:libLLVM
deadlock:libvulkan_lvp.so
RACES
export LSAN_OPTIONS=suppressions=$sandbox/leaks:print_suppressions=0:exitcode=0
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=suppressions=$sandbox/races:print_suppressions=0:ignore_noninstrumented_modules=1:exitcode=0:allocator_may_return_null=1
export ASAN_OPTIONS=allocator_may_return_null=1
# The runtimes map tens of terabytes: two small numbers side by side are an address there.
export GPUPV_GUARD=off
sed -i '/^\[service\]/a private-data-guard = off' "$sandbox_config"
icd=$(ls /usr/share/vulkan/icd.d/lvp_icd*.json | head -n 1)
sandbox_add_paravirtual gpu "$icd"
sandbox_start_service
shim=$(ls "$sandbox_build"/icd/gpupv_devenv_icd*.json | head -n 1)

# In what a program says, or the service and its workers.
findings='ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:'
failed=0
for name in "${names[@]}"; do
  native=$sandbox/$name.native guest=$sandbox/$name.guest native_status=0 status=0
  VK_DRIVER_FILES=$icd "$programs/vk_$name" > "$native" 2> "$native.err" || native_status=$?
  [ "$native_status" -eq 0 ] ||
    { cat "$native" "$native.err" >&2; fail "$name: status $native_status on the host's own driver"; }
  GPUPV_HOST=unix:$sandbox_socket GPUPV_STRICT=1 VK_DRIVER_FILES=$shim \
    timeout "${GPUPV_TEST_TIMEOUT:-200}" "$programs/vk_$name" > "$guest" 2> "$guest.err" || status=$?
  sandbox_windows_alone "$native" "$guest"
  if [ "$status" -eq 0 ] && cmp -s "$native" "$guest" && ! grep -qE "$findings" "$guest.err"; then
    echo "$name: $(grep -c ' ok ' "$guest") cases"
    continue
  fi
  failed=$((failed + 1))
  echo "$name: status $status in the guest; what differs (< host's driver, > guest):"
  diff "$native" "$guest" || true
  head -n 60 "$guest.err"
done
[ "$failed" -eq 0 ] || fail "$failed of ${#names[@]} programs"

# Workers that have ended have told what they leaked. Of the service's own processes the probe leaks
# what the driver that it unloads had taken.
sandbox_stop_service
refuse 'ERROR: (Address|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:' "$sandbox/gpupvd.log"
refuse 'worker.* in [a-zA-Z0-9_]+ .*/(host/worker|wire|util)/[a-z_]+\.[ch]:' "$sandbox/gpupvd.log"
echo "all as it should be"
