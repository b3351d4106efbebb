#!/bin/bash
# SPDX-License-Identifier: MIT
# vkcube on Wayland, in a guest: every frame that reaches the compositor is the one that the host's driver
# draws, also when the compositor holds buffers back, pauses, or asks for another size; and what remains
# when it, or the worker, goes away. In Weston, too.
# Usage: test-window-wayland.sh BUILD      (variables: see window.sh)
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
. "$here/window.sh"
window_begin "$1" vkcube-wayland

count=120
echo "== native frames"
window_native_frames "$count"

# Frame for frame. The last may be missing: what is on its way when a swapchain ends need not arrive.
expect_frames() { # NAME COUNT
  local got=$sandbox/$1.frames size digest number=0
  window_frames "$1" > "$got"
  [ "$(wc -l < "$got")" -ge $(($2 - 3)) ] ||
    { window_say "$1"; fail "$1: only $(wc -l < "$got") of $2 frames"; }
  while read -r size digest; do
    number=$((number + 1))
    [ "$(sed -n "${number}p" "$sandbox/$size")" = "$size $digest" ] ||
      { window_say "$1"; fail "$1: frame $number ($size $digest) is not the native one"; }
  done < "$got"
  echo "$1: $number frames are the same"
}

echo "== frames"
for mode in 1 2; do
  window_wl "mode$mode" -- guest vkcube-wayland --c "$count" --present_mode "$mode"
  window_ok "mode$mode"
  expect_frames "mode$mode" "$count"
done
window_wl held --hold 2 --refresh 5 -- guest vkcube-wayland --c 60 --present_mode 2
window_ok held
expect_frames held 60
window_wl released --hold 0 --refresh 3 -- guest vkcube-wayland --c 60 --present_mode 2
window_ok released
expect_frames released 60

plain_options=$SANDBOX_GUEST_OPTIONS
SANDBOX_GUEST_OPTIONS+=" --setenv GPUPV_WINDOW_IMAGES copy"
window_wl copied --hold 2 -- guest vkcube-wayland --c 60 --present_mode 2
window_ok copied
expect_frames copied 60
SANDBOX_GUEST_OPTIONS=$plain_options

echo "== resized and paused"
window_wl resized --at 40 resize 300x200 -- guest vkcube-wayland --c "$count" --present_mode 2
window_ok resized
expect_frames resized "$count"
[ "$(tail -n 1 "$sandbox/resized.frames" | cut -d' ' -f1)" = 300x200 ] || fail "the window was not resized"
window_wl paused --at 20 pause 500 -- guest vkcube-wayland --c 60 --present_mode 2
window_ok paused
expect_frames paused 60
window_no_leaks

# Long enough for what hangs to be seen.
[ "${GPUPV_TEST_DRIVER:-}" = complete ] && window_timeout=4 || window_timeout=20

echo "== the connection breaks"
for action in error drop exit; do
  for mode in 1 2; do
    window_wl "$action" --at 10 "$action" -- guest vkcube-wayland --c 100000 --present_mode "$mode"
    window_broken "$action"
  done
done

if [ "${GPUPV_TEST_DRIVER:-}" != complete ]; then
  echo "== the worker is killed"
  for mode in 1 2; do
    window_worker_killed window_wl vkcube-wayland --c 100000 --present_mode "$mode"
  done
fi

echo "== Weston"
in_weston() {
  local WAYLAND_DISPLAY=$sandbox/wayland/wayland-0
  guest "$@"
}
sandbox_start_weston 800x700
for mode in 1 2; do
  in_weston vkcube-wayland --c 60 --present_mode "$mode" > "$sandbox/weston.out" 2>&1 ||
    { cat "$sandbox/weston.out" >&2; fail "vkcube in Weston"; }
done
for mode in 1 2; do
  window_display_killed killed-weston in_weston vkcube-wayland --c 100000 --present_mode "$mode"
  sandbox_start_weston 800x700
done
in_weston vkcube-wayland --c 20 > "$sandbox/weston.out" 2>&1 ||
  { cat "$sandbox/weston.out" >&2; fail "vkcube in another Weston"; }
sandbox_stop_display
window_wl afterwards -- guest vkcube-wayland --c 24
window_ok afterwards
expect_frames afterwards 24
window_no_leaks
kill -0 "$sandbox_service_pid" || fail "the service is gone"
echo "all as it should be"
