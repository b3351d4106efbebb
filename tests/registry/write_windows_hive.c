/* SPDX-License-Identifier: MIT */
/* write_windows_hive FILE: a SYSTEM hive for scripts. */
#include <stdio.h>

#include "tests/registry/make_windows_hive.h"

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: write_windows_hive FILE\n");
        return 2;
    }
    if (make_windows_hive(argv[1]) < 0) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
