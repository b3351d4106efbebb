# SPDX-License-Identifier: MIT
# A host and a guest on one machine, for ./demo and the end-to-end tests. Sourced by bash scripts.
#
#   sandbox_begin BUILD       makes a scratch folder ($sandbox) that is removed at exit
#   sandbox_add_driver NAME MANIFEST   one adapter whose driver is put into the host's store
#   sandbox_add_paravirtual NAME ICD [MANIFEST]   one adapter that runs on the host's driver ICD, with
#                                      the paravirtual UMD of the build in the store
#   sandbox_validate WHERE    for tests, before that: the validation layer in the worker, or in the guest,
#                             where programs run with `env "${sandbox_layer[@]}"`; or nowhere: ''
#   sandbox_start_service     gpupvd on $sandbox/run/host.sock; waits until it answers
#   sandbox_make_guest [PROGRAM…]      a root folder with these programs and no Vulkan driver
#   sandbox_guest_program FILE   puts a program of the build into the guest's /opt
#   sandbox_guest COMMAND…    runs a command in the guest (bubblewrap)
#   sandbox_start_weston [WxH]         Weston without a screen, for Wayland programs instead
#   sandbox_start_display [WxH [OPTION…]]   Xvfb; sets DISPLAY; SANDBOX_X_OPTIONS instead of "-nolisten tcp"
#   sandbox_stop_display
#   sandbox_picture FILE.png  the display's contents
#
# SANDBOX_GUEST_NETWORK=host: the guest sees the caller's network.
# GPUPV_TEST_APERTURE=no: host and guest share no memory, everything travels in messages.
# GPUPV_TEST_MEMORY: the service's worker-memory.
# GPUPV_TEST_ICD: the manifest of the host driver under the paravirtual UMD, instead of lavapipe's.
#
# The guest root is put together from the programs and the libraries that they link. It has no ICD
# manifest but gpupv's, no Vulkan driver, no /etc/gpupv, no /var, and sees the host's store
# read-only at the guest's path, as a container would.

sandbox_guest_store=/run/gpupv/HostDriverStore
# The complete driver that a guest can be given, and the host's driver under the paravirtual UMD.
sandbox_lavapipe=$(ls -f "/usr/share/vulkan/icd.d/lvp_icd.$(uname -m).json" \
  /usr/share/vulkan/icd.d/lvp_icd*.json 2> /dev/null | head -n 1 || true)
sandbox_icd=${GPUPV_TEST_ICD:-$sandbox_lavapipe}

sandbox_die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

sandbox_cleanup() {
  local status=${1:-$?}
  set +e # what has ended by itself cannot be killed
  [ -n "${sandbox_service_pid:-}" ] && kill "$sandbox_service_pid" 2>/dev/null
  [ -n "${sandbox_display_pid:-}" ] && kill "$sandbox_display_pid" 2>/dev/null
  wait 2>/dev/null
  if [ "$status" -ne 0 ] && [ -s "${sandbox:-/nonexistent}/gpupvd.log" ]; then
    echo "--- gpupvd's log:" >&2
    tail -n 40 "$sandbox/gpupvd.log" >&2
  fi
  rm -rf "${sandbox:?}"
  exit "$status"
}

sandbox_begin() {
  sandbox_build=$(realpath "$1")
  sandbox=$(mktemp -d "${TMPDIR:-/tmp}/gpupv.XXXXXX")
  chmod 755 "$sandbox"
  trap sandbox_cleanup EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  mkdir -p "$sandbox/run" "$sandbox/etc" "$sandbox/var/DriverStore/FileRepository"
  sandbox_config=$sandbox/etc/gpupv.ini
  sandbox_socket=$sandbox/run/host.sock
  cat > "$sandbox_config" <<INI
[service]
socket = $sandbox_socket
control = $sandbox/run/control.sock
hive = $sandbox/var/registry.hive
store = $sandbox/var/DriverStore
guest-store = $sandbox_guest_store
log = ${SANDBOX_LOG:-info}
aperture = ${GPUPV_TEST_APERTURE:-yes}
worker-memory = ${GPUPV_TEST_MEMORY:-auto}
INI
  sandbox_gpupv=$sandbox_build/tools/gpupv
  sandbox_adapters=0
}

sandbox_add_driver() {
  local name=$1 manifest=$2
  printf '\n[adapter:%s]\nicd = %s\nkey = %04d\n' "$name" "$manifest" "$sandbox_adapters" \
    >> "$sandbox_config"
  sandbox_adapters=$((sandbox_adapters + 1))
  "$sandbox_gpupv" host --config "$sandbox_config" store add "$manifest" --adapter "$name" \
    || sandbox_die "the driver of $manifest could not be put into the store"
}

sandbox_add_paravirtual() {
  local name=$1 icd=$2 manifest=${3:-$sandbox_build/umd/gpupv_umd_icd.$(uname -m).json}
  [ -e "$manifest" ] || sandbox_die "the paravirtual UMD is not built: there is no $manifest"
  printf '\n[adapter:%s]\nicd = %s\nkey = %04d\n' "$name" "$icd" "$sandbox_adapters" \
    >> "$sandbox_config"
  sandbox_adapters=$((sandbox_adapters + 1))
  "$sandbox_gpupv" host --config "$sandbox_config" store add "$manifest" --adapter "$name" > /dev/null \
    || sandbox_die "the paravirtual UMD of $manifest could not be put into the store"
}

sandbox_start_service() {
  "$sandbox_build/host/gpupvd" --config "$sandbox_config" 2> "$sandbox/gpupvd.log" &
  sandbox_service_pid=$!
  local tries
  for tries in $(seq 600); do
    [ -S "$sandbox_socket" ] && GPUPV_HOST=unix:$sandbox_socket "$sandbox_gpupv" info \
      > /dev/null 2>&1 && return 0
    kill -0 "$sandbox_service_pid" 2>/dev/null || sandbox_die "gpupvd ended"
    sleep 0.1
  done
  sandbox_die "gpupvd did not answer within a minute"
}

sandbox_stop_service() {
  kill "$sandbox_service_pid"
  wait "$sandbox_service_pid"
  local status=$?
  sandbox_service_pid=
  return "$status"
}

# Puts a file and every library that it links into the guest root, at the same path.
sandbox_guest_file() {
  local file=$1 library
  for library in $(ldd "$file" 2>/dev/null | grep -o '/[^ ]*') "$file"; do
    case $library in "$sandbox"*) continue ;; esac
    [ -e "$sandbox/guest$library" ] && continue
    mkdir -p "$sandbox/guest$(dirname "$library")"
    # A hard link where that is possible saves copying LLVM.
    cp -lL "$library" "$sandbox/guest$library" 2>/dev/null ||
      cp -L "$library" "$sandbox/guest$library"
  done
}

sandbox_validate() {
  local manifest=/usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json
  sandbox_layer=()
  case $1 in
    worker) sed -i '/^\[service\]/a worker-validation = yes' "$sandbox_config" ;;
    guest)
      [ -e "$manifest" ] || { echo "no validation layer: skipped"; exit 77; }
      sandbox_layer=(VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation)
      sandbox_guest_file "$(ldconfig -p | sed -n 's/.*libVkLayer_khronos_validation\.so .*=> //p' | head -n 1)"
      sandbox_guest_file "$manifest"
      ;;
  esac
}

# A library that programs open at run time.
sandbox_guest_library() {
  local file
  file=$(ldconfig -p | sed -n "s|^[[:space:]]*$1 .*x86-64.*=> ||p" | head -n 1)
  [ -n "$file" ] || sandbox_die "no library to put into the guest: $1"
  sandbox_guest_file "$file"
}

# What the paravirtual driver opens for windows, and no more.
sandbox_guest_window_libraries() {
  local name
  for name in libxcb.so.1 libX11-xcb.so.1 libwayland-client.so.0; do
    sandbox_guest_library "$name"
  done
}

# The libraries that a file links, without the file itself.
sandbox_guest_libraries_of() {
  local library
  for library in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
    sandbox_guest_file "$library"
  done
}

# Not at its own path: the guest has a /tmp of its own, where the build folder may lie.
sandbox_guest_program() {
  sandbox_guest_libraries_of "$1"
  mkdir -p "$sandbox/guest/opt"
  cp "$1" "$sandbox/guest/opt/"
}

sandbox_make_guest() {
  local program file guest=$sandbox/guest
  mkdir -p "$guest"/{etc,tmp,proc,dev,root,run}
  for program in sh cat ls sleep env "$@"; do
    program=$(command -v "$program") || sandbox_die "no program to put into the guest: $program"
    sandbox_guest_file "$program"
  done
  # The Vulkan loader is the guest's own; some programs open it at run time.
  sandbox_guest_file "$(ldconfig -p | sed -n 's/.*libvulkan\.so\.1 .*=> //p' | head -n 1)"
  echo 'root:x:0:0:root:/root:/bin/sh' > "$guest/etc/passwd"

  # What a guest installs of gpupv: the shim, the thunks, the tool, the manifest. As installed.
  . "$sandbox_build/tests/e2e/paths.sh"
  DESTDIR=$sandbox/install meson install -C "$sandbox_build" --no-rebuild --quiet > /dev/null ||
    sandbox_die "meson install failed"
  for file in "$gpupv_bindir/gpupv" "$gpupv_libdir/libvulkan_gpupv.so" \
    "$gpupv_libdir"/libgpupv_kmt.so.0 "$gpupv_icd_manifest"; do
    mkdir -p "$guest$(dirname "$file")"
    cp -L "$sandbox/install$file" "$guest$file" || sandbox_die "meson install gave no $file"
  done
  sandbox_guest_libraries_of "$guest$gpupv_bindir/gpupv"
  sandbox_guest_libraries_of "$guest$gpupv_libdir/libvulkan_gpupv.so"

  # A driver of the host that needs libraries finds them in this guest (the driver itself comes
  # through the store).
  for file in "$sandbox"/var/DriverStore/FileRepository/*/*.so*; do
    [ -e "$file" ] && sandbox_guest_libraries_of "$file"
  done

  local found
  found=$(find "$guest" -name 'libvulkan_*.so*' ! -name libvulkan_gpupv.so
    find "$guest" -path '*/icd.d/*.json' ! -path "$guest$gpupv_icd_manifest")
  [ -z "$found" ] || sandbox_die "the guest has a Vulkan driver of its own: $found"
}

sandbox_guest() {
  local display=()
  [ -n "${sandbox_wayland:-}" ] && display+=(--ro-bind "$sandbox_wayland" /run/wayland
    --setenv WAYLAND_DISPLAY /run/wayland/wayland-0)
  [ -n "${DISPLAY:-}" ] && display+=(--ro-bind /tmp/.X11-unix /tmp/.X11-unix --setenv DISPLAY "$DISPLAY")
  local network=(--unshare-net)
  [ "${SANDBOX_GUEST_NETWORK:-}" != host ] || network=()
  bwrap --unshare-pid "${network[@]}" --unshare-uts --die-with-parent --new-session --clearenv \
    --ro-bind "$sandbox/guest" / --proc /proc --dev /dev --tmpfs /tmp --tmpfs /run \
    --ro-bind "$sandbox_socket" /run/gpupv/host.sock \
    --ro-bind "$sandbox/var/DriverStore/FileRepository" "$sandbox_guest_store/FileRepository" \
    "${display[@]}" --setenv HOME /tmp --setenv XDG_CACHE_HOME /tmp --setenv XDG_RUNTIME_DIR /tmp \
    --setenv PATH "$gpupv_bindir:/usr/bin:/bin" \
    ${SANDBOX_GUEST_OPTIONS:-} --chdir /tmp -- "$@"
}

sandbox_start_display() {
  local size=${1:-640x480}
  shift $(($# > 0))
  rm -f "$sandbox/display" # an earlier one's
  # Xvfb chooses a free number and tells it. Without -noreset it turns away who comes just after the last
  # client has left.
  Xvfb -displayfd 3 -screen 0 "${size}x24" ${SANDBOX_X_OPTIONS:--nolisten tcp} -noreset "$@" \
    3> "$sandbox/display" > "$sandbox/Xvfb.log" 2>&1 &
  sandbox_display_pid=$!
  local tries
  for tries in $(seq 100); do
    [ -s "$sandbox/display" ] && break
    kill -0 "$sandbox_display_pid" 2>/dev/null || sandbox_die "Xvfb ended: $(cat "$sandbox/Xvfb.log")"
    sleep 0.1
  done
  DISPLAY=:$(cat "$sandbox/display")
  export DISPLAY
}

sandbox_start_weston() {
  local size=${1:-640x480} tries
  sandbox_wayland=$sandbox/wayland
  mkdir -p -m 700 "$sandbox_wayland" "$sandbox/shots"
  rm -f "$sandbox_wayland"/wayland-0* # an earlier one's
  printf '[shell]\nbackground-color=0xff000000\nbackground-image=\npanel-position=none\n' > "$sandbox/weston.ini"
  # Pictures are taken by a program of Weston's that may do so with --debug alone.
  XDG_RUNTIME_DIR=$sandbox_wayland weston --backend=headless-backend.so --use-pixman --debug \
    --config="$sandbox/weston.ini" --idle-time=0 --width="${size%x*}" --height="${size#*x}" \
    --socket=wayland-0 > "$sandbox/weston.log" 2>&1 &
  sandbox_display_pid=$!
  for tries in $(seq 100); do
    [ -S "$sandbox_wayland/wayland-0" ] && break
    kill -0 "$sandbox_display_pid" 2>/dev/null || sandbox_die "Weston ended: $(cat "$sandbox/weston.log")"
    sleep 0.1
  done
}

sandbox_stop_display() {
  kill "$sandbox_display_pid"
  wait "$sandbox_display_pid" 2> /dev/null || true
  sandbox_display_pid=
}

sandbox_picture() {
  if [ -n "${sandbox_wayland:-}" ]; then
    (cd "$sandbox/shots" && XDG_RUNTIME_DIR=$sandbox_wayland WAYLAND_DISPLAY=wayland-0 weston-screenshooter) ||
      return 1
    # A window's alpha is in the picture, which its colours were divided by, but not on the screen.
    /usr/bin/convert "$sandbox"/shots/*.png -background black -alpha remove -alpha off "$1"
    rm "$sandbox"/shots/*.png
    return
  fi
  xwd -root -silent -out "$sandbox/picture.xwd" && /usr/bin/convert "xwd:$sandbox/picture.xwd" "$1"
}

# For tests, of what a Vulkan program printed natively and in a guest: a host's driver need not have the
# windows that the paravirtual one makes. Such cases must work in the guest, and are taken out of both.
sandbox_windows_alone() { # NATIVE GUEST
  local name
  for name in $(sed -n 's/^case \([^ ]*\) skipped VK_EXT_headless_surface$/\1/p' "$1"); do
    sed -i "/^case $name ok /d" "$2"
    sed -i "/^case $name skipped/d" "$1"
  done
}

# For tests: fail TEXT; expect and refuse PATTERN FILE, about the file's lines.
fail() {
  echo "FAILED: $*" >&2
  exit 1
}
expect() {
  grep -qE -- "$1" "$2" || { cat "$2" >&2; fail "no line matches '$1'"; }
}
refuse() {
  ! grep -qE -- "$1" "$2" || { cat "$2" >&2; fail "a line matches '$1'"; }
}
