#!/bin/bash
# SPDX-License-Identifier: MIT
# The worker of a program that renders is killed at many moments, stopped and killed, and goes with its
# service; each time the program gets VK_ERROR_DEVICE_LOST in time, makes a new device and goes on
# (survivor.c). A child after fork(2) has nothing of its parent's.
# In a build with sanitizers these must find nothing, and calls may take long.
# Usage: test-worker-death.sh BUILD
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
. "$here/sanitized.sh"
sandbox_begin "$1"
unset VK_INSTANCE_LAYERS VK_ICD_FILENAMES DISPLAY WAYLAND_DISPLAY
program=$sandbox_build/tests/e2e/survivor

patient=
if sanitized_is_build; then
  sanitized_begin
  patient=patient
fi
icd=$sandbox_icd
sandbox_add_paravirtual gpu "$icd"
sandbox_start_service
if ! sanitized_is_build; then
  sandbox_make_guest timeout
  sandbox_guest_program "$program"
  program=/opt/survivor
fi
# A service that is restarted has another socket in the same folder.
SANDBOX_GUEST_OPTIONS="--ro-bind $sandbox/run /run/host --setenv GPUPV_HOST unix:/run/host/host.sock"

start() { # ARGUMENTS…
  sandbox_guest env GPUPV_STRICT=1 timeout 100 "$program" "$@" $patient > "$sandbox/out" 2>> "$sandbox/err" &
  survivor=$!
}

# Waits until it has begun to render for the so-manieth time.
await_begin() {
  local tries
  for tries in $(seq 2000); do
    [ "$(grep -c rendering "$sandbox/out" || true)" -ge "$1" ] && return 0
    kill -0 "$survivor" 2>/dev/null || break
    sleep 0.01
  done
  cat "$sandbox/out" "$sandbox/err" >&2
  fail "the program did not begin to render for the ${1}th time"
}

await_end() {
  local status=0
  wait "$survivor" || status=$?
  [ "$status" -eq 0 ] || { cat "$sandbox/out" "$sandbox/err" >&2; fail "status $status of the program"; }
  tail -n 1 "$sandbox/out"
}

serving() { grep -o 'worker [0-9]* serves' "$sandbox/gpupvd.log" | tail -n 1 | grep -o '[0-9]*'; }

echo "== killed at 24 moments"
# The service gives no more than 8 workers a minute to one process.
delays=(0 0.003 0.1 0.013 0.06 0.001
        0.002 0.25 0.007 0.03 0 0.017
        0.15 0.001 0.08 0.005 0.045 0.02
        0.004 0.011 0.2 0 0.009 0.12)
for ((first = 0; first < ${#delays[@]}; first += 6)); do
  start 6
  for ((i = 0; i < 6; i++)); do
    await_begin $((i + 1))
    sleep "${delays[first + i]}"
    kill -KILL "$(serving)"
  done
  await_end
done
expect 'has lost its worker: it crashed \(signal 9' "$sandbox/gpupvd.log"

echo "== stopped, and then killed"
start 1 patient
await_begin 1
"$sandbox_gpupv" host --config "$sandbox_config" top --json --interval 1 > "$sandbox/top"
python3 - "$sandbox/top" "$(serving)" << 'END' || { cat "$sandbox/top" >&2; fail "top does not show the program's work"; }
import json, sys
with open(sys.argv[1]) as file:
    processes = json.load(file)['processes']
ours = [p for p in processes if p['name'] == 'survivor']
sys.exit(not (len(ours) == 1 and ours[0]['submissions_per_s'] > 0 and ours[0]['cpu_percent'] > 0 and
              ours[0]['memory'] > 0 and ours[0]['video_memory'] > 0 and ours[0]['worker_pid'] == int(sys.argv[2])))
END
worker=$(serving)
kill -STOP "$worker"
sleep 1.5
kill -0 "$survivor" || fail "the program has ended"
kill -KILL "$worker"
await_begin 2
await_end

echo "== fork"
start fork
await_end

echo "== the service is killed and started again, under a program that waits and one that asks"
for way in patient polling; do
  start 2 instance "$way"
  for i in 1 2; do
    await_begin "$i"
    sleep 0.05
    worker=$(serving)
    kill -KILL "$sandbox_service_pid"
    wait "$sandbox_service_pid" 2>/dev/null || true
    for tries in $(seq 50); do
      kill -0 "$worker" 2>/dev/null || break
      sleep 0.1
    done
    ! kill -0 "$worker" 2>/dev/null || fail "the worker outlives its service"
    rm -f "$sandbox_socket"
    if sanitized_is_build; then sanitized_end; fi # before its log is another's
    sandbox_start_service
  done
  await_end
done
kill -0 "$sandbox_service_pid" || fail "the service is gone"
sandbox_stop_service || fail "the service ended with status $?"
if sanitized_is_build; then
  sanitized_end
  refuse "$sanitized_findings" "$sandbox/err"
fi
echo "all as it should be"
