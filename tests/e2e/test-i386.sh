#!/bin/bash
# SPDX-License-Identifier: MIT
# 32-bit and 64-bit programs in one guest: one adapter has an x86_64 and an i386 driver in the host's
# store, and each program gets the one of its own architecture. The i386 shim and thunks talk to the
# 64-bit service.
# Usage: test-i386.sh BUILD SOURCE MANIFEST   (of a driver with at least two physical devices)
#   GPUPV_I386_SYSROOT, GPUPV_I386_BUILD   see sandbox32.sh
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
. "$here/sandbox32.sh"
sandbox_begin "$1"
out=$sandbox/out

reg() { "$sandbox_gpupv" host --config "$sandbox_config" reg "$@"; }
store() { "$sandbox_gpupv" host --config "$sandbox_config" store "$@"; }

echo "== the i386 guest half"
sandbox32_build "$2"
build32=$sandbox32_build libraries=$sandbox32_libraries

echo "== the D3DKMT API of 32-bit programs"
GPUPV_TEST_PROGRAMS=$build32/tests/e2e \
  GPUPV_TEST_RUN="$libraries/ld-linux.so.2 --library-path $libraries" \
  bash "$here/test-thunks.sh" "$1" "$3" || fail "test-thunks.sh with 32-bit programs"

echo "== one adapter, two drivers"
native_icd=$sandbox_lavapipe
mkdir "$sandbox/lvp32"
cp -L "$libraries/libvulkan_lvp.so" "$sandbox/lvp32/"
cat > "$sandbox/lvp32/lvp_icd.json" << JSON
{"file_format_version": "1.0.0", "ICD": {"library_path": "./libvulkan_lvp.so", "api_version": "1.3.230"}}
JSON
sandbox_add_driver gpu "$native_icd" > /dev/null
package64=$(ls "$sandbox/var/DriverStore/FileRepository")
store add "$sandbox/lvp32/lvp_icd.json" --adapter gpu > "$out" || fail "store add of the i386 driver"
package32=$(ls "$sandbox/var/DriverStore/FileRepository" | grep -vx "$package64")
case $package32 in *_i386_*) ;; *) fail "the i386 package is named $package32" ;; esac
repository=$sandbox/var/DriverStore/FileRepository
reg query adapter:gpu > "$out"
expect "VulkanDriverName +REG_MULTI_SZ +$repository/$package64/[^ ]*json\\\\0$repository/$package32/lvp_icd.json" "$out"
expect "UserModeDriverName +REG_SZ +$repository/$package64/" "$out"
expect "UserModeDriverNameWow +REG_SZ +$repository/$package32/libvulkan_lvp.so" "$out"
expect "DriverDesc +REG_SZ" "$out"
reg query service:gpu > "$out"
expect "ImagePath +REG_EXPAND_SZ +$repository/$package64/" "$out"
store remove "$package32" > "$out" 2>&1 && fail "a package that the adapter names was removed"
expect "$package32 is not removed: the registry key .* names it" "$out"

sandbox_start_service
sandbox_make_guest vulkaninfo

sandbox32_make_guest "$sandbox32_root/usr/bin/vulkaninfo" "$libraries/libvulkan_lvp.so"
mkdir -p "$sandbox/guest/usr/bin32"
cp "$sandbox32_root/usr/bin/vulkaninfo" "$sandbox/guest/usr/bin32/"

echo "== both vulkaninfo find their driver"
sandbox_guest vulkaninfo --summary > "$out" 2>&1 || { cat "$out" >&2; fail "the 64-bit vulkaninfo"; }
expect "deviceName += llvmpipe" "$out"
sandbox_guest /usr/bin32/vulkaninfo --summary > "$out" 2>&1 || { cat "$out" >&2; fail "the 32-bit vulkaninfo"; }
expect "deviceName += llvmpipe" "$out"
# The full report asks for everything that a driver tells, through the 32-bit shim.
sandbox_guest /usr/bin32/vulkaninfo > "$out" 2>&1 || { tail -n 40 "$out" >&2; fail "the 32-bit vulkaninfo, in full"; }
expect "VkPhysicalDeviceLimits" "$out"
# Which library it really was: the linker says.
SANDBOX_GUEST_OPTIONS="--setenv LD_DEBUG files" \
  sandbox_guest /usr/bin32/vulkaninfo --summary > "$out" 2>&1
expect "calling init: $sandbox_guest_store/FileRepository/$package32/libvulkan_lvp.so" "$out"
! grep -q "$package64/libvulkan" "$out" || fail "the 32-bit program opened the 64-bit driver"

echo "== without the i386 driver the 32-bit program has no device, and says why"
store add "$native_icd" --adapter gpu > /dev/null # changes nothing
reg query adapter:gpu > "$out"
expect "REG_MULTI_SZ .*$package32" "$out"
reg add adapter:gpu VulkanDriverName --type sz --force \
  --data "$(ls "$repository/$package64"/*icd*.json)" > /dev/null
for tries in $(seq 100); do
  sandbox_guest /usr/bin32/vulkaninfo --summary > "$out" 2>&1 || break
  sleep 0.1
done
expect "is for x86_64, this process is i386" "$out"
sandbox_guest vulkaninfo --summary > "$out" 2>&1 || { cat "$out" >&2; fail "the 64-bit vulkaninfo"; }

echo "all as it should be"
