#!/bin/bash
# SPDX-License-Identifier: MIT
# `gpupv host reg` on files of its own, without a service.
# Usage: test-host-reg.sh GPUPV
set -euo pipefail
gpupv=$1
. "$(dirname "$0")/lib.sh"

export GPUPV_CONFIG=$scratch/gpupv.ini
hive=$scratch/lib/registry.hive
cat > "$GPUPV_CONFIG" <<END
[service]
control=$scratch/control.sock
hive=$hive
store=$scratch/store
[adapter:gpu0]
[adapter:pair]
device=0
linked=1
service=pairsvc
END
key='HKLM\SYSTEM\CurrentControlSet\Control\GraphicsDrivers'
long='HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\GraphicsDrivers'
class='HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}'

echo "== nothing there yet"
run 4 host reg query HKLM
warns "$hive"
run 4 host reg export HKLM
run 4 host reg delete "$key" --force

echo "== add, in both spellings"
run 0 host reg add "$key" NumVirtualFunctions --type REG_DWORD --data 32
says "$long"
says "    NumVirtualFunctions    REG_DWORD    0x20"
run 0 host reg add "$key" /v Text /t REG_SZ /d "two words" /f
run 0 host reg add "$key" /ve /d "the default"
run 0 host reg add "$key" --value=Multi -tmulti_sz -d 'a\0b'
run 0 host reg add "$key" Commas -t REG_MULTI_SZ -d 'a,b' -s ,
run 0 host reg add "$key" Quad --type REG_QWORD --data 0xffffffffffffffff
run 0 host reg add "$key" Bytes --type REG_BINARY --data '00 ff 10'
run 0 host reg add "$key" Path --type REG_EXPAND_SZ --data '%x%'
run 0 host reg add "$key\\Sub\\Deep"
says "$long\\Sub\\Deep"
run_json 0 host reg add "$key" Text --data new
json "d['value'] == {'name': 'Text', 'type': 'REG_SZ', 'data': 'new'}"
head -n 1 "$hive" | grep -qx 'gpupv registry 1' || fail "the hive's first line"

echo "== query"
run 0 host reg query "$key"
says "    (Default)    REG_SZ    the default"
says "    Text    REG_SZ    new"
says "    Multi    REG_MULTI_SZ    a\\0b"
says "    Commas    REG_MULTI_SZ    a\\0b"
says "    Quad    REG_QWORD    0xffffffffffffffff"
says "    Bytes    REG_BINARY    00FF10"
says "    Path    REG_EXPAND_SZ    %x%"
says "$long\\Sub"
says_not "$long\\Sub\\Deep"
run 0 host reg query 'hkey_local_machine\system\currentcontrolset\control\graphicsdrivers' text
says "    Text    REG_SZ    new"
says_not "Multi"
run 0 host reg query "$key" -s
says "$long\\Sub\\Deep"
run 0 host reg query HKLM Quad /s
says "$long"
run 4 host reg query "$key" Nothing
warns '"Nothing"'
run 4 host reg query "$key\\Nothing"
run_json 0 host reg query "$key"
json "d['keys'][0]['subkeys'] == ['Sub']"
json "{v['name']: v['data'] for v in d['keys'][0]['values']} == {'': 'the default', 'Text': 'new', \
'Multi': ['a', 'b'], 'Commas': ['a', 'b'], 'Quad': 2**64 - 1, 'Bytes': '00ff10', 'Path': '%x%', \
'NumVirtualFunctions': 32}"

echo "== names of adapters"
run 0 host reg add adapter:gpu0 X -d 0
says "$class\\0000"
run 0 host reg add adapter:pair X -d 1
says "$class\\0001"
run 0 host reg add adapter:pair:1 X -d 2
says "$class\\0002"
run 0 host reg add service:pair X -d 3
says "Services\\pairsvc"
run 4 host reg add adapter:pair:2 X -d 4
run 4 host reg add adapter:nobody X -d 4
warns "[adapter:nobody]"
run 0 host adapters --names
[ "$(tr '\n' ' ' < "$out")" = "gpu0 pair " ] || fail "names of adapters"

echo "== wrong command lines"
run 2 host reg add
run 2 host reg add "$key" N --type REG_WORD
warns "REG_WORD"
run 2 host reg add "$key" N --type REG_DWORD --data x
run 2 host reg add "$key" N --type REG_DWORD --data 4294967296
run 2 host reg add "$key" N --type REG_BINARY --data 0
run 2 host reg add "$key" --data x
run 2 host reg add "$key" N --value M
run 2 host reg add "$key" N --default
run 2 host reg add "$key" N --datum x
run 2 host reg delete "$key" Text --all-values
run 2 host reg
run 2 host reg frobnicate
run 1 host reg add 'HKCU\X'
run 1 host reg add 'HKLM\A\\B'
run_json 4 host reg query "$key" Nothing
json "d['exit_code'] == 4 and 'Nothing' in d['error']"

echo "== export and import"
run 0 host reg export "$key" "$scratch/export.txt"
run 5 host reg export "$key" "$scratch/export.txt"
warns "--force"
run 0 host reg export "$key" "$scratch/export.txt" /y
run 0 host reg export "$key"
cmp -s "$out" "$scratch/export.txt" || fail "export to standard output differs"
run_json 0 host reg export "$key"
json "d['text'].startswith('gpupv registry 1') and d['size'] == len(d['text'])"
run 0 host reg delete "$key" --force
run 4 host reg query "$key"
run 0 host reg import "$scratch/export.txt"
says "8 values in 2 keys"
run 0 host reg export "$key"
cmp -s "$out" "$scratch/export.txt" || fail "import did not bring back what was exported"
"$gpupv" host reg import - < "$scratch/export.txt" > "$out" 2> "$err" || fail "import from standard input"
cp "$hive" "$scratch/before"
printf 'gpupv registry 1\n[HKLM\\New]\n"A" = dword:1\n"B" = dword:x\n' > "$scratch/bad.txt"
run 1 host reg import "$scratch/bad.txt"
warns "$scratch/bad.txt:4:"
cmp -s "$hive" "$scratch/before" || fail "a wrong file changed the registry"
run 4 host reg import "$scratch/nothing.txt"
run 1 host reg import "$scratch"

echo "== a damaged registry is not overwritten"
cp "$hive" "$scratch/good"
echo '"X" = nonsense' >> "$hive"
cp "$hive" "$scratch/before"
run 1 host reg add "$key" Text -d x
warns "$hive:"
cmp -s "$hive" "$scratch/before" || fail "a damaged registry was overwritten"
cp "$scratch/good" "$hive"

echo "== delete"
run 0 host reg delete "$key" Text
run 4 host reg delete "$key" Text
run 0 host reg delete "$key" /ve /f
run 5 host reg delete "$key"
warns "--force"
run 5 host reg delete "$key" --all-values
run 0 host reg delete "$key" /va /f
run 0 host reg query "$key"
says_not "REG_"
says "$long\\Sub"
run_json 0 host reg delete "$key" --force
json "d['deleted_value'] is None"
run 4 host reg delete "$key" --force
run 1 host reg delete HKLM --force

echo "== questions at a terminal"
# answer WORD STATUS ARGUMENT...: the command at a terminal of its own, with this answer typed.
answer()
{
    local word=$1 wanted=$2 status=0
    shift 2
    printf '%s\n' "$word" |
        script -qec "$(printf '%q ' "$gpupv" "$@")" /dev/null > "$out" 2> "$err" || status=$?
    [ "$status" -eq "$wanted" ] || fail "gpupv $* with $word: status $status, not $wanted"
}
run 0 host reg add "$key" Kept --data old
answer n 5 host reg delete "$key"
answer "" 5 host reg delete "$key"
answer n 5 host reg add "$key" Kept --data new
says "REG_SZ    old"
run 0 host reg query "$key" Kept
says "REG_SZ    old"
answer y 0 host reg add "$key" Kept --data new
answer n 0 host reg add "$key" Kept --data new
answer yes 0 host reg delete "$key"
run 4 host reg query "$key"

echo "== many writers at once"
for n in $(seq 16); do
    "$gpupv" host reg add "$key" "Value$n" --data "$n" > /dev/null &
done
wait
run_json 0 host reg query "$key"
json "len(d['keys'][0]['values']) == 16"

echo "== control characters do not reach the terminal"
run 0 host reg add "$key" Escape --data $'\e[31mred'
says '\x1b[31mred'
says_not $'\e'

echo "== a configuration that is wrong or missing"
run 1 host --config "$scratch/nothing.ini" reg query HKLM
warns "$scratch/nothing.ini"
printf '[service]\nhiev=/x\n' > "$scratch/wrong.ini"
run 1 host reg query HKLM -c "$scratch/wrong.ini"
warns "hiev"
echo "all as it should be"
