#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes a folder with Debian's i386 packages that the 32-bit guest half and its tests need, unpacked
# and not installed: nothing of the machine changes, neither root nor a foreign architecture is
# needed, and i386 versions need not match installed amd64 ones, as multiarch would demand.
#
# Usage: i386-sysroot.sh FOLDER [PACKAGE…]
#   PACKAGE…  more packages of Debian to unpack
# Afterwards:
#   meson setup build-i386 --cross-file data/cross/i386.ini --cross-file FOLDER/i386.ini \
#     -Dguest_only=true
set -euo pipefail

packages="libc6-dev libjson-c-dev libsodium-dev libsodium23 libutf8proc-dev libcmocka-dev libpng-dev
  libstdc++6 libxcb1-dev libxcb-present-dev libxcb-shm0-dev libxcb-xfixes0-dev libx11-dev
  libvulkan-dev libvulkan1 vulkan-tools mesa-vulkan-drivers"

[ $# -ge 1 ] || { sed -n '4,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
folder=$(realpath "$1")
shift
packages=$(echo $packages "$@")
root=$folder/root

# Fetches the packages and unpacks them into $root.
unpack() {
  # apt with a state of its own: an i386 machine on which nothing is installed.
  apt=$folder/apt
  mkdir -p "$apt"/state/lists/partial "$apt"/cache/archives/partial
  : > "$apt/status"
  cat > "$apt/apt.conf" <<CONF
APT::Architecture "i386";
APT::Architectures { "i386"; };
APT::Install-Recommends "false";
APT::Sandbox::User "$(id -un)";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
CONF
  export APT_CONFIG=$apt/apt.conf
  log=$folder/log
  # One source that fails (a third party's, a mirror that is being updated) does not matter as long as
  # the packages are found.
  apt-get -q update > "$log" 2>&1 < /dev/null || true
  apt-get -q -y --download-only install $packages >> "$log" 2>&1 < /dev/null || {
    tail -n 20 "$log" >&2
    echo "i386-sysroot.sh: the i386 packages could not be fetched; the log is $log" >&2
    exit 1
  }

  rm -rf "$root" "$folder/packages"
  mkdir -p "$root"
  # As on an installed Debian 12, so that /lib and /usr/lib are one.
  mkdir -p "$root"/usr/{bin,lib,sbin}
  for name in bin lib sbin; do ln -s "usr/$name" "$root/$name"; done
  for package in "$apt"/cache/archives/*.deb; do
    # Some packages have /lib as a folder of their own; through tar the link above stays.
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink --no-same-owner -C "$root"
  done
  # Links to absolute paths would lead out of the folder.
  find "$root" -type l -lname '/*' -printf '%p\t%l\n' | while IFS=$'\t' read -r link target; do
    ln -sfn "$(realpath -m --relative-to="$(dirname "$link")" "$root$target")" "$link"
  done
  rm -rf "$apt/cache"
  echo "$packages" > "$folder/packages"
}

if [ "$(cat "$folder/packages" 2> /dev/null || true)" != "$packages" ]; then
  unpack
fi

# Left alone when it is right already: a build folder is set up anew when a cross file changes.
libraries=$root/usr/lib/i386-linux-gnu
cat > "$folder/i386.ini.new" <<INI
# Made by i386-sysroot.sh; given after data/cross/i386.ini.
[binaries]
# The machine needs no i386 C library of its own to run what is built.
exe_wrapper = ['$libraries/ld-linux.so.2', '--library-path', '$libraries']

[properties]
sys_root = '$root'
pkg_config_libdir = ['$libraries/pkgconfig', '$root/usr/share/pkgconfig']
needs_exe_wrapper = true

[built-in options]
c_args = ['--sysroot=$root']
cpp_args = ['--sysroot=$root']
c_link_args = ['--sysroot=$root']
cpp_link_args = ['--sysroot=$root']
INI
if cmp -s "$folder/i386.ini.new" "$folder/i386.ini"; then
  rm "$folder/i386.ini.new"
else
  mv "$folder/i386.ini.new" "$folder/i386.ini"
fi
echo "$folder has its packages: $(du -sh "$root" | cut -f 1)"
