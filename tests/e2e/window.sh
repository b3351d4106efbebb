# SPDX-License-Identifier: MIT
# Programs with windows, natively and in the guest, for the end-to-end tests. Sourced after sandbox.sh.
#
#   window_begin BUILD [PROGRAM…]   a host with the paravirtual UMD on lavapipe, its service, and a guest with
#                                   these programs
#   window_guest_opengl       puts Mesa's OpenGL into the guest
#   native COMMAND…           runs a command on the host's own driver
#   guest COMMAND…            runs it in the guest, for no longer than a minute
#   window_x NAME [OPTION…] -- COMMAND…    runs it, and x_capture with these options
#   window_wl NAME [OPTION…] -- COMMAND…   the same with wl_capture, for Wayland programs
#   window_digest NAME        what window_x saw last: "WxH DIGEST"
#   window_frames NAME        what window_wl saw, a line "WxH DIGEST" a frame
#   window_native_frames COUNT   so many frames of vkcube's on the host's own driver, by their size in
#                             $sandbox/500x500 and, of a window that is resized at once, $sandbox/300x200
#   window_worker_killed WATCH COMMAND…   WATCH (window_x or window_wl) sees vkcube in the guest, whose worker
#                             is killed
#   window_display_killed NAME COMMAND…   vkcube, whose display is killed
#   window_broken NAME        vkcube's window, display or worker was taken away, and it has ended
#   window_serving            the worker that was given out last
#   window_no_leaks           waits until the host has nothing of any guest's any more
#
# window_x and window_wl leave in $sandbox: NAME.log (the watcher's), NAME.out (all that the command said), and
# $window_status (the command's). Pictures: $window_pictures/NAME.png.
#   GPUPV_TEST_PICTURES=FOLDER   keeps the pictures there
#   GPUPV_TEST_GUARD=strict      what the driver sends is searched for pointers and handles
#   GPUPV_TEST_DRIVER=complete   the guest gets lavapipe itself instead of the paravirtual UMD: for
#                                work on the tests

# What a test that failed left running would be waited for.
window_cleanup() {
  local status=$? job
  for job in $(jobs -p); do
    kill -- -"$job" 2> /dev/null || kill "$job" 2> /dev/null || true
  done
  sandbox_cleanup "$status"
}

window_begin() {
  sandbox_begin "$1"
  trap window_cleanup EXIT
  shift
  unset VK_INSTANCE_LAYERS VK_ICD_FILENAMES VK_DRIVER_FILES DISPLAY WAYLAND_DISPLAY
  window_tools=$sandbox_build/tests/e2e/window
  window_pictures=${GPUPV_TEST_PICTURES:-$sandbox/pictures}
  mkdir -p "$window_pictures" "$sandbox/wayland" "$sandbox/home"
  window_icd=$sandbox_icd
  if [ "${GPUPV_TEST_DRIVER:-}" = complete ]; then
    window_icd=$sandbox_lavapipe
    sandbox_add_driver gpu "$window_icd" > /dev/null
  else
    sandbox_add_paravirtual gpu "$window_icd"
  fi
  sandbox_start_service
  window_idle=$(window_children)
  sandbox_make_guest timeout "$@"
  sandbox_guest_window_libraries
  mkdir -p "$sandbox/guest/opt"
  cp "$window_tools/frame_clock.so" "$sandbox/guest/opt/"
  SANDBOX_GUEST_OPTIONS="--ro-bind $sandbox/wayland /run/wayland --setenv GPUPV_STRICT 1"
  SANDBOX_GUEST_OPTIONS+=" --setenv GPUPV_GUARD ${GPUPV_TEST_GUARD:-enforce}"
}

# Mesa's OpenGL, which glvnd opens at run time, with Zink for the only driver.
window_guest_opengl() {
  local name zink
  for name in libGL.so.1 libGLX.so.0 libEGL.so.1 libGLX_mesa.so.0 libEGL_mesa.so.0; do
    sandbox_guest_library "$name"
  done
  sandbox_guest_file /usr/share/glvnd/egl_vendor.d/50_mesa.json
  zink=$(find /usr/lib/*/dri -name zink_dri.so | head -n 1)
  [ -n "$zink" ] || sandbox_die "Mesa has no Zink here"
  sandbox_guest_file "$zink"
  sandbox_guest_file "${zink%/*}/swrast_dri.so"
}

native() {
  env HOME="$sandbox/home" XDG_CACHE_HOME="$sandbox/home" XDG_RUNTIME_DIR="$sandbox/wayland" \
    VK_DRIVER_FILES="$window_icd" VK_LOADER_LAYERS_DISABLE='~implicit~' NODEVICE_SELECT=1 \
    timeout --foreground "${window_timeout:-60}" "$@"
}

guest() {
  local wayland=()
  [ -n "${WAYLAND_DISPLAY:-}" ] && wayland=("WAYLAND_DISPLAY=/run/wayland/${WAYLAND_DISPLAY##*/}")
  sandbox_guest env "${wayland[@]}" timeout "${window_timeout:-60}" "$@"
}

# Waits until a file has a line, and a process is there.
window_await() { # EXPRESSION FILE PROCESS
  local tries
  for tries in $(seq 3000); do
    grep -qE -- "$1" "$2" 2> /dev/null && return 0
    kill -0 "$3" 2> /dev/null || return 1
    sleep 0.02
  done
  return 1
}

# Waits until a process has ended, for some seconds.
window_ended() { # PROCESS SECONDS
  local tries
  for tries in $(seq $(($2 * 50))); do
    kill -0 "$1" 2> /dev/null || return 0
    sleep 0.02
  done
  return 1
}

window_watch() { # NAME WATCHER… -- COMMAND…
  local name=$1 watcher=() settles= watching program
  shift
  while [ "$1" != -- ]; do
    [ "$1" = --settle ] && settles=yes
    watcher+=("$1")
    shift
  done
  shift
  rm -f "$sandbox/$name.log"
  timeout 90 "${watcher[@]}" --picture "$window_pictures/$name.png" > "$sandbox/$name.log" \
    2> "$sandbox/$name.watcher" &
  watching=$!
  window_await '^ready$' "$sandbox/$name.log" "$watching" ||
    { cat "$sandbox/$name.watcher" >&2; fail "nothing can watch the window"; }
  window_status=0
  if [ -n "$settles" ]; then
    set -m # a process group of its own: what the function starts ends with it
    "$@" > "$sandbox/$name.out" 2>&1 &
    program=$!
    set +m
    while kill -0 "$watching" 2> /dev/null && kill -0 "$program" 2> /dev/null; do sleep 0.05; done
    kill -- -"$program" 2> /dev/null || true
    wait "$program" 2> /dev/null || window_status=$?
  else
    "$@" > "$sandbox/$name.out" 2>&1 || window_status=$?
  fi
  window_ended "$watching" 2 || kill "$watching" 2> /dev/null || true
  wait "$watching" 2> /dev/null || true
}

window_x() {
  local name=$1
  shift
  window_watch "$name" "$window_tools/x_capture" "$@"
}

window_wl() {
  local name=$1 WAYLAND_DISPLAY=$sandbox/wayland/capture-0
  shift
  export WAYLAND_DISPLAY
  window_watch "$name" "$window_tools/wl_capture" --socket "$WAYLAND_DISPLAY" "$@"
}

window_digest() { sed -n 's/^window //p' "$sandbox/$1.log"; }

window_frames() { sed -n 's/^frame //p' "$sandbox/$1.log"; }

window_native_frames() {
  local size
  window_wl native -- native vkcube-wayland --c $(($1 + 5)) --present_mode 2
  window_ok native
  window_frames native > "$sandbox/500x500"
  window_wl native-small --at 1 resize 300x200 -- native vkcube-wayland --c $(($1 + 5)) --present_mode 2
  window_ok native-small
  window_frames native-small > "$sandbox/300x200"
  for size in 500x500 300x200; do
    [ "$(wc -l < "$sandbox/$size")" -ge "$1" ] || fail "native vkcube showed too few frames of $size"
  done
}

window_say() { # NAME: all that is known about a run that went wrong
  tail -n 20 "$sandbox/$1".{log,watcher,out} >&2 2> /dev/null
}

window_ok() { # NAME: the command of the last run has ended well
  [ "$window_status" -eq 0 ] || { window_say "$1"; fail "$1: status $window_status"; }
}

window_serving() {
  grep -o 'worker [0-9]* serves' "$sandbox/gpupvd.log" | tail -n 1 | grep -o '[0-9]*'
}

window_children() { wc -w < "/proc/$sandbox_service_pid/task/$sandbox_service_pid/children"; }

# Descriptors and shared memory of the service.
window_held() {
  echo $(($(ls "/proc/$sandbox_service_pid/fd" | wc -l) + $(grep -c memfd "/proc/$sandbox_service_pid/maps")))
}

# The service may keep something from the first time on, but not more each time.
window_no_leaks() {
  local tries workers processes held
  for tries in $(seq 100); do
    workers=$(($(window_children) - window_idle))
    processes=$("$sandbox_gpupv" host --config "$sandbox_config" status | sed -n 's/^Guest processes: *//p')
    held=$(window_held)
    if [ "$workers" -le 0 ] && [ "$processes" = 0 ] && [ "$held" -le "${window_held_once:-$held}" ]; then
      window_held_once=$held
      return 0
    fi
    sleep 0.1
  done
  fail "the host still has $workers workers, $processes guest processes, $held descriptors and memories"
}

# vkcube does not live on then; it is to be told so, not to wait for ever, not to crash in the driver. Lavapipe
# itself waits for ever when a compositor goes away.
window_broken() {
  [ "$window_status" -ne 0 ] || fail "$1: vkcube drew on"
  [ "$window_status" -ne 124 ] || [ "${GPUPV_TEST_DRIVER:-}" = complete ] ||
    { window_say "$1"; fail "$1: vkcube hangs"; }
  [ "$window_status" -ne 139 ] || { window_say "$1"; fail "$1: vkcube crashed"; }
  echo "$1: status $window_status: $(tail -n 1 "$sandbox/$1.out")"
  window_no_leaks
}

window_worker_killed() {
  local killer
  rm -f "$sandbox/killed-worker.out"
  (
    window_await 'Selected GPU' "$sandbox/killed-worker.out" $$
    sleep 0.5
    kill -KILL "$(window_serving)"
  ) &
  killer=$!
  "$1" killed-worker -- guest "${@:2}"
  wait "$killer"
  window_broken killed-worker
}

window_display_killed() {
  local name=$1 program
  shift
  rm -f "$sandbox/$name.out"
  "$@" > "$sandbox/$name.out" 2>&1 &
  program=$!
  window_await 'Selected GPU' "$sandbox/$name.out" "$program" || fail "$name: vkcube did not begin"
  sleep 0.5
  kill -KILL "$sandbox_display_pid"
  wait "$sandbox_display_pid" 2> /dev/null || true
  window_status=0
  wait "$program" || window_status=$?
  window_broken "$name"
}
