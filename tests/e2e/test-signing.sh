#!/bin/bash
# SPDX-License-Identifier: MIT
# Whose packages a guest loads drivers from: its own configuration says it, whatever the host holds.
# Usage: test-signing.sh BUILD
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
sandbox_begin "$1"

host() { "$sandbox_gpupv" host --config "$sandbox_config" "$@"; }

icd=$sandbox_lavapipe
sandbox_add_driver gpu "$icd" > /dev/null
package=$(ls "$sandbox/var/DriverStore/FileRepository")
folder=$sandbox/var/DriverStore/FileRepository/$package
sandbox_start_service
sandbox_make_guest vulkaninfo
out=$sandbox/out

# Where this guest's configuration lies, as the guest itself says.
config=$(sandbox_guest gpupv info --json |
  /usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)["trust"]["config"])')
etc=$sandbox/guest$(dirname "$config")
mkdir -p "$etc/trusted.d"
host store keygen --output "$sandbox/ours.key" --comment "the test's" > /dev/null 2>&1
host store keygen --output "$sandbox/other.key" > /dev/null 2>&1

loads() {
  sandbox_guest vulkaninfo --summary > "$out" 2>&1 || { cat "$out" >&2; fail "$1: no device"; }
  expect "deviceName += llvmpipe" "$out"
}
refuses() { # refuses WHAT STEP PATTERN
  ! sandbox_guest vulkaninfo --summary > "$out" 2>&1 || fail "$1: vulkaninfo found a device"
  expect "$3" "$out"
  ! sandbox_guest gpupv doctor > "$out" 2> "$sandbox/errors" || fail "$1: doctor saw nothing"
  expect "adapter 0: $2 +failed .*$3" "$out"
  sandbox_guest gpupv info > "$out" 2> "$sandbox/errors" || fail "gpupv info: status $?"
  expect "Driver loaded: +no, at the step \"$2\"" "$out"
}
signature_is() {
  sandbox_guest gpupv info > "$out" 2> "$sandbox/errors" || fail "gpupv info: status $?"
  expect "^ +Signature: +$1" "$out"
}

echo "== without a key, unsigned packages are accepted"
loads "unsigned, no key"
signature_is unsigned
expect "Trusted keys: +0, test signing on" "$out"

echo "== once a key is configured, they are not"
cp "$sandbox/ours.key.pub" "$etc/trusted.d/ours.pub"
refuses "unsigned" signature "$package/gpupv-catalog.sig is missing"
sandbox_guest gpupv info > "$out" 2> "$sandbox/errors"
expect "Trusted keys: +1, test signing off" "$out"

echo "== a guest's environment is not the host's business: a program may name another configuration"
echo '{"test_signing": true}' > "$etc/other.json"
SANDBOX_GUEST_OPTIONS="--setenv GPUPV_GUEST_CONFIG $(dirname "$config")/other.json" loads "another configuration"
rm "$etc/other.json"

echo "== test signing has a name"
echo '{"test_signing": true}' > "$etc/guest.json"
loads "unsigned, test signing"
rm "$etc/guest.json"

echo "== signed with another key"
host store sign "$package" --key "$sandbox/other.key" > /dev/null
refuses "another key" signature "$package/gpupv-catalog.sig: the package is signed with the key"
signature_is unknown-key

echo "== signed"
host store sign "$package" --key "$sandbox/ours.key" > /dev/null
[ "$(ls "$sandbox/var/DriverStore/FileRepository")" = "$package" ] || fail "signing made another package"
loads "signed"
signature_is "signed, key [0-9a-f]{16}, the test's"
sandbox_guest gpupv doctor > "$out" 2> "$sandbox/errors" || { cat "$out" >&2; fail "doctor found something"; }
expect "adapter 0: signature +ok +signed with a key that this guest trusts" "$out"
host store verify "$package" --key "$sandbox/ours.key.pub" > "$out"
expect "ok, signed by the key" "$out"

echo "== an altered driver"
chmod -R u+w "$sandbox/var/DriverStore"
library=$(ls "$folder/"*.so*)
cp "$library" "$sandbox/library"
cp "$folder/gpupv-catalog.json" "$sandbox/catalog"
printf x >> "$library"
refuses "altered" package "$(basename "$library") has"

echo "== an altered driver, and a catalog that fits it"
/usr/bin/python3 - "$folder/gpupv-catalog.json" "$library" << 'END'
import hashlib, json, os, sys
catalog = json.load(open(sys.argv[1]))
data = open(sys.argv[2], "rb").read()
for entry in catalog["files"]:
    if entry["path"] == os.path.basename(sys.argv[2]):
        entry["size"] = len(data)
        entry["digest"] = hashlib.blake2b(data, digest_size=32).hexdigest()
json.dump(catalog, open(sys.argv[1], "w"))
END
refuses "altered with its catalog" signature "$package/gpupv-catalog.json was altered"
signature_is wrong
cp "$sandbox/library" "$library"
cp "$sandbox/catalog" "$folder/gpupv-catalog.json"
loads "restored"

echo "== an altered signature"
cp "$folder/gpupv-catalog.sig" "$sandbox/signature"
truncate -s -3 "$folder/gpupv-catalog.sig"
refuses "cut signature" signature "$package/gpupv-catalog.sig:3: the line is cut short"
cp "$sandbox/signature" "$folder/gpupv-catalog.sig"

echo "== a link in the package"
mv "$folder/gpupv-catalog.sig" "$sandbox/var/DriverStore/FileRepository/outside"
ln -s ../outside "$folder/gpupv-catalog.sig"
refuses "a link" package "gpupv-catalog.sig is a symbolic link"
rm "$folder/gpupv-catalog.sig" "$sandbox/var/DriverStore/FileRepository/outside"
cp "$sandbox/signature" "$folder/gpupv-catalog.sig"

echo "== a configuration that cannot be understood"
printf '{\n  "trusted_keys": [],\n  "test_signing": maybe }\n' > "$etc/guest.json"
refuses "malformed configuration" signature "guest.json:3:"
sandbox_guest gpupv doctor > "$out" 2> "$sandbox/errors" || true
expect "^trust +failed .*guest.json:3:" "$out"
rm "$etc/guest.json"
echo rubbish > "$etc/trusted.d/broken.pub"
refuses "malformed key" signature "trusted.d/broken.pub:1:"
rm "$etc/trusted.d/broken.pub"
loads "all as before"
sandbox_stop_service || fail "gpupvd ended with status $?"
echo "all as it should be"
