/* SPDX-License-Identifier: MIT */
/*
 * What `gpupv host` knows before it asks anybody: the service's configuration, read as the service
 * reads it. The commands work on the files that it names, whether the service runs or not.
 */
#ifndef GPUPV_TOOLS_HOST_ENV_H
#define GPUPV_TOOLS_HOST_ENV_H

#include <stddef.h>

#include "tools/cli.h"
#include "util/error.h"

struct host_env_adapter {
    const char *name, *service, *description; /* description may be NULL */
    unsigned first_key;                       /* number of physical adapter 0's class key */
    unsigned physical_count;
};

struct config;

struct host_env {
    struct config *config;
    const char *control, *hive, *store, *guest_store; /* borrowed from the configuration */
    struct host_env_adapter *adapters;                /* in the order of the file */
    size_t adapter_count;
};

/* Reads the file of --config, else of $GPUPV_CONFIG, else the default one. */
int host_env_open(const struct cli *cli, struct host_env *env, struct error *err);
void host_env_close(struct host_env *env);

/* The adapter's section, or NULL. */
const struct host_env_adapter *host_env_find(const struct host_env *env, const char *name);

#endif
