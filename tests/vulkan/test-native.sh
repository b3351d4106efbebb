#!/bin/bash
# SPDX-License-Identifier: MIT
# One of the Vulkan programs on the host's driver: every case passes or is skipped, two runs print the
# same lines, and the validation layer is silent.
# Usage: test-native.sh BUILD NAME
#   GPUPV_TEST_ICD  the host driver's manifest (default: lavapipe's)
set -euo pipefail
program=$1/tests/vulkan/vk_$2
. "$(dirname "$(realpath "$0")")/../e2e/sandbox.sh" # for the manifest alone
export VK_DRIVER_FILES=$sandbox_icd
unset VK_INSTANCE_LAYERS VK_ICD_FILENAMES
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

"$program" > "$out/first"
# absurd.c breaks the rules on purpose.
[ "$2" = absurd ] || export VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation
"$program" > "$out/second" 2> "$out/messages"
grep -v '^case [a-z0-9-]* \(ok [0-9a-f]\{16\}\|skipped .*\)$' "$out/second" > "$out/other" || true
cat "$out/messages" >> "$out/other"
if [ -s "$out/other" ]; then
  echo "the validation layer, or a case, says:" >&2
  head -c 4000 "$out/other" >&2
  exit 1
fi
diff "$out/first" "$out/second"
cat "$out/second"
