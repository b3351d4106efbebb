/* SPDX-License-Identifier: MIT */
/*
 * Driver packages as the guest sees them. A package is read and checked against its catalog once in
 * a process and then stays known until the process ends (packages in the store never change; one
 * whose catalog has become another file is checked anew). Thread-safe.
 */
#ifndef GPUPV_LOADER_PACKAGE_H
#define GPUPV_LOADER_PACKAGE_H

#include "hoststore/catalog.h"
#include "util/error.h"

struct package; /* lives until the process ends */

/* Finds the package of a manifest: its folder, or the nearest one above, that has a catalog.
 * *relative gets the manifest's path in the package, a pointer into `manifest_path`. -ENOENT
 * when there is no catalog, or what catalog_load says. */
int package_find(const char *manifest_path, const struct package **package, const char **relative,
                 struct error *err);

const char *package_folder(const struct package *package);
const struct catalog *package_catalog(const struct package *package);

/* Checks every file, if that has not succeeded before. -EBADMSG or another negative errno. */
int package_verify(const struct package *package, struct error *err);

/* The architecture that drivers must have to be loaded into this process, as catalogs spell it. */
const char *package_native_architecture(void);

#endif
