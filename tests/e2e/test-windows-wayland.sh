#!/bin/bash
# SPDX-License-Identifier: MIT
# A Vulkan program of the tests' own (tests/windows/wayland.c) in a guest: what reaches the compositor is
# what the host's driver shows; and what Wayland makes hard: hidden windows, several threads, retired
# swapchains.
# Usage: test-windows-wayland.sh BUILD      (variables: see window.sh)
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
. "$here/window.sh"
window_begin "$1"
program=$sandbox_build/tests/windows/wayland
sandbox_guest_program "$program"

run() { # NAME [OPTION…] -- COMMAND…
  local name=$1
  window_wl "$@"
  window_ok "$name"
  window_frames "$name" > "$sandbox/$name.frames"
}

same() { # NAME OTHER
  cmp -s "$sandbox/$1.frames" "$sandbox/$2.frames" || {
    diff "$sandbox/$1.frames" "$sandbox/$2.frames" >&2 || true
    fail "$2: not the frames of the host's driver"
  }
  echo "$2: $(wc -l < "$sandbox/$2.frames") frames are the same"
}

echo "== frames"
run native-frames -- native "$program" frames
for mode in fifo mailbox; do
  run "frames-$mode" -- guest /opt/wayland frames "$mode"
  same native-frames "frames-$mode"
  # Lavapipe's own window system does not survive this.
  run "retired-$mode" -- guest /opt/wayland retired "$mode"
  [ "$(wc -l < "$sandbox/retired-$mode.frames")" -ge 3 ] || fail "retired-$mode: frames are missing"
done
run slow --refresh 7 --hold 2 -- guest /opt/wayland frames fifo
same native-frames slow

echo "== two windows of two threads"
run native-threads -- native "$program" threads
sort -o "$sandbox/native-threads.frames" "$sandbox/native-threads.frames"
for mode in fifo mailbox; do
  run "threads-$mode" --refresh 2 -- guest /opt/wayland threads "$mode"
  sort -o "$sandbox/threads-$mode.frames" "$sandbox/threads-$mode.frames"
  same native-threads "threads-$mode"
done

echo "== presentations that are waited for"
for mode in fifo mailbox; do
  run "ids-$mode" --refresh 5 -- guest /opt/wayland ids "$mode"
done

echo "== a window that nobody sees"
window_timeout=40
for mode in fifo mailbox; do
  run "hidden-$mode" --at 10 pause 60000 -- guest /opt/wayland hidden "$mode"
done
echo "== a guest whose adapters are not paired with its display"
printf '%s\n' 'gpupv registry 1' '[HKLM\SYSTEM\CurrentControlSet\Control\GraphicsDrivers]' \
  '"GpuVirtualizationFlags" = dword:0' > "$sandbox/guest/etc/unpaired.hive"
window_wl unpaired -- guest env GPUPV_GUEST_HIVE=/etc/unpaired.hive /opt/wayland frames
[ "$window_status" -eq 1 ] || { window_say unpaired; fail "unpaired: status $window_status"; }
expect 'cannot present on the display' "$sandbox/unpaired.out"
window_no_leaks
echo "all as it should be"
