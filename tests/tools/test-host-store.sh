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
