# SPDX-License-Identifier: MIT
"""test_elf.py LIBRARY: the driver exports its two interfaces and nothing else, needs the C library
alone, and of it nothing newer than glibc 2.17: guests are older than hosts."""

import re
import subprocess
import sys

EXPORTS = {"vk_icdNegotiateLoaderICDInterfaceVersion", "vk_icdGetInstanceProcAddr",
           "vk_icdGetPhysicalDeviceProcAddr", "gpupv_umd_open_adapter", "gpupv_umd_close_adapter"}
NEWEST = (2, 17)


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main():
    library = sys.argv[1]
    exports = {line.split()[-1].split("@")[0]
               for line in output("nm", "-D", "--defined-only", library).splitlines()}
    if exports != EXPORTS:
        sys.exit(f"exports differ: {sorted(exports ^ EXPORTS)}")
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", library))
    if needed != ["libc.so.6"]:
        sys.exit(f"needs {needed}")
    imports = output("nm", "-D", "--undefined-only", library).splitlines()
    if not imports:
        sys.exit("imports nothing, which cannot be")
    for line in imports:
        name = line.split()[-1]
        version = re.search(r"@GLIBC_([\d.]+)$", name)
        if version and tuple(map(int, version.group(1).split("."))) > NEWEST:
            sys.exit(f"imports {name}")
        if not version and " w " not in line:
            sys.exit(f"imports {name} of no glibc")


main()
