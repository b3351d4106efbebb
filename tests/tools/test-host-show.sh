#!/bin/bash
# SPDX-License-Identifier: MIT
# What `gpupv host` makes of the service's answers, right and wrong ones.
# Usage: test-host-show.sh GPUPV FAKE_SERVICE
set -euo pipefail
gpupv=$1 fake=$2
. "$(dirname "$0")/lib.sh"

export GPUPV_CONFIG=$scratch/gpupv.ini
cat > "$GPUPV_CONFIG" <<END
[service]
control=$scratch/control.sock
hive=$scratch/registry.hive
store=$scratch/store
END
answers=$scratch/answers
mkdir "$answers"
cat > "$answers/gpus.json" <<'END'
{"ok":true,"gpus":[{"name":"\\\\?\\PCI#VEN_10DE&DEV_1C02","description":"A GPU","adapter":null,"valid_partition_counts":[32,4],"partition_count":32,"vram":{"total":2000000,"available":1800000,"min":100000,"max":1000000,"optimal":1000000},"encode":{"total":18446744073709551615,"available":18446744073709551615,"min":0,"max":18446744073709551615,"optimal":18446744073709551615},"decode":{"total":40,"available":30,"min":2,"max":20,"optimal":15},"compute":{"total":100,"available":100,"min":1,"max":50,"optimal":30}}]}
END
cat > "$answers/adapters.json" <<'END'
{"ok":true,"adapters":[{"name":"gpu0","description":"A \u001b[31mGPU","luid":"00000000-0000abcd","guid":"{2b6431f3-ab91-86ce-b313-54bd747def24}","vendor_id":4318,"device_id":7170,"type":"hardware","driver_version":"1.2.3","physical_adapters":[{"name":"A","vendor_id":4318,"device_id":7170,"key":"HKLM\\X\\0007"},{"name":"B","vendor_id":4318,"device_id":7171,"key":"HKLM\\X\\0008"}],"service_key":"HKLM\\S\\gpu0","driver_store_path":null,"guest_driver_store_path":null,"umd":null,"package":null,"open_handles":3}]}
END
echo '{"ok":true,"version":"9.9","pid":77,"clients":5,"new_member":"new"}' > "$answers/status.json"
echo '{"ok":true,"processes":[{"pid":42,"name":"cube\u0007","adapters":1,"devices":2,"contexts":3,"requests":4,"worker":{"pid":4321,"memory":73400320}},{"pid":43,"name":"idle","worker":null}]}' \
    > "$answers/processes.json"
echo '{"ok":true,"vms":[{"name":"a\u0007","guid":"{1}","socket":"/run/a","escapes":true,"secure":false,"listing":false,"clients":3,"max_clients":9,"processes":2,"video_memory":3145728,"max_video_memory":1073741824},{}]}' \
    > "$answers/vms.json"

echo "== no service"
for command in gpus adapters status processes top vms; do
    run 3 host "$command"
    warns "$scratch/control.sock"
    run_json 3 host "$command"
    json "d['exit_code'] == 3"
done

mkfifo "$scratch/stop"
"$fake" "$scratch/control.sock" "$answers" < "$scratch/stop" > "$scratch/ready" &
exec 8> "$scratch/stop"
until grep -q ready "$scratch/ready"; do kill -0 $! || fail "no fake service"; sleep 0.05; done

echo "== answers"
run 0 host gpus
says 'Name                    : \\?\PCI#VEN_10DE&DEV_1C02'
says 'ValidPartitionCounts    : {32, 4}'
says 'PartitionCount          : 32'
says 'AvailableVRAM           : 1,800,000'
says 'TotalEncode             : 18,446,744,073,709,551,615'
says 'OptimalPartitionCompute : 30'
run_json 0 host gpus
json "d['gpus'][0]['encode']['total'] == 2**64 - 1 and 'ok' not in d"
run 0 host adapters
says "A \\x1b[31mGPU"
says "10de:1c02"
says 'HKLM\X\0008'
run 0 host adapters --names
[ "$(cat "$out")" = gpu0 ] || fail "names"
run 0 host status
says "Version:"
says "9.9"
says "new_member:"
run 0 host processes
says 'cube\x07'
says '4321       70 MiB'

echo "== top"
cat > "$answers/processes.json" <<'END'
{"ok":true,"processes":[
 {"pid":42,"name":"cube","vm":"a","requests":4,"submissions":100,"video_memory":1048576,"worker":{"pid":7,"memory":2097152,"cpu_ms":50,"gpu_ms":1000}},
 {"pid":43,"name":"game\u0007","vm":"a","requests":4,"submissions":100,"worker":{"pid":8,"memory":2097152,"cpu_ms":50,"gpu_ms":1000}},
 {"pid":44,"name":"native","vm":"b","requests":10,"submissions":0,"worker":null},
 {"pid":45,"name":"again","vm":"b","requests":10,"submissions":500,"worker":{"pid":9,"memory":4096,"cpu_ms":900,"gpu_ms":null}}]}
END
next_answer() {
    cat > "$answers/processes.next" <<'END'
{"ok":true,"processes":[
 {"pid":42,"name":"cube","vm":"a","requests":4,"submissions":100,"video_memory":1048576,"worker":{"pid":7,"memory":2097152,"cpu_ms":50,"gpu_ms":1000}},
 {"pid":43,"name":"game\u0007","vm":"a","requests":4,"submissions":400,"worker":{"pid":8,"memory":2097152,"cpu_ms":150,"gpu_ms":1500}},
 {"pid":44,"name":"native","vm":"b","requests":20,"submissions":0,"worker":null},
 {"pid":45,"name":"again","vm":"b","requests":10,"submissions":3,"worker":{"pid":10,"memory":4096,"cpu_ms":1,"gpu_ms":null}},
 {"pid":46,"name":"new","vm":"b","requests":10,"submissions":3,"worker":null}]}
END
}
first=$(cat "$answers/processes.json")
next_answer
run_json 0 host top --interval 1
json "[p['pid'] for p in d['processes']][:2] == [43, 42]" # who does most comes first
json "d['seconds'] >= 1"
json "all(0 < p[rate] <= most for p in d['processes'] if p['pid'] == 43 for rate, most in (('submissions_per_s', 300), ('cpu_percent', 10), ('gpu_percent', 50)))"
json "all(p[rate] == 0 for p in d['processes'] if p['pid'] == 42 for rate in ('submissions_per_s', 'requests_per_s', 'cpu_percent', 'gpu_percent'))"
json "all(p['gpu_percent'] is p['cpu_percent'] is p['worker_pid'] is None and p['requests_per_s'] > 0 for p in d['processes'] if p['pid'] == 44)"
# Another worker, and a process that was not there before: nothing to compare with.
json "all(p['submissions_per_s'] is None for p in d['processes'] if p['pid'] in (45, 46))"
json "[(p['video_memory'], p['memory'], p['worker_pid']) for p in d['processes'] if p['pid'] == 42] == [(1048576, 2097152, 7)]"
printf '%s\n' "$first" > "$answers/processes.json"
next_answer
run 0 host top --interval 1 --count 2
says '5 guest processes, 1.0 MiB of video memory'
says 'game\x07'
[ "$(grep -c 'PID' "$out")" -eq 2 ] || fail "not two pictures"
run 2 host top --interval 0
warns '--interval'
run 2 host top --count 1.5
warns '--count'
run 0 host vms
says 'a\x07'
says '{1}'
says '3 of 9'
says '3 of 1024 MiB'
says 'denied'
run_json 0 host vms
json "d['vms'][0]['processes'] == 2"
run 0 host reg add adapter:gpu0:1 A -d b
says 'HKEY_LOCAL_MACHINE\X\0008'
run 4 host reg add adapter:gpu0:2 A -d b

echo "== wrong answers"
echo '{"ok":false,"error":"busy with \u001b[0m"}' > "$answers/raw"
run 1 host status
warns 'busy with \x1b[0m'
for answer in '' '{' '[]' 'null' '"x"' '{"ok":0}' '{"ok":true'; do
    printf '%s' "$answer" > "$answers/raw"
    run 1 host gpus
done
for answer in '{"ok":true}' '{"ok":true,"gpus":{}}' '{"ok":true,"gpus":[1,null,{}]}' \
    '{"ok":true,"gpus":[{"vram":3,"valid_partition_counts":[{}]}],"adapters":[{"physical_adapters":[0]}]}'; do
    printf '%s\n' "$answer" > "$answers/raw"
    run 0 host gpus
    run 0 host adapters
    run 0 host adapters --names
    run 0 host processes
    run 0 host vms
    run 0 host status
done
exec 8>&-
wait
echo "all as it should be"
