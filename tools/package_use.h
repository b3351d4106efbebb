/* SPDX-License-Identifier: MIT */
/* Which registry keys name a package: every string of every value that is a path into it. */
#ifndef GPUPV_TOOLS_PACKAGE_USE_H
#define GPUPV_TOOLS_PACKAGE_USE_H

#include <stddef.h>

#include <json-c/json.h>

#include "hoststore/store.h"
#include "registry/registry.h"
#include "tools/host_env.h"

/* `hive` may be NULL: no key, then. */
size_t package_use_count(const struct host_env *env, const struct reg_hive *hive,
                         const char *package);
/* The first key's path, malloc'ed, or NULL. */
char *package_use_first(const struct host_env *env, const struct reg_hive *hive,
                        const char *package);
/* An array of the keys' paths. */
json_object *package_use_json(const struct host_env *env, const struct reg_hive *hive,
                              const char *package);

/* The members that describe a package. */
void package_add_json(json_object *object, const struct store_package *package);

#endif
