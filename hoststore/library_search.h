/* SPDX-License-Identifier: MIT */
/* Finds the library of an ICD manifest on this machine. Private to hoststore. */
#ifndef GPUPV_HOSTSTORE_LIBRARY_SEARCH_H
#define GPUPV_HOSTSTORE_LIBRARY_SEARCH_H

#include "hoststore/elf_file.h"
#include "hoststore/icd_manifest.h"
#include "util/error.h"

struct library {
    int fd;     /* open for reading */
    char *path; /* where it was found */
    const struct elf_architecture *architecture;
};

/* `manifest_path` is the file that *manifest was read from; `architecture` is the one asked for, or
 * NULL. -ENOENT when there is no such library, -EINVAL when it is no library or is for another
 * machine than the manifest or the caller says. */
int library_find(const struct icd_manifest *manifest, const char *manifest_path,
                 const char *architecture, struct library *library, struct error *err);
/* As library_find's checks, for a file that is open; `path` is for messages. */
int library_check(int fd, const char *path, const struct icd_manifest *manifest,
                  const char *architecture, const struct elf_architecture **found,
                  struct error *err);
void library_finish(struct library *library);

#endif
