#!/bin/bash
# SPDX-License-Identifier: MIT
# A program with windows on X11 (tests/windows), which looks at what its windows show, in a guest through
# the paravirtual UMD. What it prints on the host's driver it prints in the guest, too.
# Usage: test-windows.sh BUILD
#   GPUPV_TEST_APERTURE=no        see sandbox.sh; then, and with any of the others, the program runs once
#   GPUPV_TEST_VALIDATION=worker  the worker runs with the validation layer; what it says is a failure
#   GPUPV_TEST_VALIDATION=guest   the program runs with it, here and on the host
#   GPUPV_TEST_32=SOURCE          a 32-bit program in the guest; see sandbox32.sh
#   GPUPV_TEST_X=tcp              the X server is reached by TCP
set -euo pipefail
here=$(dirname "$(realpath "$0")")
if [ "${GPUPV_TEST_X:-}" = tcp ] && [ -z "${GPUPV_TEST_INSIDE:-}" ]; then
  # Nobody else is to reach that server: a network of its own. There it finds every display's number free, and
  # would take the sockets of the other servers of this machine.
  mkdir -p -m 1777 /tmp/.X11-unix
  GPUPV_TEST_INSIDE=1 exec bwrap --dev-bind / / --unshare-net --perms 1777 --tmpfs /tmp/.X11-unix \
    --die-with-parent -- bash "$0" "$@"
fi
. "$here/sandbox.sh"
. "$here/sandbox32.sh"
sandbox_begin "$1"
unset VK_INSTANCE_LAYERS VK_ICD_FILENAMES DISPLAY WAYLAND_DISPLAY
program=$sandbox_build/tests/windows/windows
guest_program=$program
validation=${GPUPV_TEST_VALIDATION:-}
icd=$sandbox_icd
sandbox_add_paravirtual gpu "$icd"
if [ -n "${GPUPV_TEST_32:-}" ]; then
  sandbox32_build "$GPUPV_TEST_32"
  guest_program=$sandbox32_build/tests/windows/windows
  sandbox32_add_paravirtual gpu
fi
sandbox_validate "$validation"
sandbox_start_service
sandbox_make_guest timeout
sandbox_guest_program "$program"
if [ -n "${GPUPV_TEST_32:-}" ]; then
  cp "$guest_program" "$sandbox/guest/opt/"
  sandbox32_make_guest "$guest_program"
fi

# What the program prints on the host's own driver; what the layer says there.
native() {
  env "${sandbox_layer[@]}" VK_DRIVER_FILES="$icd" timeout 200 "$program" --native > "$sandbox/native" 2> "$sandbox/native.err" ||
    { cat "$sandbox/native" "$sandbox/native.err" >&2; fail "the program on the host's own driver"; }
}
messages() { { grep -ohE '\[ (VUID|UNASSIGNED)[^ ]* \]' "$@" || true; } | sort -u; }

guest() { # NAME VARIABLE=VALUE…
  local name=$1 status=0 line start=$SECONDS
  shift
  sandbox_guest env "${sandbox_layer[@]}" GPUPV_STRICT=1 "$@" timeout "${GPUPV_TEST_TIMEOUT:-200}" /opt/windows \
    > "$sandbox/guest.out" 2> "$sandbox/guest.err" || status=$?
  [ "$status" -eq 0 ] ||
    { cat "$sandbox/guest.out"; tail -n 20 "$sandbox/guest.err"; fail "$name: status $status"; }
  while read -r line; do
    grep -Fx -- "$line" "$sandbox/guest.out" > /dev/null || fail "$name: the program does not print '$line'"
  done < <(grep -v '^VUID\|^ *Objects:\|^ *\[' "$sandbox/native")
  refuse 'GPUPV|umd.*(error|warning):' "$sandbox/guest.err"
  echo "$name: $(grep -c ': done$' "$sandbox/guest.out") cases, $((SECONDS - start)) s"
}

if [ "${GPUPV_TEST_X:-}" = tcp ]; then
  SANDBOX_X_OPTIONS='-listen tcp' sandbox_start_display
  SANDBOX_GUEST_NETWORK=host
  DISPLAY=127.0.0.1$DISPLAY
else
  sandbox_start_display
fi
native
if [ -n "${GPUPV_TEST_APERTURE:-}${GPUPV_TEST_32:-}${GPUPV_TEST_X:-}$validation" ]; then
  guest "as asked"
  if [ "$validation" = guest ]; then
    messages "$sandbox/native" "$sandbox/native.err" > "$sandbox/native.said"
    messages "$sandbox/guest.out" "$sandbox/guest.err" > "$sandbox/guest.said"
    # The case `retired` breaks one rule on purpose, which shows that the layer is there.
    expect 'VUID-vkAcquireNextImageKHR-swapchain-01285' "$sandbox/guest.said"
    comm -13 "$sandbox/native.said" "$sandbox/guest.said" |
      grep -v 'VUID-vkAcquireNextImageKHR-swapchain-01285' > "$sandbox/new" || true
    [ ! -s "$sandbox/new" ] || { cat "$sandbox/guest.out" | head -n 40; cat "$sandbox/new"; fail "the validation layer in the guest says more"; }
  elif [ "$validation" = worker ]; then
    grep -v 'VUID-VkBindImageMemoryInfo-memory-02729' "$sandbox/gpupvd.log" > "$sandbox/said" || true
    refuse 'VUID-|Validation Error|UNASSIGNED-' "$sandbox/said"
  fi
  echo "all as it should be"
  exit 0
fi

guest "images that the window reads"
guest "images that are copied" GPUPV_WINDOW_IMAGES=copy
guest "streams are searched" GPUPV_GUARD=strict

echo "== programs that end without a word"
sandbox_guest env GPUPV_STRICT=1 timeout 100 /opt/windows exits > "$sandbox/out" 2> "$sandbox/err" ||
  { cat "$sandbox/out" "$sandbox/err" >&2; fail "programs that end without a word"; }

echo "== the worker is killed"
for delay in 0 0.05 0.3; do
  sandbox_guest env GPUPV_STRICT=1 timeout 100 /opt/windows killed > "$sandbox/out" 2> "$sandbox/err" &
  killed=$!
  for tries in $(seq 2000); do
    grep -q drawing "$sandbox/out" && break
    kill -0 "$killed" 2> /dev/null || break
    sleep 0.01
  done
  sleep "$delay"
  kill -KILL "$(grep -o 'worker [0-9]* serves' "$sandbox/gpupvd.log" | tail -n 1 | grep -o '[0-9]*')"
  wait "$killed" || { cat "$sandbox/out" "$sandbox/err" >&2; fail "the program whose worker was killed"; }
done

echo "== an X server that takes no memory"
sandbox_stop_display
SANDBOX_X_OPTIONS='-extension MIT-SHM' sandbox_start_display
guest "pixels are sent"
echo "all as it should be"
