/* SPDX-License-Identifier: MIT */
/*
 * Driver packages as the guest sees them. A package is read and checked against its catalog once in
 * a process and then stays known until the process ends (packages in the store never change; one
 * whose catalog has become another file is checked anew). Thread-safe.
 */
#ifndef GPUPV_LOADER_PACKAGE_H
#define GPUPV_LOADER_PACKAGE_H

#include "hoststore/catalog.h"
#include "hoststore/trust.h"
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

/* Compares the package's signatures with the keys that this guest's configuration trusts
 * (hoststore/trust.h). *result tells how they stand, also when the package is refused with
 * -EKEYREJECTED. Any other errno: it could not be told, and nothing may be loaded. */
int package_check_trust(const struct package *package, struct trust_result *result,
                        struct error *err);

/* Reads a file that the catalog lists and compares what was read with the catalog: -EBADMSG. *data
 * has a NUL behind and is freed by the caller. */
int package_read(const struct package *package, const char *path, size_t limit, char **data,
                 size_t *size, struct error *err);

/* Whether a file on the disk still is the one that package_verify looked at: the same inode, not
 * changed since. -EBADMSG if not. For who gives its path to something that opens it once more. */
int package_check_unchanged(const struct package *package, const char *path, struct error *err);

/* The architecture that drivers must have to be loaded into this process, as catalogs spell it. */
const char *package_native_architecture(void);

#endif
