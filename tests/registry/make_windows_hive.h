/* SPDX-License-Identifier: MIT */
/* A small SYSTEM hive as Windows has it: two display adapters in ControlSet001, and Select. */
#ifndef GPUPV_TESTS_REGISTRY_MAKE_WINDOWS_HIVE_H
#define GPUPV_TESTS_REGISTRY_MAKE_WINDOWS_HIVE_H

/* Writes it to a new file. 0, or -1 with errno. */
int make_windows_hive(const char *path);

#endif
