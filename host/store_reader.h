/* SPDX-License-Identifier: MIT */
/*
 * The file of the driver store that a guest process is copying: it stays open between two messages,
 * and its package is held. One per process. Used by the service's thread alone.
 */
#ifndef GPUPV_HOST_STORE_READER_H
#define GPUPV_HOST_STORE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "host/holds.h"
#include "host/store_cache.h"
#include "util/error.h"

struct store_reader {
    struct hold *hold;
    char *root, *package;
    char *path; /* of the open file; NULL: none */
    int file;
    struct stat info;
};

/* NULL when memory is short. */
struct store_reader *store_reader_create(void);
/* NULL is accepted. */
void store_reader_destroy(struct store_reader *reader, struct hold_table *holds);

bool store_reader_has(const struct store_reader *reader, const char *root, const char *package);

/* Goes on to a package, which it holds. -ENOENT when it cannot be held, -ENOMEM. */
int store_reader_set_package(struct store_reader *reader, struct hold_table *holds,
                             const char *root, const char *package);

/* Opens a file of the package that was set: one that `package`'s catalog lists, the catalog, or the
 * signature. Nothing is done when it is the open one. -EPERM for a path that no catalog may have,
 * -ENOENT for one that this one does not have, or what opening gave. */
int store_reader_open(struct store_reader *reader, const struct cached_package *package,
                      const char *path, struct error *err);

/* Reads at `offset` of the open file, up to *size bytes; *size gets how many. The bytes are most
 * often in the page cache, for those that follow are asked for in advance; a read that must wait
 * for the disk delays the service by one message's worth at the most. */
int store_reader_read(struct store_reader *reader, uint64_t offset, void *data, size_t *size);

#endif
