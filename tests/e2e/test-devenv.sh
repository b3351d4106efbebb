#!/bin/bash
# SPDX-License-Identifier: MIT
# `meson devenv -C build PROGRAM` runs a Vulkan program on the freshly built ICD, with an embedded
# service and the build's own driver store.
# Usage: test-devenv.sh BUILD
set -euo pipefail
out=$(mktemp)
trap 'rm -f "$out"' EXIT
meson devenv -C "$1" vulkaninfo --summary > "$out" 2>&1 || { cat "$out" >&2; exit 1; }
grep -q 'deviceName .*llvmpipe' "$out" || { cat "$out" >&2; exit 1; }
meson devenv -C "$1" gpupv reg query > "$out" 2>&1 || { cat "$out" >&2; exit 1; }
grep -q 'VulkanDriverName.*gpupv_umd_icd' "$out" || { cat "$out" >&2; exit 1; }
meson devenv -C "$1" sh -c 'gpupv info' > "$out" 2>&1 || { cat "$out" >&2; exit 1; }
grep -q 'embedded:' "$out" || { cat "$out" >&2; exit 1; }
