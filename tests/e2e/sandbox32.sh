# SPDX-License-Identifier: MIT
# The 32-bit half of a guest, for end-to-end tests. Sourced after sandbox.sh.
#
#   sandbox32_build SOURCE      finds or makes the i386 libraries and the i386 build; ends the test as
#                               skipped where there is no compiler, or no package of Debian's
#   sandbox32_add_paravirtual NAME   after sandbox_add_paravirtual: the i386 UMD, too
#   sandbox32_make_guest FILE…  after sandbox_make_guest: adds the 32-bit loader, shim and thunks, and
#                               the libraries of the 32-bit programs and drivers FILE…
#
#   GPUPV_I386_SYSROOT  a folder made by data/cross/i386-sysroot.sh; default: made in the build folder
#   GPUPV_I386_BUILD    a build folder of the i386 guest half; default: in the build folder
#
# Sets $sandbox32_root (the unpacked packages), $sandbox32_libraries (in it) and $sandbox32_build.

sandbox32_build() {
  local source sysroot
  source=$(realpath "$1")
  sysroot=$(realpath -m "${GPUPV_I386_SYSROOT:-$sandbox_build/i386/sysroot}")
  sandbox32_build=$(realpath -m "${GPUPV_I386_BUILD:-$sandbox_build/i386/build}")
  sandbox32_root=$sysroot/root
  sandbox32_libraries=$sandbox32_root/usr/lib/i386-linux-gnu
  command -v i686-linux-gnu-gcc > /dev/null || { echo "no i686-linux-gnu-gcc: skipped"; exit 77; }
  if [ ! -f "$sysroot/packages" ]; then
    # A machine without Debian's packages cannot have them.
    "$source/data/cross/i386-sysroot.sh" "$sysroot" || exit 77
  fi
  if [ ! -f "$sandbox32_build/build.ninja" ]; then
    meson setup "$sandbox32_build" "$source" --cross-file "$source/data/cross/i386.ini" \
      --cross-file "$sysroot/i386.ini" -Dguest_only=true > "$sandbox/meson32.log" ||
      { cat "$sandbox/meson32.log" >&2; sandbox_die "meson setup of the i386 build failed"; }
  fi
  ninja -C "$sandbox32_build" > "$sandbox/ninja32.log" ||
    { tail -n 40 "$sandbox/ninja32.log" >&2; sandbox_die "the i386 build failed"; }
}

sandbox32_add_paravirtual() {
  "$sandbox_gpupv" host --config "$sandbox_config" store add \
    "$sandbox32_build/umd/gpupv_umd_icd.i386.json" --adapter "$1" > /dev/null ||
    sandbox_die "the i386 UMD could not be put into the store"
}

# Puts the libraries that a 32-bit file needs, and theirs, into the guest.
sandbox32_guest_libraries_of() {
  local name folder=$sandbox/guest/usr/lib/i386-linux-gnu
  for name in $(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
    [ -e "$sandbox32_libraries/$name" ] || continue
    [ -e "$folder/$name" ] && continue
    cp -L "$sandbox32_libraries/$name" "$folder/$name"
    sandbox32_guest_libraries_of "$sandbox32_libraries/$name"
  done
}

# What a distribution's i386 packages are in a guest, from the unpacked ones.
sandbox32_make_guest() {
  local file libdir manifest guest=$sandbox/guest
  paths() { (. "$sandbox32_build/tests/e2e/paths.sh" && printf '%s\n' "$gpupv_libdir" "$gpupv_icd_manifest"); }
  { read -r libdir; read -r manifest; } < <(paths)
  DESTDIR=$sandbox/install32 meson install -C "$sandbox32_build" --no-rebuild --quiet > /dev/null ||
    sandbox_die "meson install of the i386 build failed"
  mkdir -p "$guest/usr/lib/i386-linux-gnu" "$guest/lib"
  cp -L "$sandbox32_libraries/ld-linux.so.2" "$guest/lib/"
  cp -L "$sandbox32_libraries/libvulkan.so.1" "$guest/usr/lib/i386-linux-gnu/"
  for file in "$libdir/libvulkan_gpupv.so" "$libdir/libgpupv_kmt.so.0" "$manifest"; do
    mkdir -p "$guest$(dirname "$file")"
    cp -L "$sandbox/install32$file" "$guest$file" || sandbox_die "meson install gave no $file"
  done
  for file in "$sandbox32_libraries/libvulkan.so.1" "$@"; do
    sandbox32_guest_libraries_of "$file"
  done
}
