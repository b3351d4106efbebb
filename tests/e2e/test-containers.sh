#!/bin/bash
# SPDX-License-Identifier: MIT
# `gpupv run`: guests with and without a GPU, with and without escapes, as options and as .wsb files
# say; and `gpupv cdi`: its files, and a container put together from one.
# Usage: test-containers.sh BUILD
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
sandbox_begin "$1"

# guest STATUS ARGUMENT...: gpupv run ends with this status; all that it printed is in $out.
guest() {
  local wanted=$1 status=0
  shift
  "$gpupv" run "$@" > "$out" 2>&1 < /dev/null || status=$?
  [ "$status" -eq "$wanted" ] || { cat "$out" >&2; fail "gpupv run $*: status $status, not $wanted"; }
}

unset DISPLAY WAYLAND_DISPLAY
out=$sandbox/out
sandbox_add_driver gpu "$sandbox_lavapipe" > /dev/null
cat >> "$sandbox_config" <<INI
[vm:closed]
socket = $sandbox/run/closed.sock
escapes = deny
INI
sandbox_start_service
. "$sandbox_build/tests/e2e/paths.sh"
DESTDIR=$sandbox/install meson install -C "$sandbox_build" --no-rebuild --quiet > /dev/null ||
  fail "meson install"
# The libraries of the installed tool are found beside it; its prefix, too.
gpupv=$sandbox/install$gpupv_bindir/gpupv
export GPUPV_CONFIG=$sandbox_config
escape=$sandbox_build/tests/e2e/escape

echo "== a guest has the host's GPU, and none of its drivers"
guest 0 -- vulkaninfo --summary
expect "deviceName += llvmpipe" "$out"
guest 0 sh -c 'ls /usr/share/vulkan/icd.d /dev/dri /home; cat /etc/gpupv/gpupv.ini; ls /usr/lib/*/libvulkan_lvp.so;
  cat /usr/lib/*/libvulkan_lvp.so; env; true'
refuse 'lvp_icd' "$out"
expect 'VK_DRIVER_FILES=/run/gpupv/vulkan/gpupv_icd\.[a-z0-9_]+\.json' "$out"
refuse 'GPUPV_CONFIG' "$out"
[ "$(grep -ac 'ELF' "$out")" -eq 0 ] || fail "the guest reads a driver of the host"
guest 2 sh -c 'echo x > /usr/x'
guest 2 ls "$sandbox/var"

echo "== without a GPU"
guest 0 --vgpu disable sh -c 'ls /run/gpupv; env'
refuse 'host.sock|VK_|GPUPV_HOST' "$out"
"$gpupv" run --vgpu disable -- vulkaninfo --summary > "$out" 2>&1 || true
refuse "deviceName" "$out"

echo "== escapes"
bind=$sandbox_build::ro
guest 0 --bind "$bind" -- "$escape"
expect '^status 0xc0000022$' "$out" # STATUS_ACCESS_DENIED
guest 0 --bind "$bind" --vgpu enable-vendor-extensions -- "$escape"
expect '^status 0xc00000bb$' "$out" # STATUS_NOT_SUPPORTED, by the driver
guest 0 --bind "$bind" --socket "$sandbox_socket" -- "$escape"
expect '^status 0xc00000bb$' "$out"
guest 125 --vm default -- true
expect 'allows driver escapes' "$out"
guest 125 --vm nobody -- true
expect 'default, closed' "$out"

echo "== .wsb files"
mkdir "$sandbox/mapped"
cat > "$sandbox/plain.wsb" <<'WSB'
<Configuration>
    <MemoryInMB>1024</MemoryInMB>
    <LogonCommand><Command>ls /run/gpupv; echo done</Command></LogonCommand>
</Configuration>
WSB
guest 0 --wsb "$sandbox/plain.wsb"
refuse 'host.sock' "$out"
expect '^done$' "$out"
expect '<MemoryInMB> has no effect' "$out"
for mode in Enable:0xc0000022 EnableVendorExtensions:0xc00000bb; do
  cat > "$sandbox/gpu.wsb" <<WSB
<Configuration>
    <VGpu>${mode%%:*}</VGpu>
    <Networking>Disable</Networking>
    <MappedFolders>
        <MappedFolder><HostFolder>$sandbox_build</HostFolder><SandboxFolder>$sandbox_build</SandboxFolder>
            <ReadOnly>true</ReadOnly></MappedFolder>
        <MappedFolder><HostFolder>$sandbox/mapped</HostFolder></MappedFolder>
    </MappedFolders>
</Configuration>
WSB
  guest 0 --wsb "$sandbox/gpu.wsb" -- "$escape"
  expect "^status ${mode#*:}\$" "$out"
done
guest 0 --wsb "$sandbox/gpu.wsb" -- sh -c 'echo hello > ~/Desktop/mapped/file; ls /sys/class/net'
[ "$(cat "$sandbox/mapped/file")" = hello ] || fail "the mapped folder cannot be written"
guest 2 --wsb "$sandbox/gpu.wsb" -- sh -c "echo x > $sandbox_build/x"
printf '<Configuration>\n<VGpu>On</VGpu>\n</Configuration>' > "$sandbox/bad.wsb"
guest 125 --wsb "$sandbox/bad.wsb" -- true
expect 'bad.wsb: line 2: <VGpu> must be' "$out"

echo "== status and signals"
guest 7 --vgpu disable -- sh -c 'exit 7'
guest 143 --vgpu disable -- sh -c 'kill -TERM $$'
guest 125 --vgpu disable -- /nowhere/at/all
expect 'not started' "$out"
# A program that the guest does not see: scratch folders are not the guest's.
cp "$escape" "$sandbox/escape"
guest 125 --vgpu disable -- "$sandbox/escape"
expect 'add --bind' "$out"
guest 2 --vgpu maybe -- true
guest 2
PATH=/nonexistent guest 125 --vgpu disable -- true
expect 'install the package bubblewrap' "$out"
"$gpupv" run --vgpu disable -- sh -c 'trap "echo told; exit 3" USR1; echo ready; while :; do sleep 0.1; done' > "$out" &
runner=$!
for tries in $(seq 100); do
  grep -q ready "$out" && break
  sleep 0.1
done
kill -USR1 "$runner"
status=0
wait "$runner" || status=$?
[ "$status" -eq 3 ] || fail "a signalled guest ended with $status"
expect '^told$' "$out"

echo "== CDI"
spec=$sandbox/cdi/gpupv.json
"$gpupv" cdi generate --output "$spec" --with-tool --device /dev/null
/usr/bin/python3 - "$spec" "$sandbox" <<'PY' || fail "the CDI file is not as it should be"
import json, os, re, sys
spec = json.load(open(sys.argv[1]))
assert set(spec) == {"cdiVersion", "kind", "devices", "containerEdits"}, spec.keys()
assert spec["cdiVersion"] == "0.5.0"
assert re.fullmatch(r"[A-Za-z][\w.-]*[A-Za-z0-9]/[A-Za-z][\w-]*[A-Za-z0-9]", spec["kind"])
assert [d["name"] for d in spec["devices"]] == ["gpu", "all"]
for edits in [spec["containerEdits"]] + [d["containerEdits"] for d in spec["devices"]]:
    assert edits and set(edits) <= {"env", "mounts", "deviceNodes"}, edits
    assert all(re.match(r"\w+=", e) for e in edits.get("env", []))
    for mount in edits.get("mounts", []):
        assert set(mount) == {"hostPath", "containerPath", "options"}, mount
        assert mount["containerPath"].startswith("/") and os.path.exists(mount["hostPath"]), mount
        assert "ro" in mount["options"] and "bind" in mount["options"]
mounts = {m["containerPath"]: m["hostPath"] for m in spec["containerEdits"]["mounts"]}
env = dict(e.split("=", 1) for e in spec["containerEdits"]["env"])
assert mounts["/run/gpupv/host.sock"] == sys.argv[2] + "/run/host.sock"
assert "/run/gpupv/HostDriverStore/FileRepository" in mounts
for manifest in env["VK_DRIVER_FILES"].split(":"):
    library = json.load(open(mounts[manifest]))["ICD"]["library_path"]
    assert os.path.basename(mounts[library]) == "libvulkan_gpupv.so"
    assert os.path.dirname(library) + "/libgpupv_kmt.so.0" in mounts
assert spec["containerEdits"]["deviceNodes"] == [{"path": "/dev/null"}]
PY
"$gpupv" cdi list --dir "$sandbox/cdi" > "$out"
expect '^gpupv.org/gpu=gpu ' "$out"
expect '^gpupv.org/gpu=all ' "$out"
refuse 'missing' "$out"
"$gpupv" cdi generate --vm closed --kind example.com/sandbox > "$out"
expect "$sandbox/run/closed.sock" "$out"
"$gpupv" cdi generate --prefix "$sandbox/mapped" > "$out" 2>&1 && fail "shims in an empty prefix"
expect 'there is no gpupv_icd' "$out"

echo "== a container made from the CDI file"
sandbox_make_guest vulkaninfo
mapfile -d '' -t options < <(/usr/bin/python3 - "$spec" <<'PY'
import json, sys
edits = json.load(open(sys.argv[1]))["containerEdits"]
words = [w for m in edits["mounts"] for w in ("--ro-bind", m["hostPath"], m["containerPath"])]
words += [w for e in edits["env"] for w in ("--setenv", *e.split("=", 1))]
sys.stdout.write("".join(w + "\0" for w in words))
PY
)
bwrap --unshare-pid --unshare-net --die-with-parent --clearenv --ro-bind "$sandbox/guest" / \
  --proc /proc --dev /dev --tmpfs /tmp --tmpfs /run "${options[@]}" --setenv HOME /tmp \
  --setenv PATH /usr/bin:/bin -- vulkaninfo --summary > "$out" 2>&1 || { cat "$out" >&2; fail "vulkaninfo"; }
expect "deviceName += llvmpipe" "$out"
"$gpupv" cdi list --dir "$sandbox/cdi" --json | /usr/bin/python3 -c 'import json, sys
assert [d["missing"] for d in json.load(sys.stdin)["devices"]] == [None, None]' || fail "cdi list --json"
echo "all as it should be"
