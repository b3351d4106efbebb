#!/bin/bash
# SPDX-License-Identifier: MIT
# The headless Vulkan programs on the host's driver and, in a guest, through the paravirtual UMD: all
# that they print must be the same, byte by byte.
# Usage: test-vulkan.sh BUILD [PROGRAM [CASE...]]     (e.g. test-vulkan.sh build sync fences)
#   GPUPV_TEST_MANIFEST  the UMD's manifest (default: BUILD/umd/gpupv_umd_icd.ARCH.json)
#   GPUPV_TEST_TIMEOUT   seconds that a program may take in the guest (default: 120)
#   SANDBOX_LOG          the service's log level
#   GPUPV_TEST_VALIDATION=worker  the worker runs with the validation layer; what it says is a failure
#   GPUPV_TEST_VALIDATION=guest   the programs run with it; it may say what it says on the host
#   GPUPV_TEST_32=SOURCE  32-bit programs in the guest, 64-bit ones on the host; see sandbox32.sh for
#                         where their build is
#   GPUPV_TEST_GUARD=strict   what the driver sends is searched for pointers and handles
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
. "$here/sandbox32.sh"
sandbox_begin "$1"
shift
unset VK_INSTANCE_LAYERS VK_ICD_FILENAMES DISPLAY WAYLAND_DISPLAY
programs=$sandbox_build/tests/vulkan
guest_programs=$programs
validation=${GPUPV_TEST_VALIDATION:-}
case $validation in '' | guest) ;; *) validation=worker ;; esac
if [ $# -gt 0 ]; then
  names=("$1")
  shift
else
  mapfile -t names < <(cd "$programs" && ls vk_* | sed -n 's/^vk_\([a-z]*\)$/\1/p')
fi
for name in "${names[@]}"; do
  [ -x "$programs/vk_$name" ] || fail "there is no program $name in $programs"
done
if [ -n "${GPUPV_TEST_32:-}" ]; then
  sandbox32_build "$GPUPV_TEST_32"
  guest_programs=$sandbox32_build/tests/vulkan
fi

icd=$sandbox_icd
sandbox_add_paravirtual gpu "$icd" "${GPUPV_TEST_MANIFEST:-}"
[ -z "${GPUPV_TEST_32:-}" ] || sandbox32_add_paravirtual gpu
sandbox_validate "$validation"
sandbox_start_service
sandbox_make_guest timeout
# Not at their own paths: the guest has a /tmp of its own, where the build folder may lie.
mkdir -p "$sandbox/guest/opt"
guard=${GPUPV_TEST_GUARD:-enforce}
if [ "$guard" = strict ]; then
  # That it does find something.
  sandbox_guest_libraries_of "$sandbox_build/tests/e2e/survivor"
  cp "$sandbox_build/tests/e2e/survivor" "$sandbox/guest/opt/"
  sandbox_guest env GPUPV_GUARD=strict timeout 30 /opt/survivor leak lost 2> "$sandbox/leak.err" ||
    { cat "$sandbox/leak.err" >&2; fail "the guard finds nothing"; }
  expect 'the command [0-9]+ of [0-9]+ bytes has, at offset [0-9]+, an address of this process' \
    "$sandbox/leak.err"
  sandbox_guest timeout 30 /opt/survivor leak kept || fail "what the guard would find does not cross"
fi
for name in "${names[@]}"; do
  [ -n "${GPUPV_TEST_32:-}" ] || sandbox_guest_libraries_of "$programs/vk_$name"
  cp "$guest_programs/vk_$name" "$sandbox/guest/opt/"
done
if [ -n "${GPUPV_TEST_32:-}" ]; then
  sandbox32_make_guest "${names[@]/#/$guest_programs/vk_}"
fi

failed=0
for name in "${names[@]}"; do
  program=$programs/vk_$name
  native=$sandbox/$name.native guest=$sandbox/$name.guest
  # absurd.c breaks the rules on purpose: what the layer says of it shows that it is there.
  if [ "$name" = absurd ] && [ "$validation" = guest ]; then
    sandbox_guest env "${sandbox_layer[@]}" /opt/vk_absurd > "$guest" 2>&1 || true
    expect 'Validation Error' "$guest"
  fi
  [ "$name" != absurd ] || [ -z "$validation" ] || continue
  native_status=0 status=0
  env "${sandbox_layer[@]}" VK_DRIVER_FILES="$icd" "$program" "$@" > "$native" 2> "$native.err" || native_status=$?
  [ "$native_status" -eq 0 ] ||
    { cat "$native" "$native.err" >&2; fail "$name: status $native_status on the host's own driver"; }
  sandbox_guest env "${sandbox_layer[@]}" "GPUPV_GUARD=$guard" GPUPV_STRICT=1 GPUPV_TEST_STRICT=1 timeout "${GPUPV_TEST_TIMEOUT:-120}" \
    "/opt/vk_$name" "$@" > "$guest" 2> "$guest.err" || status=$?
  sandbox_windows_alone "$native" "$guest"
  if [ "$status" -eq 0 ] && cmp -s "$native" "$guest"; then
    echo "$name: $(grep -c ' ok ' "$guest") cases are the same, $(grep -c ' skipped ' "$guest" || true) skipped"
    continue
  fi
  failed=$((failed + 1))
  echo "$name: status $status in the guest; what differs (< host's driver, > guest):"
  diff "$native" "$guest" || true
  tail -n 20 "$guest.err"
done

if [ "$validation" = worker ]; then
  # Vulkan has no image whose first layout is PREINITIALIZED for imported memory, and a host whose memory
  # is all mapped for the guest has no other to bind it to.
  # The layer takes an image that is bound to a swapchain's for another one with a layout of its own.
  grep -v -e 'VUID-VkBindImageMemoryInfo-memory-02729' \
    -e 'InvalidImageLayout.*TRANSFER_SRC_OPTIMAL--instead, current layout is VK_IMAGE_LAYOUT_UNDEFINED' \
    "$sandbox/gpupvd.log" > "$sandbox/said" || true
  refuse 'VUID-|Validation Error|UNASSIGNED-' "$sandbox/said"
fi
[ "$failed" -eq 0 ] || fail "$failed of ${#names[@]} programs differ"
echo "all as it should be"
