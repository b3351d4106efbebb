#!/bin/bash
# SPDX-License-Identifier: MIT
# The headless Vulkan programs on the host's driver and, in a guest, through the paravirtual UMD: all
# that they print must be the same, byte by byte.
# Usage: test-vulkan.sh BUILD [PROGRAM [CASE...]]     (e.g. test-vulkan.sh build sync fences)
#   GPUPV_TEST_MANIFEST  the UMD's manifest (default: BUILD/umd/gpupv_umd_icd.ARCH.json)
#   GPUPV_TEST_TIMEOUT   seconds that a program may take in the guest (default: 120)
#   SANDBOX_LOG          the service's log level
#   GPUPV_TEST_VALIDATION=1   the worker runs with the validation layer; what it says is a failure
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
sandbox_begin "$1"
shift
unset VK_INSTANCE_LAYERS VK_ICD_FILENAMES DISPLAY WAYLAND_DISPLAY
programs=$sandbox_build/tests/vulkan
if [ $# -gt 0 ]; then
  names=("$1")
  shift
else
  mapfile -t names < <(cd "$programs" && ls vk_* | sed -n 's/^vk_\([a-z]*\)$/\1/p')
fi
for name in "${names[@]}"; do
  [ -x "$programs/vk_$name" ] || fail "there is no program $name in $programs"
done

icd=$(ls /usr/share/vulkan/icd.d/lvp_icd*.json | head -n 1)
sandbox_add_paravirtual gpu "$icd" "${GPUPV_TEST_MANIFEST:-}"
[ -z "${GPUPV_TEST_VALIDATION:-}" ] || sed -i '/^\[service\]/a worker-validation = yes' "$sandbox_config"
sandbox_start_service
sandbox_make_guest timeout
# Not at their own paths: the guest has a /tmp of its own, where the build folder may lie.
mkdir -p "$sandbox/guest/opt"
for name in "${names[@]}"; do
  sandbox_guest_libraries_of "$programs/vk_$name"
  cp "$programs/vk_$name" "$sandbox/guest/opt/"
done

failed=0
for name in "${names[@]}"; do
  program=$programs/vk_$name
  native=$sandbox/$name.native guest=$sandbox/$name.guest
  native_status=0 status=0
  VK_DRIVER_FILES=$icd "$program" "$@" > "$native" 2> "$native.err" || native_status=$?
  [ "$native_status" -eq 0 ] ||
    { cat "$native" "$native.err" >&2; fail "$name: status $native_status on the host's own driver"; }
  sandbox_guest env GPUPV_STRICT=1 GPUPV_TEST_STRICT=1 timeout "${GPUPV_TEST_TIMEOUT:-120}" \
    "/opt/vk_$name" "$@" > "$guest" 2> "$guest.err" || status=$?
  if [ "$status" -eq 0 ] && cmp -s "$native" "$guest"; then
    echo "$name: $(grep -c ' ok ' "$guest") cases are the same, $(grep -c ' skipped ' "$guest" || true) skipped"
    continue
  fi
  failed=$((failed + 1))
  echo "$name: status $status in the guest; what differs (< host's driver, > guest):"
  diff "$native" "$guest" || true
  tail -n 20 "$guest.err"
done

if [ -n "${GPUPV_TEST_VALIDATION:-}" ]; then
  refuse 'VUID-|Validation Error|UNASSIGNED-' "$sandbox/gpupvd.log"
fi
[ "$failed" -eq 0 ] || fail "$failed of ${#names[@]} programs differ"
echo "all as it should be"
