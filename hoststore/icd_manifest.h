/* SPDX-License-Identifier: MIT */
/*
 * Vulkan ICD manifests ("ICD manifest file format" of the Vulkan-Loader's driver interface). Used
 * by the host, which puts drivers into the store, and by the guest, which loads them.
 */
#ifndef GPUPV_HOSTSTORE_ICD_MANIFEST_H
#define GPUPV_HOSTSTORE_ICD_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define ICD_MANIFEST_MAX_SIZE (64 * 1024)

struct icd_manifest {
    char *library_path;   /* as written */
    char *library_arch;   /* "32", "64" or NULL */
    uint32_t api_version; /* VK_MAKE_API_VERSION */
};

/* Checks that it is JSON, has file_format_version 1.x and an "ICD" object with a library_path string and
 * an api_version; unknown members are ignored. `name` stands for the file in messages. -EINVAL. */
int icd_manifest_parse(const char *name, const char *text, size_t size,
                       struct icd_manifest *manifest, struct error *err);
int icd_manifest_load(const char *path, struct icd_manifest *manifest, struct error *err);
void icd_manifest_finish(struct icd_manifest *manifest);

/* The manifest's text with another library path, malloc'ed, everything else kept. */
int icd_manifest_relocate(const char *text, size_t size, const char *library_path, char **result,
                          size_t *result_size, struct error *err);

#endif
