#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest process that breaks the rules of streams in every way (hostile.c): each time its stream is
# lost, and the service's log says why in one line. Another guest process, which renders meanwhile,
# gets what it gets without it; afterwards no worker and no memory are left of either.
# In a build with sanitizers these must find nothing.
# Usage: test-hostile.sh BUILD [CASE...]
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
. "$here/sanitized.sh"
sandbox_begin "$1"
shift
unset VK_INSTANCE_LAYERS VK_ICD_FILENAMES DISPLAY WAYLAND_DISPLAY
transfer=$sandbox_build/tests/vulkan/vk_transfer
hostile=("$sandbox_build/tests/e2e/hostile")

if sanitized_is_build; then sanitized_begin; fi
icd=$sandbox_icd
sandbox_add_paravirtual gpu "$icd"
sandbox_start_service
VK_DRIVER_FILES=$icd "$transfer" > "$sandbox/native"
if ! sanitized_is_build; then
  sandbox_make_guest timeout
  sandbox_guest_program "$transfer"
  sandbox_guest_program "${hostile[0]}"
  transfer=/opt/vk_transfer
  hostile=(env "LD_LIBRARY_PATH=$gpupv_libdir" /opt/hostile)
fi

# Renders again and again until the file is there; every time must be the same.
render() {
  local times=0
  until [ -e "$sandbox/done" ] && [ "$times" -gt 0 ]; do
    sandbox_guest env GPUPV_STRICT=1 timeout 100 "$transfer" > "$sandbox/guest.out" 2> "$sandbox/guest.err" ||
      { echo "status $?"; cat "$sandbox/guest.err"; return 1; }
    diff "$sandbox/native" "$sandbox/guest.out" || return 1
    times=$((times + 1))
  done
  echo "$times times the same"
}

echo "== a hostile process beside one that renders"
render > "$sandbox/render" 2>&1 &
renderer=$!
status=0
sandbox_guest timeout 200 "${hostile[@]}" "$@" > "$sandbox/hostile" 2> "$sandbox/hostile.err" || status=$?
touch "$sandbox/done"
rendered=0
wait "$renderer" || rendered=$?
cat "$sandbox/render"
[ "$rendered" -eq 0 ] || fail "the process that renders was disturbed"
[ "$status" -eq 0 ] || { cat "$sandbox/hostile" "$sandbox/hostile.err" >&2; fail "status $status of the hostile process"; }
kill -0 "$sandbox_service_pid" || fail "the service is gone"

echo "== what the log says of $(wc -l < "$sandbox/hostile") cases"
while read -r name queue pattern; do
  lines=$(grep -cE "the stream $queue is lost: " "$sandbox/gpupvd.log" || true)
  if [ "$pattern" = - ]; then
    [ "$lines" -le 1 ] || fail "$name: $lines lines in the log"
  else
    [ "$lines" -eq 1 ] || { cat "$sandbox/gpupvd.log" >&2; fail "$name ($queue): $lines lines in the log"; }
    expect "the stream $queue is lost: .*$pattern" "$sandbox/gpupvd.log"
  fi
done < "$sandbox/hostile"
# Its worker refuses; it does not fall.
refuse 'worker [0-9]+ of .* is lost|crashed|stopped by its sandbox|lines are left out' "$sandbox/gpupvd.log"

echo "== what is left"
# The service keeps one warm worker ready.
for tries in $(seq 100); do
  workers=$(ps -o comm= --ppid "$sandbox_service_pid" | grep -c gpupv-worker || true)
  [ "$workers" -le 1 ] && break
  sleep 0.1
done
[ "$workers" -le 1 ] || fail "$workers workers are left"
sandbox_guest env GPUPV_STRICT=1 "$transfer" > "$sandbox/guest.out"
cmp "$sandbox/native" "$sandbox/guest.out"
sandbox_stop_service || fail "the service ended with status $?"
if sanitized_is_build; then
  sanitized_end
  refuse "$sanitized_findings" "$sandbox/hostile.err"
  refuse "$sanitized_findings" "$sandbox/guest.err"
fi
echo "all as it should be"
