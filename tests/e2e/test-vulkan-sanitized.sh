#!/bin/bash
# SPDX-License-Identifier: MIT
# The headless Vulkan programs through the paravirtual UMD, and that with windows on X11, all in a build
# with sanitizers: program, shim, UMD, service and worker. They print what they print on the host's
# driver, and the sanitizers find nothing in what is gpupv's.
# Usage: test-vulkan-sanitized.sh BUILD [PROGRAM...]
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
. "$here/sanitized.sh"
sandbox_begin "$1"
shift
unset VK_INSTANCE_LAYERS VK_ICD_FILENAMES DISPLAY WAYLAND_DISPLAY
programs=$sandbox_build/tests/vulkan
if [ $# -gt 0 ]; then
  names=("$@")
else
  mapfile -t names < <(cd "$programs" && ls vk_* | sed -n 's/^vk_\([a-z]*\)$/\1/p')
  names+=(windows)
fi
sanitized_is_build || { echo "$sandbox_build is a build without sanitizers: skipped"; exit 77; }

sanitized_begin
icd=$sandbox_icd
sandbox_add_paravirtual gpu "$icd"
sandbox_start_service

failed=0
# It compares what it sees by itself.
windows() { # [VARIABLE=VALUE…]
  local status=0
  sandbox_guest env GPUPV_STRICT=1 "$@" \
    timeout "${GPUPV_TEST_TIMEOUT:-200}" "$sandbox_build/tests/windows/windows" \
    > "$sandbox/guest" 2> "$sandbox/guest.err" || status=$?
  if [ "$status" -eq 0 ] && ! grep -qE "$sanitized_findings" "$sandbox/guest.err"; then
    echo "windows: $(grep -c ': done$' "$sandbox/guest") cases"
    return
  fi
  failed=$((failed + 1))
  cat "$sandbox/guest"
  head -n 60 "$sandbox/guest.err"
}

for name in "${names[@]}"; do
  if [ "$name" = windows ]; then
    sandbox_start_display
    windows
    windows GPUPV_WINDOW_IMAGES=copy
    continue
  fi
  native=$sandbox/$name.native guest=$sandbox/$name.guest native_status=0 status=0
  VK_DRIVER_FILES=$icd "$programs/vk_$name" > "$native" 2> "$native.err" || native_status=$?
  [ "$native_status" -eq 0 ] ||
    { cat "$native" "$native.err" >&2; fail "$name: status $native_status on the host's own driver"; }
  sandbox_guest env GPUPV_STRICT=1 \
    timeout "${GPUPV_TEST_TIMEOUT:-200}" "$programs/vk_$name" > "$guest" 2> "$guest.err" || status=$?
  sandbox_windows_alone "$native" "$guest"
  if [ "$status" -eq 0 ] && cmp -s "$native" "$guest" && ! grep -qE "$sanitized_findings" "$guest.err"; then
    echo "$name: $(grep -c ' ok ' "$guest") cases"
    continue
  fi
  failed=$((failed + 1))
  echo "$name: status $status in the guest; what differs (< host's driver, > guest):"
  diff "$native" "$guest" || true
  head -n 60 "$guest.err"
done
[ "$failed" -eq 0 ] || fail "$failed of ${#names[@]} programs"

sandbox_stop_service
sanitized_end
echo "all as it should be"
