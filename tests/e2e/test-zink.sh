#!/bin/bash
# SPDX-License-Identifier: MIT
# OpenGL in a guest, by Mesa's Zink on Vulkan: glxinfo, glxgears and es2gears in windows, and scenes that are
# read back, show the same as Zink on the host's driver.
# Usage: test-zink.sh BUILD      (variables: see window.sh)
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
. "$here/window.sh"
window_begin "$1" vulkaninfo glxinfo glxgears es2gears_x11
sandbox_guest_program "$sandbox_build/tests/e2e/window/gl_scenes"
window_guest_opengl
sandbox_start_display 800x700

zink="MESA_LOADER_DRIVER_OVERRIDE=zink LIBGL_ALWAYS_SOFTWARE=1"
native_gl() { native env $zink "$@"; }
guest_gl() { guest env $zink "$@"; }

echo "== glxinfo"
native_gl glxinfo > "$sandbox/native-glxinfo" 2>&1 || { cat "$sandbox/native-glxinfo"; fail "glxinfo on the host"; }
guest_gl glxinfo > "$sandbox/glxinfo" 2>&1 || { cat "$sandbox/glxinfo"; fail "glxinfo in the guest"; }
adapter=$(guest vulkaninfo --summary 2> /dev/null | sed -n 's/^[[:space:]]*deviceName *= //p' | head -n 1)
[ -n "$adapter" ] || fail "vulkaninfo names no adapter"
renderer=$(sed -n 's/^OpenGL renderer string: //p' "$sandbox/glxinfo")
[ "$renderer" = "zink ($adapter)" ] || fail "the renderer is '$renderer', not zink on '$adapter'"
echo "$renderer"
if [ "${GPUPV_TEST_DRIVER:-}" != complete ]; then
  grep -q 'worker [0-9]* serves' "$sandbox/gpupvd.log" || fail "no worker has served"
fi
# Versions, limits and extensions, word by word. The paravirtual driver gives no memory away as a descriptor,
# so Zink has no EXT_memory_object.
words() { tr -s ', ' '\n\n' < "$1" | grep -vx 'GL_EXT_memory_object\(_fd\)\?'; }
diff <(words "$sandbox/native-glxinfo") <(words "$sandbox/glxinfo") ||
  fail "glxinfo says something else than on the host (<)"

echo "== gears"
expect_same() { # NAME: what window_x saw natively (native-NAME) and in the guest
  local there=$(window_digest "native-$1") here=$(window_digest "$1")
  [ -n "$there" ] || { window_say "native-$1"; fail "$1: there is no picture on the host"; }
  [ "$there" = "$here" ] || { window_say "$1"; fail "$1: the picture is '$here', on the host '$there'"; }
  echo "$1: $here"
}
for program in glxgears es2gears_x11; do
  window_x "native-$program" --settle 1500 -- native_gl env "LD_PRELOAD=$window_tools/frame_clock.so" "$program"
  window_x "$program" --settle 1500 -- guest_gl env LD_PRELOAD=/opt/frame_clock.so "$program"
  expect_same "$program"
done
window_x native-resized --at 20 resize 450x350 --settle 1500 -- \
  native_gl env "LD_PRELOAD=$window_tools/frame_clock.so" glxgears
window_x resized --at 20 resize 450x350 --settle 1500 -- guest_gl env LD_PRELOAD=/opt/frame_clock.so glxgears
expect_same resized

echo "== scenes"
native_gl "$window_tools/gl_scenes" > "$sandbox/native-scenes" 2> "$sandbox/native-scenes.err" ||
  { cat "$sandbox/native-scenes.err" >&2; fail "gl_scenes on the host"; }
guest_gl /opt/gl_scenes > "$sandbox/scenes" 2> "$sandbox/scenes.err" ||
  { cat "$sandbox/scenes.err" >&2; fail "gl_scenes in the guest"; }
refuse ' plain$' "$sandbox/native-scenes"
sed -i '/^renderer/d' "$sandbox/native-scenes" "$sandbox/scenes"
diff "$sandbox/native-scenes" "$sandbox/scenes" || fail "scenes differ (< host, > guest)"
echo "$(wc -l < "$sandbox/scenes") scenes are the same"
window_no_leaks
echo "all as it should be"
