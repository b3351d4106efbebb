#!/bin/bash
# SPDX-License-Identifier: MIT
# `vulkaninfo` in a guest with the paravirtual UMD prints what it prints on the host, except for the
# differences of vulkaninfo-differences.txt. Every line of that list must still be needed. Both have a
# display, and tell what windows can show.
# Usage: test-vulkaninfo.sh BUILD [MANIFEST]     (default: BUILD/umd/gpupv_umd_icd.ARCH.json)
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
sandbox_begin "$1"
unset VK_INSTANCE_LAYERS VK_ICD_FILENAMES DISPLAY WAYLAND_DISPLAY

icd=$sandbox_icd
sandbox_add_paravirtual gpu "$icd" "${2:-}"
sandbox_start_service
sandbox_make_guest vulkaninfo
# These are opened at run time, by the driver and by the program.
for library in libxcb libX11 libX11-xcb libwayland-client; do
  sandbox_guest_file "$(ldconfig -p | sed -n "s/.*$library\.so\.[016] .*=> //p" | head -n 1)"
done
sandbox_start_display

# Layers are the installation's, not the driver's: the section is left out, and none is loaded.
info() { sed '/^Layers:/,/^Presentable Surfaces:/{/^Presentable Surfaces:/!d}'; }
VK_DRIVER_FILES=$icd VK_LOADER_LAYERS_DISABLE='~implicit~' NODEVICE_SELECT=1 vulkaninfo \
  2> /dev/null | info > "$sandbox/native"
sandbox_guest env GPUPV_STRICT=1 vulkaninfo 2> "$sandbox/messages" | info > "$sandbox/vulkaninfo" ||
  { cat "$sandbox/messages" >&2; fail "vulkaninfo in the guest"; }
grep -q '^Presentable Surfaces:' "$sandbox/vulkaninfo" || fail "vulkaninfo in the guest finds no surface"
[ "$(wc -l < "$sandbox/native")" -gt 500 ] || fail "vulkaninfo on the host said little"

# Lines of the list: a sign as in a diff (< only on the host, > only in the guest, [<>] both), a regular
# expression for the whole line without its indentation, two blanks or more, # and the reason.
diff -b "$sandbox/native" "$sandbox/vulkaninfo" | sed -n 's/^\([<>]\)[[:space:]]*/\1 /p' |
  sed 's/[[:space:]]*$//' > "$sandbox/differences" || true
python3 - "$here/vulkaninfo-differences.txt" "$sandbox/differences" <<'PY' || fail "vulkaninfo"
import re, sys
rules = []
for number, line in enumerate(open(sys.argv[1]), 1):
    if line.startswith("#") or not line.strip():
        continue
    match = re.fullmatch(r"(<|>|\[<>\]) (.*?)\s{2,}# (\S.*)\n?", line)
    if not match:
        sys.exit(f"vulkaninfo-differences.txt:{number}: not 'SIGN EXPRESSION  # REASON'")
    rules.append([match[1], re.compile(match[2]), number, 0])
bad = 0
for line in open(sys.argv[2]):
    line = line.rstrip("\n")
    for rule in rules:
        if line[0] in rule[0] and rule[1].fullmatch(line[2:].strip()):
            rule[3] += 1
            break
    else:
        print("a difference that is not in the list:", line)
        bad += 1
for sign, expression, number, uses in rules:
    if not uses:
        print(f"vulkaninfo-differences.txt:{number}: there is no such difference any more: {expression.pattern}")
        bad += 1
sys.exit(1 if bad else 0)
PY
echo "all as it should be: $(wc -l < "$sandbox/differences") lines differ, each for a known reason"
