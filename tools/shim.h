/* SPDX-License-Identifier: MIT */
/*
 * What a guest needs of gpupv, as it is installed on this machine: for each architecture the ICD
 * manifest, the ICD, and the library of the thunks that the ICD finds beside itself.
 *
 * An installation may have been moved as a whole (a DESTDIR, a container image that is being made):
 * files are looked for in the prefix where the manifests were found; where a guest gets them is
 * what the manifest says.
 */
#ifndef GPUPV_TOOLS_SHIM_H
#define GPUPV_TOOLS_SHIM_H

#include <stddef.h>

#include "util/error.h"

#define SHIM_MAX 8

struct shim_file {
    char *host;  /* resolved path on this machine */
    char *guest; /* where a guest that has the installation's own layout has it */
};

struct shim {
    char *arch; /* as in the manifest's name: x86_64, i386, … */
    struct shim_file manifest, icd, thunks;
};

struct shims {
    struct shim items[SHIM_MAX]; /* sorted by architecture */
    size_t count;
    struct shim_file tool; /* the gpupv command */
};

/* Looks in `prefix`, or with NULL in the one that this program lies in, else in the configured
 * one. -ENOENT names the file that is missing. */
int shims_find(const char *prefix, struct shims *shims, struct error *err);
void shims_finish(struct shims *shims);

#endif
