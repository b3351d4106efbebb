#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest without a driver: it finds the host's through the service, and vkcube draws with it.
# Usage: test-guest.sh BUILD
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
sandbox_begin "$1"

icd=$sandbox_lavapipe
sandbox_add_driver gpu "$icd" > /dev/null
package=$(ls "$sandbox/var/DriverStore/FileRepository")
sandbox_start_service
sandbox_make_guest vulkaninfo vkcube
out=$sandbox/out

echo "== nothing of the host is in the guest"
for path in /usr/share/vulkan /etc/gpupv "$(realpath "$sandbox/var")" \
  "$(realpath "$(ls /usr/lib/*/libvulkan_lvp.so | head -n 1)")"; do
  ! sandbox_guest ls "$path" > /dev/null 2>&1 || fail "the guest sees $path"
done
! sandbox_guest sh -c "echo x > $sandbox_guest_store/FileRepository/x" 2> /dev/null || fail "the store is writable"

echo "== gpupv"
sandbox_guest gpupv info > "$out" || fail "gpupv info: status $?"
expect "llvmpipe" "$out"
expect "$sandbox_guest_store/FileRepository/$package" "$out"
refuse "$sandbox/var" "$out"
sandbox_guest gpupv info --json | /usr/bin/python3 -m json.tool > "$out" || fail "info --json"
sandbox_guest gpupv reg query --adapter --translate VulkanDriverName > "$out" || fail "reg query"
expect "REG_(MULTI_)?SZ +$sandbox_guest_store/FileRepository/$package/.*json" "$out"
sandbox_guest gpupv doctor > "$out" || { cat "$out" >&2; fail "doctor found something"; }

echo "== vulkaninfo"
sandbox_guest vulkaninfo --summary > "$out" 2>&1 || { cat "$out" >&2; fail "vulkaninfo"; }
expect "deviceName += llvmpipe" "$out"
VK_ICD_FILENAMES=$icd vulkaninfo --summary 2> /dev/null | grep -E 'deviceUUID|driverVersion|apiVersion' > "$sandbox/native"
while read -r line; do grep -qF -- "$line" "$out" || fail "the guest's vulkaninfo lacks: $line"; done \
  < "$sandbox/native"

echo "== vkcube"
sandbox_start_display 700x700
sandbox_guest vkcube --c 100000 > "$sandbox/vkcube.log" 2>&1 &
cube=$!
drawn=
for tries in $(seq 100); do
  kill -0 "$cube" 2> /dev/null || break
  sandbox_picture "$sandbox/shot.png"
  # The window is 500x500 at 100,100: a grey ground, and the cube in the middle.
  colours=$(/usr/bin/convert "$sandbox/shot.png" -crop 200x200+250+250 -format %k info:)
  ground=$(/usr/bin/convert "$sandbox/shot.png" -format '%[pixel:p{110,110}]' info:)
  if [ "$colours" -gt 64 ] && [ "$ground" = "srgb(51,51,51)" ]; then
    drawn=1
    break
  fi
  sleep 0.1
done
kill -9 "$cube" 2> /dev/null || true
wait "$cube" 2> /dev/null || true
[ -n "$drawn" ] || { cat "$sandbox/vkcube.log" >&2; fail "no cube: $colours colours, ground $ground"; }
sandbox_guest vkcube --c 50 > "$sandbox/vkcube.log" 2>&1 || { cat "$sandbox/vkcube.log" >&2; fail "vkcube --c 50"; }

echo "== not paired with the display"
key='HKLM\SYSTEM\CurrentControlSet\Control\GraphicsDrivers'
hive=$(sandbox_guest gpupv info --json |
  /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["pairing"]["registry"])')
GPUPV_GUEST_HIVE=$sandbox/guest$hive "$sandbox_gpupv" guest reg add "$key" GpuVirtualizationFlags \
  --type REG_DWORD --data 7 > /dev/null || fail "guest reg add"
sandbox_guest gpupv guest reg query "$key" > "$out" || fail "guest reg query"
expect "GpuVirtualizationFlags +REG_DWORD +0x7" "$out"
sandbox_guest gpupv info > "$out"
expect "Pairing with display: +off" "$out"
sandbox_guest gpupv doctor > "$out" || { cat "$out" >&2; fail "doctor finds fault with no pairing"; }
expect "pairing +ok +off" "$out"
sandbox_guest vkcube --c 50 > "$out" 2>&1 && fail "vkcube draws without pairing"
expect "present queue" "$out"
sandbox_guest vulkaninfo --summary > "$out" 2>&1 || { cat "$out" >&2; fail "vulkaninfo without pairing"; }
expect "deviceName += llvmpipe" "$out"
rm "$sandbox/guest$hive"

echo "== an altered package is not loaded"
chmod -R u+w "$sandbox/var/DriverStore"
library=$(ls "$sandbox/var/DriverStore/FileRepository/$package/"*.so*)
cp "$library" "$sandbox/library"
printf x >> "$library"
sandbox_guest vulkaninfo --summary > "$out" 2>&1 && fail "vulkaninfo found a device"
expect "$(basename "$library")" "$out"
sandbox_guest gpupv doctor > "$out" && fail "doctor saw nothing"
expect "$(basename "$library")" "$out"
cp "$sandbox/library" "$library"
sandbox_guest vulkaninfo --summary > /dev/null 2>&1 || fail "the restored package is refused"

echo "== no service"
sandbox_stop_service || fail "gpupvd ended with status $?"
sandbox_service_pid=
touch "$sandbox_socket" # the guest's mount needs a file; nobody listens
sandbox_guest vulkaninfo --summary > "$out" 2>&1 && fail "vulkaninfo found a device without a host"
[ "$(grep -c 'gpupv\[' "$out")" -eq 1 ] || { cat "$out" >&2; fail "not one message"; }
status=0
sandbox_guest gpupv info > "$out" 2>&1 || status=$?
[ "$status" -eq 3 ] || { cat "$out" >&2; fail "gpupv info: status $status, not 3"; }
rm -f "$sandbox_socket"
echo "all as it should be"
