/* SPDX-License-Identifier: MIT */
/* The INF file of a folder that `gpupv host store add` takes: read and checked before anything is
 * changed. */
#ifndef GPUPV_TOOLS_STORE_INF_H
#define GPUPV_TOOLS_STORE_INF_H

#include "hoststore/store.h"
#include "registry/registry.h"

struct store_inf;

/* Reads the one *.inf in the folder itself. *inf is NULL when there is none. `architecture` and
 * `model` may be NULL: this machine's; the only one. Checks that the files it lists are there, and
 * that its registry entries can be written. -EINVAL, -ENOENT, … with the line. */
int store_inf_open(const char *folder, const char *architecture, const char *model,
                   struct store_inf **inf, struct error *err);
void store_inf_close(struct store_inf *inf);

/* Sets what the command line did not: name and version from the INF, unless the folder has a
 * catalog, which tells them already. The strings live as long as `inf`. */
void store_inf_options(const struct store_inf *inf, struct store_add_options *options);

const char *store_inf_description(const struct store_inf *inf);

/* Writes what the INF says into the keys of an adapter, after those that follow from the package
 * itself. `service_key` and `description` may be NULL. */
int store_inf_write(const struct store_inf *inf, const struct store_package *package,
                    const char *adapter_key, const char *service_key, const char *description,
                    struct reg_hive *hive, struct error *err);

#endif
