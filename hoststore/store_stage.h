/* SPDX-License-Identifier: MIT */
/*
 * A package while it is written: a folder in ROOT/.incoming that is renamed into the repository
 * when it is whole. Private to hoststore; one thread at a time.
 */
#ifndef GPUPV_HOSTSTORE_STORE_STAGE_H
#define GPUPV_HOSTSTORE_STORE_STAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "hoststore/catalog.h"
#include "hoststore/store_layout.h"
#include "util/error.h"

struct stage {
    char *path;                        /* of the folder that is written */
    char name[STORE_RANDOM_NAME_SIZE]; /* its name in .incoming */
    /* The folder's lock is shared: it keeps others from cleaning it away. */
    int repository, incoming, folder;
    bool published;
    struct catalog *catalog; /* of what was written until now, not sorted */
    size_t file_capacity;
};

/* Makes the store's folders and an empty one to write into; also cleans what killed writers left
 * more than an hour ago. `root` is absolute. */
int stage_begin(const char *root, struct stage *stage, struct error *err);

/* Writes a file at `path`, relative to the package, from an open file's start, or from memory. */
int stage_copy(struct stage *stage, const char *path, int source, bool executable,
               struct error *err);
int stage_write(struct stage *stage, const char *path, const void *data, size_t size,
                struct error *err);

/* Writes the catalog, checks what is on the disk against it, and makes the package visible. The
 * words go into the catalog as they are. *folder_name is malloc'ed; *added is false when the
 * repository had the same package before. -EBADMSG when that one is damaged. */
int stage_publish(struct stage *stage, const char *name, const char *version,
                  const char *architecture, const char *manifest, char **folder_name, bool *added,
                  struct error *err);

/* Deletes what was not published, and frees. */
void stage_finish(struct stage *stage);

#endif
