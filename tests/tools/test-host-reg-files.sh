#!/bin/bash
# SPDX-License-Identifier: MIT
# `gpupv host reg import|import-hive|export|compare` with files of Windows, without a service.
# Usage: test-host-reg-files.sh GPUPV WRITE-WINDOWS-HIVE
set -euo pipefail
gpupv=$1 write_windows_hive=$2
. "$(dirname "$0")/lib.sh"

export GPUPV_CONFIG=$scratch/gpupv.ini
hive=$scratch/registry.hive
cat > "$GPUPV_CONFIG" <<END
[service]
control=$scratch/control.sock
hive=$hive
store=$scratch/store
[adapter:gpu0]
[adapter:pair]
device=0
linked=1
END
key='HKLM\SOFTWARE\Contoso'
class='HKLM\SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}'
system=$scratch/SYSTEM
"$write_windows_hive" "$system"

echo "== .reg: import, and the same bytes back"
cat > "$scratch/utf8.reg" <<'END'
Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SOFTWARE\Contoso]
@="default"
"Files"=hex(7):61,00,2e,00,64,00,6c,00,6c,00,00,00,62,00,00,00,00,00
"Half"=hex(7):61,00,2e,00,64,00,6c,00,6c,00,00,00,00,00,00,00
"Path"="C:\\Windows"
"Size"=dword:00000010

[HKEY_LOCAL_MACHINE\SOFTWARE\Contoso\Sub]
"Long"=hex:00,01,02,03,04,05,06,07,08,09,0a,0b,0c,0d,0e,0f,10,11,12,13,14,15,\
  16,17,18,19

END
/usr/bin/python3 - "$scratch" <<'END'
import sys
folder = sys.argv[1]
text = open(folder + "/utf8.reg", encoding="utf-8").read().replace("\n", "\r\n")
open(folder + "/windows.reg", "wb").write(b"\xff\xfe" + text.encode("utf-16-le"))
END
run_json 0 host reg import "$scratch/windows.reg"
json "d['format'] == 'reg' and d['keys'] == 2 and d['values'] == 6 and d['skipped'] == []"
run 0 host reg query "$key"
says "    Files    REG_MULTI_SZ    a.dll\\0b"
says "    Half    REG_MULTI_SZ    a.dll\\0\\0"
run 0 host reg export "$key" "$scratch/out.reg"
cmp "$scratch/windows.reg" "$scratch/out.reg" || fail "the .reg file is not what it was"
run 0 host reg export "$key" --format reg
cmp "$scratch/windows.reg" "$out" || fail "the .reg form of standard output"
run_json 0 host reg export "$key" "$scratch/out2.reg"
json "d['format'] == 'reg' and d['size'] > 600"
run 0 host reg export "$key" "$scratch/as-text.reg" --format text
head -n 1 "$scratch/as-text.reg" | grep -qx 'gpupv registry 1' || fail "--format text"
run 2 host reg export "$key" --format xml
run 2 host reg export "$key" --format reg --json
run 0 host reg delete "$key" --force
run 0 host reg import "$scratch/utf8.reg"

echo "== strings that are empty"
run 0 host reg add "$key" Pair --type REG_MULTI_SZ --data 'x.dll\0\0'
says "    Pair    REG_MULTI_SZ    x.dll\\0\\0"
run_json 0 host reg query "$key" Pair
json "d['keys'][0]['values'][0]['data'] == ['x.dll', '']"
run 0 host reg delete "$key" Pair

echo "== .reg: deletions, and nothing of a file that is wrong"
printf 'Windows Registry Editor Version 5.00\n[HKLM\\SOFTWARE\\Contoso]\n"Size"=-\n[-HKLM\\SOFTWARE\\Contoso\\Sub]\n[HKLM\\SOFTWARE\\Contoso]\n"None"=hex(0):01\n' > "$scratch/edit.reg"
run_json 0 host reg import "$scratch/edit.reg"
json "d['deleted_values'] == 1 and d['deleted_keys'] == 1 and len(d['skipped']) == 1"
warns "edit.reg:6: the value \"None\" is left out"
run 0 host reg query "$key" --recursive
says_not Size
says_not Long
cp "$hive" "$scratch/before"
printf 'Windows Registry Editor Version 5.00\n[HKLM\\SOFTWARE\\Contoso]\n"Path"=-\n[HKEY_CURRENT_USER\\x]\n' > "$scratch/user.reg"
run 1 host reg import "$scratch/user.reg"
warns "$scratch/user.reg:4: "
printf 'REGEDIT4\n\n[HKEY_LOCAL_MACHINE\\x]\n' > "$scratch/old.reg"
run 1 host reg import "$scratch/old.reg"
warns "$scratch/old.reg:1: "
warns REGEDIT4
echo 'something else' > "$scratch/other"
run 1 host reg import "$scratch/other"
warns "neither"
run 1 host reg import "$system"
warns import-hive
cmp "$hive" "$scratch/before" || fail "a refused import changed the registry"

echo "== import-hive"
run 0 host reg import-hive "$system" --list
says "{4d36e968-e325-11ce-bfc1-08002be10318}\\0000    10 values, 1 subkeys    Contoso Graphics 5000"
says "Fabrikam Render"
run_json 0 host reg import-hive "$system" --list --source ControlSet001
json "[k['name'] for k in d['keys']] == ['Control'] and d['source'] == 'ControlSet001'"
run 0 host reg import-hive "$system" --adapter gpu0
says "Imported 9 values in 2 keys"
warns "\"Odd\" is left out"
run 0 host reg query "$class\\0000" --recursive
says "    DriverDesc    REG_SZ    Contoso Graphics 5000"
says "    HardwareInformation.qwMemorySize    REG_QWORD    0x400000000"
says "    SoftGpuFiles    REG_MULTI_SZ    a.dll\\0b.dll"
run_json 0 host reg import-hive "$system" --adapter pair --phys 1 \
    --source "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}\\0001"
json "d['values'] == 1 and d['source'].startswith('ControlSet001') and d['key'].endswith('0002')"
run 0 host reg query adapter:pair:1 DriverDesc
says "Fabrikam Render"
cp "$hive" "$scratch/before"
run 2 host reg import-hive "$system"
run 2 host reg import-hive "$system" --list --adapter gpu0
run 4 host reg import-hive "$system" --adapter nobody
run 4 host reg import-hive "$system" --adapter gpu0 --source 'ControlSet009\x'
run 4 host reg import-hive "$scratch/missing" --adapter gpu0
run 1 host reg import-hive "$GPUPV_CONFIG" --adapter gpu0
warns regf
head -c 5000 "$system" > "$scratch/short"
run 1 host reg import-hive "$scratch/short" --adapter gpu0
warns damaged
cmp "$hive" "$scratch/before" || fail "a refused import changed the registry"

echo "== compare"
run 0 host reg compare "$class\\0000" adapter:gpu0 --recursive
says "Results Compared: Identical"
run 1 host reg compare "$class\\0000" "$class\\0002"
says "< Value: HKEY_LOCAL_MACHINE"
says "> Value: HKEY_LOCAL_MACHINE"
says "    DriverDesc    REG_SZ    Fabrikam Render"
says "Results Compared: Different"
run 1 host reg compare "$class\\0000" "$class\\0002" /s /on
says_not Value
run 0 host reg import-hive "$system" --adapter pair --phys 0
run 0 host reg compare adapter:gpu0 adapter:pair -s
run 0 host reg compare adapter:gpu0 adapter:pair /oa
says "= Value: "
run 0 host reg add adapter:pair DriverVersion --data 9
run 0 host reg add "$class\\0001\\CopyToVmWhenNewer" x --data y
run 1 host reg compare adapter:gpu0 adapter:pair /v DriverVersion
run 0 host reg compare adapter:gpu0 adapter:pair --value DriverDesc
run_json 1 host reg compare adapter:gpu0 adapter:pair -s
json "not d['same'] and d['different'] == 2 and [e['in'] for e in d['entries']] == ['first', 'second', 'second']"
json "d['entries'][2]['value'] is None and d['entries'][2]['key'].endswith('CopyToVmWhenNewer')"
run 2 host reg compare adapter:gpu0
run 2 host reg compare adapter:gpu0 adapter:pair /oa /on
run 4 host reg compare adapter:gpu0 "$class\\7777"
run 4 host reg compare adapter:gpu0 adapter:pair /v Nothing

echo "== diff needs a service"
run 3 host reg diff --adapter gpu0
run 2 host reg diff
run 4 host reg diff --adapter gpu0 --vm nobody
echo "all as it should be"
