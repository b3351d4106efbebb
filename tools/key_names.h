/* SPDX-License-Identifier: MIT */
/*
 * Registry keys by the names that an administrator knows:
 *
 *   adapter:NAME[:N]   the adapter (software) key of adapter NAME's physical adapter N (default 0)
 *   service:NAME       the service key of adapter NAME, or of the service NAME
 *
 * Anything else is a path and stays as it is. An adapter's keys are asked of the running service.
 * When none runs they are those of the configuration, which the service reads in the same way
 * (host/config.h, class_key); without any section gpuN has number N.
 */
#ifndef GPUPV_TOOLS_KEY_NAMES_H
#define GPUPV_TOOLS_KEY_NAMES_H

#include "tools/host_env.h"

#define KEY_CLASS                                                                                  \
    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}"
#define KEY_SERVICES "HKLM\\SYSTEM\\CurrentControlSet\\Services"

/* *path is malloc'ed. -ENOENT when there is no such adapter or physical adapter, -EINVAL for a
 * malformed name. */
int key_name_expand(const struct host_env *env, const char *typed, char **path, struct error *err);
int key_of_adapter(const struct host_env *env, const char *adapter, unsigned physical, char **path,
                   struct error *err);
int key_of_service(const struct host_env *env, const char *name, char **path, struct error *err);

#endif
