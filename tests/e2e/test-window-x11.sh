#!/bin/bash
# SPDX-License-Identifier: MIT
# vkcube in windows of an X server, in a guest: the same frames as on the host's driver, also after the window
# was resized, hidden, or taken away; and what remains when worker or X server are killed under it.
# Usage: test-window-x11.sh BUILD      (variables: see window.sh)
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
. "$here/window.sh"
window_begin "$1" vkcube vkcubepp
sandbox_guest_program "$window_tools/xlib_frames"
sandbox_start_display 800x700

# What frame number N looks like, from a run that misses none: a compositor gets every frame. A list a size.
count=250
echo "== native frames"
window_native_frames "$count"

# A program that ends may take the last frames with it that it has presented, as on the host's driver.
expect_frame() { # NAME NUMBER
  local digest=$(window_digest "$1")
  local size=${digest% *} first=$(($2 - 3))
  [ -f "$sandbox/$size" ] && sed -n "${first},${2}p" "$sandbox/$size" | grep -qxF "$digest" ||
    { window_say "$1"; fail "$1: the last picture '$digest' is none of the frames $first to $2"; }
}
window_x native-x11 -- native vkcube --c 60 --present_mode 0
expect_frame native-x11 60

echo "== frames"
for mode in 0 1 2 3; do
  for frames in 6 24; do
    window_x "mode$mode-$frames" -- guest vkcube --c "$frames" --present_mode "$mode"
    window_ok "mode$mode-$frames"
    expect_frame "mode$mode-$frames" "$frames"
  done
done
window_x cubepp -- guest vkcubepp --c 60 --present_mode 0
window_ok cubepp
expect_frame cubepp 60
window_x staging -- guest vkcube --use_staging --incremental_present --c 60 --present_mode 0
window_ok staging
expect_frame staging 60

# Debian's vkcube knows XCB alone.
for frames in 21 22 23 24; do
  window_x native-xlib -- native "$window_tools/xlib_frames" "$frames"
  window_digest native-xlib >> "$sandbox/320x200"
done
for windows in 1 2; do
  window_x xlib -- guest /opt/xlib_frames 24 "$windows"
  window_ok xlib
  grep -qxF "$(window_digest xlib)" "$sandbox/320x200" ||
    { window_say xlib; fail "xlib_frames: the last picture is none of the last frames"; }
done

window_no_leaks

echo "== resized, hidden and shown again"
window_x resized --at 10 resize 300x200 -- guest vkcube --c "$count" --present_mode 0
window_ok resized
expect_frame resized "$count"
[ "$(window_digest resized | cut -d' ' -f1)" = 300x200 ] || fail "the window was not resized"
window_x resized-often --at 5 resize 640x480 --at 10 resize 1x1 --at 20 resize 700x90 --at 40 resize 500x500 \
  -- guest vkcube --c "$count" --present_mode 0
window_ok resized-often
expect_frame resized-often "$count"
window_x hidden --at 10 hide 100 -- guest vkcube --c 90 --present_mode 2
window_ok hidden
expect_frame hidden 90

echo "== other ways to the window"
plain_options=$SANDBOX_GUEST_OPTIONS
for images in direct copy; do
  for server in '' '-extension MIT-SHM'; do
    [ "$images$server" != direct ] || continue # as above
    sandbox_stop_display
    sandbox_start_display 800x700 $server
    SANDBOX_GUEST_OPTIONS="$plain_options --setenv GPUPV_WINDOW_IMAGES $images"
    for mode in 0 2; do
      window_x ways -- guest vkcube --c 24 --present_mode "$mode"
      window_ok ways
      expect_frame ways 24
    done
    window_x ways --at 10 resize 300x200 -- guest vkcube --c "$count" --present_mode 0
    window_ok ways
    expect_frame ways "$count"
  done
done
SANDBOX_GUEST_OPTIONS=$plain_options
sandbox_stop_display
sandbox_start_display 800x700
window_no_leaks

# Long enough for what hangs to be seen.
[ "${GPUPV_TEST_DRIVER:-}" = complete ] && window_timeout=4 || window_timeout=20

echo "== the window is destroyed"
window_x destroyed --at 10 destroy -- guest vkcube --c 100000 --present_mode 0
window_broken destroyed

if [ "${GPUPV_TEST_DRIVER:-}" != complete ]; then
  echo "== the worker is killed"
  for mode in 0 2; do
    window_worker_killed window_x vkcube --c 100000 --present_mode "$mode"
  done
  window_x after -- guest vkcube --c 24 --present_mode 0
  window_ok after
  expect_frame after 24
fi

echo "== the X server is killed"
for mode in 0 2; do
  window_display_killed killed-server guest vkcube --c 100000 --present_mode "$mode"
  sandbox_start_display 800x700
done
window_x afterwards -- guest vkcube --c 24 --present_mode 0
window_ok afterwards
expect_frame afterwards 24
window_no_leaks
kill -0 "$sandbox_service_pid" || fail "the service is gone"
echo "all as it should be"
