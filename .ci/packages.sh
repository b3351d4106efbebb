# SPDX-License-Identifier: MIT
# The Debian packages that building, the demo and the tests need. Sourced by ./demo and ./check.

packages_build="gcc g++ libc6-dev meson ninja-build pkg-config python3 python3-jinja2
  libsystemd-dev libmimalloc-dev libiniparser-dev libjson-c-dev libsodium-dev libutf8proc-dev
  libexpat1-dev libhivex-dev libseccomp-dev libvulkan-dev libcmocka-dev libpng-dev
  libxcb1-dev libxcb-present-dev libxcb-shm0-dev libxcb-xfixes0-dev libx11-dev
  libxcb-composite0-dev libxcb-damage0-dev libwayland-dev libwayland-bin wayland-protocols
  libgl-dev libegl-dev
  glslang-tools"
packages_run="libvulkan1 mesa-vulkan-drivers vulkan-tools bubblewrap xvfb x11-apps imagemagick"
packages_wayland="weston"
packages_check="vulkan-validationlayers clang libclang-rt-dev directx-headers-dev mandoc procps
  gcc-i686-linux-gnu g++-i686-linux-gnu mesa-utils libgl1-mesa-dri libegl1 libegl-mesa0
  vkd3d-demos ffmpeg piglit spirv-tools chromium"

# Installs those of its arguments that are missing; says which.
packages_install() {
  local missing=() package there
  # Virtual names (libclang-rt-dev) count as installed when some package provides them.
  there=$(dpkg-query -W -f '${Status}|${Package}|${Provides}\n' 2>/dev/null |
    sed -n 's/^install ok installed|//p' | tr -d ' ' | sed 's/([^)]*)//g' | tr '|,' '\n\n')
  for package in "$@"; do
    grep -qx -- "$package" <<< "$there" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null || {
      echo "These packages are missing: ${missing[*]}. Install them as root: apt-get install ${missing[*]}" >&2
      return 1
    }
    as_root=(sudo)
  fi
  echo "Installing packages: ${missing[*]}"
  local log
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -q -y --no-install-recommends "${missing[@]}"; } > "$log" 2>&1 < /dev/null; then
    tail -n 20 "$log" >&2
    echo "The packages could not be installed; the log is $log" >&2
    return 1
  fi
  rm -f "$log"
}
