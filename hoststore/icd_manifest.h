/* SPDX-License-Identifier: MIT */
/*
 * Vulkan ICD manifests ("ICD manifest file format" of the Vulkan-Loader's driver interface). Used
 * by the host, which puts drivers into the store, and by the guest, which loads them.
 */
#ifndef GPUPV_HOSTSTORE_ICD_MANIFEST_H
#define GPUPV_HOSTSTORE_ICD_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define ICD_MANIFEST_MAX_SIZE (64 * 1024)

struct icd_manifest {
    char *library_path;   /* as written */
    char *library_arch;   /* "32", "64" or NULL */
    uint32_t api_version; /* VK_MAKE_API_VERSION */
};

/* Checks that it is JSON, has file_format_version 1.x and an "ICD" object with a library_path
 * string and an api_version; unknown members are ignored. `name` stands for the file in messages.
 * -EINVAL, -EFBIG, -ENOMEM; *manifest is left alone on failure. */
int icd_manifest_parse(const char *name, const char *text, size_t size,
                       struct icd_manifest *manifest, struct error *err);
/* Reads a file; links are followed. */
int icd_manifest_load(const char *path, struct icd_manifest *manifest, struct error *err);
void icd_manifest_finish(struct icd_manifest *manifest);

/* Whether a text is a JSON object with an "ICD" object in it: an ICD manifest, valid or not. */
bool icd_manifest_is_likely(const char *text, size_t size);

/* Where the library of a manifest in a package lies: *library gets its path relative to the
 * package, malloc'ed. `manifest_path` is the manifest's, relative too. A name without a slash means
 * the file beside the manifest, for a package never uses a library of the machine that it is on.
 * ".." is accepted as long as it stays in the package. -EPERM for an absolute path or one that
 * leads out, -ENOMEM. No file is touched. */
int icd_manifest_library_in_package(const struct icd_manifest *manifest, const char *manifest_path,
                                    char **library, struct error *err);

/* The manifest's text with another library path, malloc'ed, everything else kept. */
int icd_manifest_relocate(const char *text, size_t size, const char *library_path, char **result,
                          size_t *result_size, struct error *err);

#endif
