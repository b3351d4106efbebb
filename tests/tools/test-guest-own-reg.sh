#!/bin/bash
# SPDX-License-Identifier: MIT
# `gpupv guest reg`: the guest's own registry, without a host.
# Usage: test-guest-own-reg.sh GPUPV
set -euo pipefail
gpupv=$1
. "$(dirname "$0")/lib.sh"

# No configuration of a host is read.
export GPUPV_GUEST_HIVE=$scratch/etc/guest.hive GPUPV_CONFIG=$scratch/nothing.ini
key='HKLM\SYSTEM\CurrentControlSet\Control\GraphicsDrivers'
run 4 guest reg query "$key"
warns "gpupv guest reg add"
run 0 guest reg add "$key" /v GpuVirtualizationFlags /t REG_DWORD /d 0 /f
run 0 guest reg query "$key"
says "    GpuVirtualizationFlags    REG_DWORD    0x0"
run 4 guest reg query "$key\\Other"
warns "gpupv guest reg query HKLM --recursive"
run 0 guest reg add "$key\\Other" GpuVirtualizationFlags --type REG_DWORD --data 8
run 1 guest reg compare "$key" "$key\\Other"
run 0 guest reg export "$key" "$scratch/export.txt"
run 0 guest reg delete "$key" --force
run 0 guest reg import "$scratch/export.txt"
run 0 guest reg query "$key" GpuVirtualizationFlags

echo "== names of adapters are the host's"
run 1 guest reg add adapter:gpu0 X -d 0
warns "HKLM"

echo "== doctor tells it, also without a host"
export GPUPV_HOST=unix:$scratch/nobody.sock
pairing()
{
    "$gpupv" doctor --json > "$out" 2> "$err" || true
    json "[s['outcome'] for s in d['steps'] if s['step'] == 'pairing'] == ['$1']"
    json "'$2' in [s['detail'] for s in d['steps'] if s['step'] == 'pairing'][0]"
}
pairing ok off
run 0 guest reg add "$key" GpuVirtualizationFlags --type REG_DWORD --data 8
pairing ok on
run 0 guest reg delete "$key" GpuVirtualizationFlags
pairing ok on
echo nonsense >> "$GPUPV_GUEST_HIVE"
pairing failed guest.hive:
echo "all as it should be"
