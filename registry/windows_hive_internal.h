/* SPDX-License-Identifier: MIT */
/* What the two halves of windows_hive share. */
#ifndef GPUPV_REGISTRY_WINDOWS_HIVE_INTERNAL_H
#define GPUPV_REGISTRY_WINDOWS_HIVE_INTERNAL_H

#include <hivex.h>

#include "registry/windows_hive.h"

struct windows_hive {
    hive_h *handle;
    char *name;
    bool dirty;
};

/* The error of a place in the file that hivex does not accept, by errno. */
int windows_hive_damaged(const struct windows_hive *hive, const char *key, struct error *err);
/* Finds a key; *path gets its name with the control set that is meant, malloc'ed. */
int windows_hive_find(struct windows_hive *hive, const char *key, hive_node_h *node, char **path,
                      struct error *err);

#endif
