#!/bin/bash
# SPDX-License-Identifier: MIT
# `gpupv host store` on files of its own, without a service.
# Usage: test-host-store.sh GPUPV HOLD_PACKAGE LIBRARY, any shared library for this machine
set -euo pipefail
gpupv=$1 hold=$2 library=$3
. "$(dirname "$0")/lib.sh"

export GPUPV_CONFIG=$scratch/gpupv.ini
hive=$scratch/registry.hive store=$scratch/DriverStore
cat > "$GPUPV_CONFIG" <<END
[service]
control=$scratch/control.sock
hive=$hive
store=$store
[adapter:gpu0]
description=The first
[adapter:pair]
device=0
linked=1
END
class='HKLM\SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}'

mkdir "$scratch/driver"
cp "$library" "$scratch/driver/libdriver.so"
cat > "$scratch/driver/driver_icd.json" <<END
{"file_format_version": "1.0.0", "ICD": {"library_path": "./libdriver.so", "api_version": "1.3.200"}}
END
manifest=$scratch/driver/driver_icd.json

echo "== an empty store"
run 0 host store list
run_json 0 host store list
json "d['packages'] == []"
run 0 host store verify --all
run 4 host store verify nothing_1_any_0
run 4 host store remove nothing_1_any_0

echo "== add"
run_json 0 host store add "$manifest"
json "d['added'] and d['name'] == 'driver_icd' and d['version'] == '1.3.200'"
json "d['adapter'] is None and d['adapter_key'] is None"
run 0 host store list --names
package=$(cat "$out")
[ -f "$store/FileRepository/$package/gpupv-catalog.json" ] || fail "no package $package"
run_json 0 host store add "$manifest"
json "not d['added']"
run_json 0 host store add "$scratch/driver" --name other --version 2.5
json "d['added'] and d['name'] == 'other' and d['version'] == '2.5'"
run 0 host store list
says "$package"
says "1.3.200"
run 4 host store add "$scratch/nothing.json"
warns "$scratch/nothing.json"
run 1 host store add "$library"
echo '{' > "$scratch/wrong.json"
run 1 host store add "$scratch/wrong.json"
warns "$scratch/wrong.json"

echo "== for an adapter"
run 4 host store add "$manifest" --adapter nobody
run 4 host store add "$manifest" --adapter pair --phys 2
run 2 host store add "$manifest" --phys 1
run 2 host store add "$manifest" --adapter pair --phys x
[ ! -e "$hive" ] || fail "a refused add made a registry"
run_json 0 host store add "$manifest" --adapter gpu0
json "d['adapter'] == 'gpu0' and d['adapter_key'].endswith('\\\\0000')"
path=$store/FileRepository/$package
run 0 host reg query "$class\\0000"
says "    VulkanDriverName    REG_SZ    $path/"
says ".json"
says "    UserModeDriverName    REG_SZ    $path/libdriver.so"
says "    DriverVersion    REG_SZ    1.3.200"
says "    DriverDesc    REG_SZ    The first"
run 0 host reg query service:gpu0
says "    ImagePath    REG_EXPAND_SZ    $path/libdriver.so"
run 0 host store add "$manifest" --adapter pair --phys 1
run 0 host reg query "$class\\0002"
says "VulkanDriverName"
run 4 host reg query service:pair

if [ "$(uname -m)" = x86_64 ]; then
    echo "== a driver for each architecture"
    folder=$store/FileRepository
    mkdir "$scratch/driver32"
    # The store looks at the ELF header alone: the 64-bit library, labelled as one for i386.
    /usr/bin/python3 - "$library" "$scratch/driver32/libdriver.so" << 'END'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[4], data[18:20] = 1, b"\x03\x00"
open(sys.argv[2], "wb").write(data)
END
    cp "$manifest" "$scratch/driver32/driver_icd.json"
    add_for_gpu0() # add_for_gpu0 FOLDER VERSION; sets $added
    {
        run_json 0 host store add "$1/driver_icd.json" --version "$2" --adapter gpu0
        added=$folder/$(/usr/bin/python3 -c "import json; print(json.load(open('$out'))['package'])")
    }
    add_for_gpu0 "$scratch/driver32" 3.1
    first32=$added
    case $first32 in *_3.1_i386_*) ;; *) fail "the i386 package is $first32" ;; esac
    run 0 host reg query adapter:gpu0
    says "    VulkanDriverName    REG_MULTI_SZ    $path/driver_icd.json\\0$first32/driver_icd.json"
    says "    UserModeDriverName    REG_SZ    $path/libdriver.so"
    says "    UserModeDriverNameWow    REG_SZ    $first32/libdriver.so"
    says "    DriverVersion    REG_SZ    1.3.200"
    run 0 host reg query service:gpu0
    says "    ImagePath    REG_EXPAND_SZ    $path/libdriver.so"
    run 5 host store remove "$(basename "$first32")"
    warns "$class"

    add_for_gpu0 "$scratch/driver32" 3.2
    second32=$added
    run 0 host reg query adapter:gpu0
    says "    VulkanDriverName    REG_MULTI_SZ    $path/driver_icd.json\\0$second32/driver_icd.json"
    run 0 host store remove "$(basename "$first32")"
    add_for_gpu0 "$scratch/driver" 4.0
    run 0 host reg query adapter:gpu0
    says "    VulkanDriverName    REG_MULTI_SZ    $added/driver_icd.json\\0$second32/driver_icd.json"
    says "    UserModeDriverName    REG_SZ    $added/libdriver.so"
    says "    DriverVersion    REG_SZ    4.0"

    # What names no package any more goes with the next driver.
    run 0 host store remove "$(basename "$second32")" --force
    add_for_gpu0 "$scratch/driver" 1.3.200
    [ "$added" = "$path" ] || fail "the first driver came back as $added"
    run 0 host reg query adapter:gpu0
    says "    VulkanDriverName    REG_SZ    $path/driver_icd.json"

    # An i386 driver alone: it describes the adapter until there is a native one.
    run_json 0 host store add "$scratch/driver32/driver_icd.json" --adapter pair
    run 0 host reg query adapter:pair
    says "    VulkanDriverName    REG_SZ    $folder/driver_icd_1.3.200_i386_"
    says "    DriverVersion    REG_SZ    1.3.200"
    says_not "    UserModeDriverName    "
    run 4 host reg query service:pair
    run 0 host store add "$manifest" --version 4.0 --adapter pair
    run 0 host reg query adapter:pair
    says "REG_MULTI_SZ    $folder/driver_icd_4.0_x86_64_"
    says "    DriverVersion    REG_SZ    4.0"
    for package32 in "$folder"/*_i386_* "$folder"/*_4.0_*; do
        run 0 host store remove "$(basename "$package32")" --force
    done
fi

echo "== verify"
run 0 host store verify "$package"
says "$package: ok"
run 2 host store verify
run 2 host store verify "$package" --all
run 1 host store verify ../x
chmod -R u+w "$path"
cp "$path/libdriver.so" "$scratch/saved"
printf x >> "$path/libdriver.so"
run 1 host store verify "$package"
says "libdriver.so"
run_json 1 host store verify --all
json "[p['ok'] for p in d['packages']].count(False) == 1"
json "all((p['error'] is None) == p['ok'] for p in d['packages'])"
cp "$scratch/saved" "$path/libdriver.so"
run 0 host store verify --all

echo "== sign"
key=$scratch/signing.key
run_json 0 host store keygen --output "$key" --comment "lab 3"
json "len(d['key_id']) == 16 and d['secret_key'] == '$key' and d['public_key'] == '$key.pub'"
id=$(/usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)["key_id"])' < "$out")
[ "$(stat -c %a "$key")" = 600 ] || fail "the secret key has the mode $(stat -c %a "$key")"
[ "$(stat -c %a "$key.pub")" = 644 ] || fail "the public key has the mode $(stat -c %a "$key.pub")"
grep -q "lab 3" "$key.pub" || fail "no comment in the public key"
run 1 host store keygen --output "$key"
warns "$key"
run 0 host store keygen -o "$scratch/other.key"
run 1 host store verify "$package" --key "$key.pub"
says "gpupv-catalog.sig"
run 2 host store sign "$package"
run 2 host store sign --key "$key"
run 4 host store sign nothing --key "$key"
run 1 host store sign "$package" --key "$key.pub"
warns "this is a public key"
run 0 host store sign "$package" --key "$key"
says "signed with the key $id"
run 0 host store sign "$package" -k "$key"
says "already signed"
run 0 host store verify "$package" --key "$key.pub"
says "$package: ok, signed by the key $id"
run 0 host store verify "$package" --key "$scratch/other.key.pub" --key "$key.pub"
run 1 host store verify "$package" --key "$scratch/other.key.pub"
run 1 host store verify "$package" --key "$key"
warns "this is a secret key"
run_json 1 host store verify --all --key "$key.pub"
json "[p['signed_by'] for p in d['packages'] if p['ok']] == ['$id']"
run 0 host store list
says "$id"
run_json 0 host store list
json "sorted(p['signatures'] for p in d['packages'])[-1] == ['$id']"
chmod 640 "$key"
run_json 0 host store sign --all --key "$key"
warns "$key has the mode 0640"
json "all(p['signed'] and not p['error'] for p in d['packages'])"
run 0 host store verify --all --key "$key.pub"
run_json 0 host store add "$scratch/driver" --name third --sign-key "$scratch/other.key"
json "len(d['signatures']) == 1 and d['signature_error'] is None"
third=$(/usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)["package"])' < "$out")
run 0 host store verify "$third" --key "$scratch/other.key.pub"
echo rubbish > "$store/FileRepository/$third/gpupv-catalog.sig"
run 1 host store verify "$third"
says "gpupv-catalog.sig:1"
run_json 0 host store list
json "any(p['signature_error'] for p in d['packages'])"
run 0 host store remove "$third"
run 4 host store add "$scratch/driver" --name fourth --sign-key "$scratch/no.key"
run 0 host store list --names
says_not "fourth"

echo "== remove"
run_json 0 host store list
json "[len(p['named_by']) for p in d['packages'] if p['package'] == '$package'] == [3]"
run 5 host store remove "$package"
warns "$class"
mkfifo "$scratch/stop"
"$hold" "$store" "$package" < "$scratch/stop" > "$scratch/ready" &
exec 9> "$scratch/stop"
until grep -q ready "$scratch/ready"; do kill -0 $! || fail "the package cannot be held"; sleep 0.05; done
run 5 host store remove "$package" --force
warns "in use"
run_json 0 host store list
json "[p['in_use'] for p in d['packages'] if p['package'] == '$package'] == [True]"
exec 9>&-
wait
[ -d "$path" ] || fail "a package in use is gone"
run 0 host store remove "$package" --force
[ ! -e "$path" ] || fail "the package is still there"
run 4 host store remove "$package" --force
run_json 0 host store list
json "len(d['packages']) == 1"
echo "all as it should be"
