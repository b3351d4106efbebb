#!/bin/bash
# SPDX-License-Identifier: MIT
# Drivers with an INF file: `gpupv host store add FOLDER --adapter NAME` fills the adapter's keys, or
# changes nothing; the values reach a guest.
# Usage: test-inf.sh BUILD ICD-MANIFEST
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/sandbox.sh"
sandbox_begin "$1"
manifest=$2
gpupv=$sandbox_gpupv

fail() { sandbox_die "FAILED: $*"; }
store() { "$gpupv" host --config "$sandbox_config" store "$@"; }
registry() { "$gpupv" host --config "$sandbox_config" reg query "$@"; }
hive=$sandbox/var/registry.hive
class='HKLM\SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}'

# make_driver FOLDER: the head of an INF; AddReg lines come from standard input.
make_driver() {
  mkdir -p "$1/CopyToVm" "$1/Subdir1/Subdir2"
  local file
  for file in CopyToVm/softgpu1.dll softgpu1.dll softgpu2.dll Subdir1/Subdir2/softgpu2wow64.dll \
    softgpukmd.sys; do
    echo "$file" > "$1/$file"
  done
  cat > "$1/softgpu.inf" <<'INF'
[Version]
Signature = "$WINDOWS NT$"
Class = Display
ClassGuid = {4d36e968-e325-11ce-bfc1-08002be10318}
Provider = %Maker%
DriverVer = 02/06/2025, 31.0.15.1234

[Manufacturer]
%Maker% = Models, NTamd64.10.0, NTarm64, NT

[Models.NTamd64.10.0]
"Soft GPU 1" = One, PCI\VEN_1234&DEV_0001
"Soft GPU 2" = Two, PCI\VEN_1234&DEV_0002

[Models.NTarm64]
"Soft GPU 1" = One, PCI\VEN_1234&DEV_0001
"Soft GPU 2" = Two, PCI\VEN_1234&DEV_0002

[Models.NT]
"Soft GPU 1" = One, PCI\VEN_1234&DEV_0001
"Soft GPU 2" = Two, PCI\VEN_1234&DEV_0002

[One]
CopyFiles = Files
AddReg = Examples

[Two]
AddReg = Common

[One.Services]
AddService = softgpukmd, 2, Service

[Service]
ServiceBinary = %12%\softgpukmd.sys
AddReg = Service.Registry

[Service.Registry]
HKR,, EnableDebug, %REG_DWORD%, 1

[Files]
softgpu1.dll
SoftGpu2.DLL

[Common]
HKR,, Which, %REG_SZ%, "two"

[Strings]
Maker = "Soft GPU Makers"

INF
  { echo '[Examples]' && cat; } >> "$1/softgpu.inf"
}

printf '\n[adapter:soft]\nicd = %s\nkey = 0003\n' "$manifest" >> "$sandbox_config"

echo "== the document's three examples"
make_driver "$sandbox/examples" <<'INF'
HKR,"softgpukmd\CopyToVmOverwrite",SoftGpuFiles,%REG_MULTI_SZ%,"CopyToVm\softgpu1.dll”, “softgpu2.dll”
HKR,"CopyToVmOverwrite",SoftGpuFiles1,%REG_MULTI_SZ%,"softgpu1.dll”,”softgpu.dll"
HKR,"CopyToVmOverwrite",SoftGpuFiles2,%REG_SZ%, “softgpu2.dll"
HKR,"CopyToVmOverwriteWow64",SoftGpuFiles,%REG_MULTI_SZ%,“Subdir1\Subdir2\softgpu2wow64.dll”,”softgpu.dll”.
HKR,,UserModeDriverName,%REG_MULTI_SZ%,"%13%\softgpu1.dll","<>"
INF
if store add "$sandbox/examples" --adapter soft 2> "$sandbox/err"; then
  fail "two models, and none was chosen"
fi
grep -qF '"Soft GPU 2" (PCI\VEN_1234&DEV_0002)' "$sandbox/err" || fail "the models are not listed"
[ ! -e "$hive" ] && [ -z "$(store list --names)" ] || fail "a refused driver left something"

store add "$sandbox/examples" --adapter soft --model 'pci\ven_1234&dev_0001'
package=$(store list --names)
case $package in
softgpu_31.0.15.1234_*) ;;
*) fail "the package is called $package" ;;
esac
path=$sandbox/var/DriverStore/FileRepository/$package
want() {
  grep -qF -- "$1" "$hive" || { cat "$hive" >&2; fail "the registry lacks $1"; }
}
want "[$class\\0003\\softgpukmd\\CopyToVmOverwrite]"
want '"SoftGpuFiles" = multi_sz:"CopyToVm\\softgpu1.dll" "softgpu2.dll"'
want "[$class\\0003\\CopyToVmOverwrite]"
want '"SoftGpuFiles1" = multi_sz:"softgpu1.dll" "softgpu.dll"'
want '"SoftGpuFiles2" = sz:"softgpu2.dll"'
want "[$class\\0003\\CopyToVmOverwriteWow64]"
want '"SoftGpuFiles" = multi_sz:"Subdir1\\Subdir2\\softgpu2wow64.dll" "softgpu.dll"'
want '"DriverDesc" = sz:"Soft GPU 1"'
want '"DriverVersion" = sz:"31.0.15.1234"'
want '"ProviderName" = sz:"Soft GPU Makers"'
want "\"UserModeDriverName\" = multi_sz:\"$path/softgpu1.dll\" \"<>\""
want "\"ImagePath\" = expand_sz:\"$path/softgpukmd.sys\""
want '"EnableDebug" = dword:0x00000001'
store verify --all
# The store holds the files with the time that the driver has them from.
[ "$path/softgpu1.dll" -nt "$sandbox/examples/softgpu1.dll" ] ||
  [ "$path/softgpu1.dll" -ot "$sandbox/examples/softgpu1.dll" ] && fail "the time was not kept"

echo "== a bad INF changes nothing"
cp "$hive" "$sandbox/before.hive"
bad() { # MESSAGE, the AddReg lines on standard input
  rm -rf "$sandbox/bad"
  make_driver "$sandbox/bad"
  if store add "$sandbox/bad" --adapter soft --model 'Soft GPU 1' 2> "$sandbox/err"; then
    fail "accepted, although: $1"
  fi
  grep -qF -- "$1" "$sandbox/err" || { cat "$sandbox/err" >&2; fail "the message lacks: $1"; }
  cmp -s "$hive" "$sandbox/before.hive" || fail "the registry changed, although: $1"
  [ "$(store list --names)" = "$package" ] || fail "the store changed, although: $1"
}
bad 'softgpu.inf:51: the file "no.dll" is not in the folder' <<'INF'
HKR,CopyToVmOverwrite,A,%REG_SZ%,no.dll
INF
bad '3 strings; at most two' <<'INF'
HKR,CopyToVmOverwrite,A,%REG_MULTI_SZ%,softgpu1.dll,a.dll,b.dll
INF
bad 'name of a file alone' <<'INF'
HKR,CopyToVmOverwrite,A,%REG_MULTI_SZ%,softgpu1.dll,sub\a.dll
INF
bad 'it is a REG_DWORD' <<'INF'
HKR,CopyToVmWhenNewer,A,%REG_DWORD%,1
INF
bad 'softgpu.inf:51: %NoSuchString% is not defined' <<'INF'
HKR,,A,%REG_SZ%,%NoSuchString%
INF
bad 'softgpu.inf:51: a quoted text does not end on its line' <<'INF'
HKR,,A,%REG_SZ%,"open
INF

echo "== another model takes the place, with its own rules only"
store add "$sandbox/examples" --adapter soft --model 'Soft GPU 2'
want '"Which" = sz:"two"'
want '"DriverDesc" = sz:"Soft GPU 2"'
! grep -q CopyToVm "$hive" || fail "the copy rules of the other model are still there"
! grep -q UserModeDriverName "$hive" || fail "the libraries of the other model are still there"

echo "== killed at any moment, all or nothing"
for delay in 0 0.002 0.004 0.006 0.008 0.01 0.015 0.02 0.03 0.05; do
  cp "$hive" "$sandbox/before.hive"
  store add "$sandbox/examples" --adapter soft --model 'Soft GPU 1' > /dev/null 2>&1 &
  adding=$!
  sleep "$delay"
  kill -KILL "$adding" 2> /dev/null || true
  wait "$adding" 2> /dev/null || true
  if ! cmp -s "$hive" "$sandbox/before.hive"; then
    want '"DriverDesc" = sz:"Soft GPU 1"'
    want "[$class\\0003\\CopyToVmOverwriteWow64]"
    want '"EnableDebug" = dword:0x00000001'
    store add "$sandbox/examples" --adapter soft --model 'Soft GPU 2' > /dev/null
  fi
  registry adapter:soft > /dev/null
  store verify --all > /dev/null
done

echo "== an INF beside an ICD manifest, as a guest sees it"
mkdir "$sandbox/vulkan"
store add "$manifest" --name staged > /dev/null
staged=$(store list --names | grep '^staged_')
cp "$sandbox/var/DriverStore/FileRepository/$staged/"*.so* "$sandbox/vulkan/"
cp "$sandbox/var/DriverStore/FileRepository/$staged/staged.json" "$sandbox/vulkan/Driver.json"
make_driver "$sandbox/vulkan" <<'INF'
HKR,,VulkanDriverName,%REG_SZ%,driver.JSON
HKR,,Tuning,%REG_SZ%,"from the INF"
HKR,,Where,%REG_SZ%,"%13%\softgpu1.dll"
INF
store add "$sandbox/vulkan" --adapter soft --model 'Soft GPU 1'
want 'Driver.json"'
sandbox_start_service
guest() { GPUPV_HOST=unix:$sandbox_socket "$gpupv" "$@"; }
guest reg query Tuning | grep -qF "from the INF" || fail "the guest does not see the value"
guest reg query Where --translate | grep -F "$sandbox_guest_store/FileRepository/softgpu_" |
  grep -qF "/softgpu1.dll" || fail "the guest does not see its own path"
guest reg query --store-path | grep -qF "$sandbox_guest_store/FileRepository/softgpu_31" ||
  fail "the guest has another driver store path"
guest reg query EnableDebug --service | grep -qF 0x1 || fail "the service key's value is missing"
echo "all as it should be"
