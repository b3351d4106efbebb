/* SPDX-License-Identifier: MIT */
/*
 * The catalog of a package: gpupv-catalog.json in the package's folder, with the BLAKE2b-256
 * digest and the size of every other file. The half of the store that the guest needs: a UMD is loaded only from a
 * package whose files are those of its catalog.
 */
#ifndef GPUPV_HOSTSTORE_CATALOG_H
#define GPUPV_HOSTSTORE_CATALOG_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define CATALOG_FILE "gpupv-catalog.json"
#define CATALOG_DIGEST_SIZE 32
#define CATALOG_MAX_SIZE (4 * 1024 * 1024)
#define CATALOG_MAX_FILES 16384

struct catalog_file {
    char *path; /* relative to the package, checked with store_path_check_relative */
    uint64_t size;
    uint8_t digest[CATALOG_DIGEST_SIZE];
};

struct catalog {
    char *name;         /* of the driver, e.g. "lvp_icd" */
    char *version;      /* the driver's, dotted, e.g. "22.3.6" */
    char *architecture; /* "x86_64", "i386", "aarch64"; "any" */
    char *manifest;     /* the ICD manifest's path in the package */
    struct catalog_file *files; /* sorted by path */
    size_t file_count;
};

/* Parses JSON text; `name` stands for the file in messages. Every path is checked, none may come
 * twice, the manifest must be among the files. */
int catalog_parse(const char *name, const char *text, size_t size, struct catalog **catalog,
                  struct error *err);
/* Reads FOLDER/gpupv-catalog.json. -ENOENT if there is none. */
int catalog_load(const char *folder, struct catalog **catalog, struct error *err);
/* The JSON text, malloc'ed. */
int catalog_format(const struct catalog *catalog, char **text, size_t *size);
void catalog_destroy(struct catalog *catalog);

/* Checks every file of the package at `folder` against the catalog: present, a regular file (no
 * link on the way), size and digest right, and no file there that the catalog does not list.
 * -EBADMSG with the file's name and the cause. */
int catalog_verify(const struct catalog *catalog, const char *folder, struct error *err);

/* The listed file, or NULL. */
const struct catalog_file *catalog_find(const struct catalog *catalog, const char *path);

/* Digest of an open file from its start; also its size. */
int catalog_digest(int fd, uint8_t digest[CATALOG_DIGEST_SIZE], uint64_t *size);

#endif
