/* SPDX-License-Identifier: MIT */
/*
 * The values of an adapter key that name its drivers. An adapter has one driver for each
 * architecture; a package holds that of one.
 *
 *   VulkanDriverName        the manifests of all: REG_SZ for one, REG_MULTI_SZ for several, that of
 *                           this machine's own architecture first. A guest process takes the first
 *                           that it can load.
 *   UserModeDriverName      the library of this machine's own architecture
 *   UserModeDriverNameWow   that of its 32-bit architecture (i386 on x86_64), as on Windows
 *   DriverVersion, DriverDesc   of the former; of the latter where there is none else
 */
#ifndef GPUPV_TOOLS_DRIVER_NAMES_H
#define GPUPV_TOOLS_DRIVER_NAMES_H

#include <stdbool.h>

#include "hoststore/store.h"
#include "registry/registry.h"
#include "tools/host_env.h"

/* Makes the package the adapter's driver for its architecture: it replaces that of the same
 * architecture, the others stay. What names no package of the store is dropped. `description` is
 * for DriverDesc. */
int driver_names_write(const struct host_env *env, struct reg_key *key,
                       const struct store_package *package, const char *description,
                       struct error *err);

/* Whether the package is for this machine's own architecture, or for any: the service key's
 * ImagePath is that of such a package. */
bool driver_is_native(const struct store_package *package);

#endif
