#!/bin/bash
# SPDX-License-Identifier: MIT
# ffmpeg's Vulkan filters in a guest: what comes out is what comes out on the host's driver, to the byte.
# Usage: test-ffmpeg.sh BUILD      (variables: see window.sh)
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/sandbox.sh"
. "$here/window.sh"
window_begin "$1" ffmpeg

# (transpose_vulkan=dir=clock leaves a row unwritten, which shows what the memory had before.)
# A test picture that moves, uploaded, filtered, downloaded, and the frames' digests.
filter() { # FORMAT FILTER
  "$run" ffmpeg -v error -nostdin -threads 1 -init_hw_device vulkan=gpu -filter_hw_device gpu \
    -f lavfi -i testsrc2=size=320x240:rate=5:duration=2 \
    -vf "format=$1,hwupload,$2,hwdownload,format=$1" -f framemd5 - < /dev/null
}
count=0
while read -r format chain; do
  for run in native guest; do
    filter "$format" "$chain" > "$sandbox/$run.md5" 2> "$sandbox/$run.err" ||
      { cat "$sandbox/$run.err" >&2; fail "$format, $chain: status $? ($run)"; }
    [ "$(grep -vc '^#' "$sandbox/$run.md5")" -eq 10 ] || fail "$format, $chain: not 10 frames ($run)"
  done
  diff "$sandbox/native.md5" "$sandbox/guest.md5" || fail "$format, $chain: the frames differ (< host, > guest)"
  count=$((count + 1))
done <<'CHAINS'
rgba     hflip_vulkan
rgba     transpose_vulkan=dir=cclock
rgba     scale_vulkan=w=200:h=150
yuv420p  scale_vulkan=w=480:h=360
yuv420p  avgblur_vulkan=sizeX=5:sizeY=3
yuv420p  gblur_vulkan=sigma=2
yuv420p  chromaber_vulkan=dist_x=2:dist_y=1,vflip_vulkan
nv12     flip_vulkan
CHAINS
if [ "${GPUPV_TEST_DRIVER:-}" != complete ]; then
  grep -q 'worker [0-9]* serves' "$sandbox/gpupvd.log" || fail "no worker has served"
fi
window_no_leaks
echo "all as it should be: $count chains of filters"
