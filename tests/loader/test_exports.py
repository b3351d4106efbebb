# SPDX-License-Identifier: MIT
"""test_exports.py LIBRARY: the shim exports the driver interface and nothing else, and needs the
thunks and the C library only: it is mapped into containers that have nothing more."""

import re
import subprocess
import sys

EXPORTS = {"vk_icdNegotiateLoaderICDInterfaceVersion", "vk_icdGetInstanceProcAddr",
           "vk_icdGetPhysicalDeviceProcAddr"}
NEEDED = re.compile(
    r"libgpupv_kmt\.so(\.\d+)?|libc\.so(\.\d+)?|libc\.musl-.*|ld-linux.*|ld64\.so.*")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main():
    library = sys.argv[1]
    exports = {line.split()[-1].split("@")[0]
               for line in output("nm", "-D", "--defined-only", library).splitlines()}
    if exports != EXPORTS:
        sys.exit(f"exports differ: {sorted(exports ^ EXPORTS)}")
    dynamic = output("readelf", "-d", library)
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    surplus = [name for name in needed if not NEEDED.fullmatch(name)]
    if surplus or not any(name.startswith("libgpupv_kmt") for name in needed):
        sys.exit(f"needs {needed}")
    if "NODELETE" not in dynamic:
        sys.exit("is not marked NODELETE")


main()
