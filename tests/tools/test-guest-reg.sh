#!/bin/bash
# SPDX-License-Identifier: MIT
# `gpupv reg query` and `gpupv info` against a service of their own (embedded:): every type, the paths,
# listing and its refusal, and what is not there.
# Usage: test-guest-reg.sh GPUPV GPUPVD ICD-MANIFEST
set -euo pipefail
gpupv=$1 icd=$3
. "$(dirname "$0")/lib.sh"

export GPUPV_CONFIG=$scratch/gpupv.ini GPUPV_HOST=embedded: GPUPV_SERVICE
GPUPV_SERVICE=$(realpath "$2")
# The host's drivers run in the service's probe, and what they leak is theirs.
export ASAN_OPTIONS=detect_leaks=0
config()
{
    cat > "$GPUPV_CONFIG" <<END
[service]
hive=$scratch/registry.hive
store=$scratch/DriverStore
guest-store=/guest/HostDriverStore
control=$scratch/control.sock
listing=$1
log=error
[adapter:gpu0]
icd=$icd
END
}
config allow
run_json 0 host store add "$icd" --adapter gpu0
package=$(/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["package"])' < "$out")
for value in 'Sz REG_SZ text' 'Expand REG_EXPAND_SZ %x%' 'Multi REG_MULTI_SZ a\0ü𝄞' 'Number REG_DWORD 0x20' \
    'Quad REG_QWORD 0x1122334455667788' 'Bytes REG_BINARY 0102030405060708090a0b0c'; do
    read -r name type data <<< "$value"
    run 0 host reg add adapter:gpu0 "$name" --type "$type" --data "$data"
done
run 0 host reg add adapter:gpu0 Long --data "$(printf 'x%.0s' $(seq 30000))"
run 0 host reg add service:gpu0 OfService --data here
run 0 host reg add adapter:gpu0 --default --data unnamed

echo "== values"
run 0 reg query
says "Adapter key of adapter 0"
says "    (Default)    REG_SZ    unnamed"
says "    Sz    REG_SZ    text"
says "    Expand    REG_EXPAND_SZ    %x%"
says "    Multi    REG_MULTI_SZ    a\\0ü𝄞"
says "    Number    REG_DWORD    0x20"
says "    Quad    REG_QWORD    0x1122334455667788"
says "    Bytes    REG_BINARY    0102030405060708090A0B0C"
says "    VulkanDriverName    REG_SZ    $scratch/DriverStore/FileRepository/$package/"
says_not OfService
for name in Sz Expand Multi Number Quad Bytes; do
    run 0 reg query "$name"
    says "    $name    REG_"
done
run_json 0 reg query
json "len({v['name']: v['data'] for v in d['values']}['Long']) == 30000"
json "{v['name']: v['data'] for v in d['values']}['Multi'] == ['a', 'ü𝄞']"
run 0 reg query --type REG_DWORD
says Number
says_not Quad
run 0 reg query --service --index 0
says OfService
says_not Quad

echo "== paths"
run 0 reg query --translate VulkanDriverName
says "    /guest/HostDriverStore/FileRepository/$package/"
run 0 reg query --translate Sz
says "    Sz    REG_SZ    text"
run 0 reg query --store-path
[ "$(cat "$out")" = "/guest/HostDriverStore/FileRepository/$package" ] || fail "--store-path"
run_json 0 reg query --image-path
json "d['path'].startswith('/guest/HostDriverStore/FileRepository/$package/')"

echo "== what is not there"
run 4 reg query Nothing
run 4 reg query OfService
run 4 reg query --index 1
run 4 reg query --luid 0:0
run 4 reg query --phys 1
warns "physical adapter 1"
run 1 reg query Number --type REG_SZ
warns "REG_SZ"

echo "== an adapter whose driver is not in this guest"
run 0 info
says "embedded:"
says "/guest/HostDriverStore/FileRepository/$package"
says "no, at the step"
run_json 0 info
json "d['adapters'][0]['umd']['loaded'] is False and d['adapters'][0]['umd']['error']"
luid=$(/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["adapters"][0]["luid"])' < "$out")
run 0 reg query --luid "$luid" Sz
run 0 reg query --luid "${luid/-/:}" Sz
run_json 1 doctor
json "[s['outcome'] for s in d['steps'] if s['step'] == 'driver-name'] == ['ok']"
json "[s['outcome'] for s in d['steps'] if s['step'] == 'manifest'] == ['failed']"
json "[s['outcome'] for s in d['steps'] if s['step'] == 'device'] == ['skipped']"

echo "== no listing"
config deny
run 5 reg query
warns "listing=deny"
run 0 reg query Number
says "    Number    REG_DWORD    0x20"
echo "all as it should be"
