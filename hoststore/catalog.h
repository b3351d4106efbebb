/* SPDX-License-Identifier: MIT */
/*
 * The catalog of a package: gpupv-catalog.json in the package's folder, with the BLAKE2b-256
 * digest and the size of every other file. The half of the store that the guest needs: a UMD is
 * loaded only from a package whose files are those of its catalog.
 *
 * The file:
 *   { "catalog_version": 1, "name": "lvp_icd", "version": "22.3.6", "architecture": "x86_64",
 *     "manifest": "lvp_icd.json", "digest_algorithm": "blake2b-256",
 *     "files": [ { "path": "lvp_icd.json", "size": 150, "digest": "<64 hex digits>" }, ... ] }
 * Members that are not known are ignored.
 *
 * A catalog is not changed after it is made, and may then be read by several threads at once.
 */
#ifndef GPUPV_HOSTSTORE_CATALOG_H
#define GPUPV_HOSTSTORE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "util/error.h"

#define CATALOG_FILE "gpupv-catalog.json"
/* Stands beside the catalog and is not listed in it; see hoststore/signature.h. */
#define SIGNATURE_FILE "gpupv-catalog.sig"
#define CATALOG_DIGEST_SIZE 32
#define CATALOG_MAX_SIZE (4 * 1024 * 1024)
#define CATALOG_MAX_FILES 16384
#define CATALOG_MAX_DEPTH 32 /* folders within folders */
/* Longest words, so that a package's folder name always fits into one path component. */
#define CATALOG_MAX_NAME 128
#define CATALOG_MAX_VERSION 64
#define CATALOG_MAX_ARCHITECTURE 16

struct catalog_file {
    char *path; /* relative to the package, checked with store_path_check_relative */
    uint64_t size;
    uint8_t digest[CATALOG_DIGEST_SIZE];
};

struct catalog {
    char *name;         /* of the driver, e.g. "lvp_icd" */
    char *version;      /* the driver's, dotted, e.g. "22.3.6" */
    char *architecture; /* of the library: "x86_64", "i386", "aarch64", … */
    /* The ICD manifest's path in the package; in one without a Vulkan driver that of its INF. */
    char *manifest;
    /* Sorted by path, in byte order. */
    struct catalog_file *files;
    size_t file_count;
};

/* Parses JSON text; `name` stands for the file in messages. Every path is checked, none may come
 * twice, the manifest must be among the files. -EINVAL, -EPERM for a path that is not acceptable,
 * -EFBIG, -ENOMEM. */
int catalog_parse(const char *name, const char *text, size_t size, struct catalog **catalog,
                  struct error *err);
/* Reads FOLDER/gpupv-catalog.json. -ENOENT if there is none; -EBADMSG if it is no regular file. */
int catalog_load(const char *folder, struct catalog **catalog, struct error *err);
/* The JSON text, malloc'ed, with a NUL behind. Equal catalogs give equal text. */
int catalog_format(const struct catalog *catalog, char **text, size_t *size);
void catalog_destroy(struct catalog *catalog);

/* The same, and the bytes that were read, for who must know that they are the ones that were
 * signed. *text is malloc'ed, with a NUL behind. */
int catalog_load_text(const char *folder, struct catalog **catalog, char **text, size_t *size,
                      struct error *err);

/* Checks every file of the package at `folder` against the catalog: present, a regular file (no
 * link on the way, the folder itself included), size and digest right, and no file or folder there
 * that the catalog does not list, but SIGNATURE_FILE, whose contents are not looked at. -EBADMSG
 * with the file's name and the cause; another negative errno when something cannot be read. */
int catalog_verify(const struct catalog *catalog, const char *folder, struct error *err);

/* Tells one file on the disk from another, and from the same one after a change. */
struct file_identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

bool file_identity_equal(const struct file_identity *a, const struct file_identity *b);
/* Of FOLDER/PATH now, which is opened without following a link. As tree_read's errors. */
int file_identity_read(const char *folder, const char *path, struct file_identity *identity,
                       struct error *err);
/* As catalog_verify; identities[i] gets what files[i] was while it was checked. */
int catalog_verify_identities(const struct catalog *catalog, const char *folder,
                              struct file_identity *identities, struct error *err);

/* Puts the files into the order that catalog_find needs, for who fills a catalog by hand. */
void catalog_sort(struct catalog *catalog);
/* The listed file, or NULL. */
const struct catalog_file *catalog_find(const struct catalog *catalog, const char *path);

/* True for a name, version or architecture that fits into a folder name: 1 to `limit` characters of
 * A-Z a-z 0-9 . _ - and no dot in front. */
bool catalog_word_is_valid(const char *word, size_t limit);

/* Whether these are the contents that the catalog lists; false, too, when no digest can be made. */
bool catalog_file_fits(const struct catalog_file *file, const void *data, size_t size);

/* Digest of an open file from its start, whatever its position; also its size. */
int catalog_digest(int fd, uint8_t digest[CATALOG_DIGEST_SIZE], uint64_t *size);

#endif
