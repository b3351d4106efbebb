#!/bin/bash
# SPDX-License-Identifier: MIT
# Direct3D 12 in a guest, by vkd3d on Vulkan: the demos that Debian ships show the same as on the host's driver.
# Usage: test-vkd3d.sh BUILD      (variables: see window.sh)
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
. "$here/window.sh"
window_begin "$1" vkd3d-triangle vkd3d-gears
sandbox_start_display 800x700

for program in vkd3d-triangle vkd3d-gears; do
  window_x "native-$program" --settle 1500 -- native env "LD_PRELOAD=$window_tools/frame_clock.so" "$program"
  window_x "$program" --settle 1500 -- guest env LD_PRELOAD=/opt/frame_clock.so "$program"
  there=$(window_digest "native-$program") here=$(window_digest "$program")
  [ -n "$there" ] || { window_say "native-$program"; fail "$program: there is no picture on the host"; }
  [ "$there" = "$here" ] || { window_say "$program"; fail "$program: the picture is '$here', on the host '$there'"; }
  echo "$program: $here"
done
if [ "${GPUPV_TEST_DRIVER:-}" != complete ]; then
  grep -q 'worker [0-9]* serves' "$sandbox/gpupvd.log" || fail "no worker has served"
fi
window_no_leaks
echo "all as it should be"
