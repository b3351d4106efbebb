/* SPDX-License-Identifier: MIT */
/*
 * A full VM's copy of the host's driver store, made by the guest agent: ROOT/FileRepository/… with
 * .incoming and .locks beside it, as in the host's own store (hoststore/store.h). Where the files
 * come from is a function; the agent brings one that asks the host.
 *
 * A package is written to ROOT/.incoming/PACKAGE, compared with its catalog, brought to the disk,
 * and renamed: a program sees a whole package or none. What is there of an interrupted copy is
 * continued. The agent's stores are marked by the file ROOT/.guest-copy, which it keeps locked; in
 * a store without it (one that is mapped from the host, or the host's own) nothing is ever changed.
 *
 * An object belongs to one thread at a time.
 */
#ifndef GPUPV_HOSTSTORE_GUEST_STORE_H
#define GPUPV_HOSTSTORE_GUEST_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "hoststore/catalog.h"
#include "util/error.h"

#define GUEST_STORE_MARK ".guest-copy"

struct guest_store;

/* Opens the store, and makes it where there is none yet. -EBUSY: another agent keeps it. */
int guest_store_open(const char *root, struct guest_store **store, struct error *err);
/* NULL is accepted. */
void guest_store_close(struct guest_store *store);
/* False for a store that is not this guest's to change. */
bool guest_store_is_own(const struct guest_store *store);

/* A package that the host offers. */
struct offered_package {
    const char *name;        /* of its folder; not trusted */
    uint64_t size;           /* bytes of all files; an estimate for the progress bar */
    uint32_t signature_size; /* 0: not signed */
    uint8_t catalog_digest[CATALOG_DIGEST_SIZE], signature_digest[CATALOG_DIGEST_SIZE];
};

struct offered_file {
    uint64_t size;
    struct timespec modified;
    bool executable;
};

struct package_source {
    /* Reads up to *size bytes of a package's file at `offset`; *size gets how many, 0 at the end.
     * *file is filled, also for 0 bytes. -ENOENT: there is no such file. */
    int (*read)(void *context, const char *package, const char *path, uint64_t offset, void *data,
                size_t *size, struct offered_file *file, struct error *err);
    void *context;
};

/* For a person who waits. Each may be NULL. */
struct copy_events {
    /* `done` of `total` bytes of the package are there, `reused` of them from an earlier try. */
    void (*progress)(void *context, const char *package, uint64_t done, uint64_t reused,
                     uint64_t total);
    /* Asked between two reads: true ends the copy, to be continued another time. */
    bool (*cancelled)(void *context);
    void *context;
};

enum copy_state {
    PACKAGE_PRESENT,  /* it was there, and is as its catalog says */
    PACKAGE_COPIED,   /* it was missing */
    PACKAGE_REPLACED, /* it was there with other contents */
    PACKAGE_REFUSED,  /* it is there with other contents, and must not be overwritten */
    PACKAGE_IN_USE,   /* the same, and a process uses it: another time */
    PACKAGE_FAILED,
};

struct copied_package {
    enum copy_state state;
    uint64_t size;    /* bytes of its files, when it was copied */
    uint64_t copied;  /* that came from the source */
    uint64_t reused;  /* that were there from an earlier try */
    struct error why; /* of the last three states, and why a replaced one was not good */
};

/* Sees to one package. `overwrite`: one with other contents is replaced (DriverStoreCopyMode 2).
 * Returns 0 for the first three states, -EEXIST for PACKAGE_REFUSED, -EBUSY for PACKAGE_IN_USE,
 * else why it failed: -ECANCELED, -ENOSPC, -EBADMSG for contents that are not those of the catalog,
 * what the source gave, … The old package is then still in its place. A package that was found good
 * is looked at again only when one of its files has another identity, size or time. */
int guest_store_copy(struct guest_store *store, const struct offered_package *package,
                     bool overwrite, const struct package_source *source,
                     const struct copy_events *events, struct copied_package *result,
                     struct error *err);

/* What guest_store_collect did with a package that is not wanted. */
struct collect_events {
    void (*removed)(void *context, const char *package);
    void (*in_use)(void *context, const char *package);
    void *context;
};

/* Removes every package whose name is not in `wanted`, unless a process holds it, and what is left
 * of interrupted copies of such packages. 0, or the first failure; the others are gone through. */
int guest_store_collect(struct guest_store *store, const char *const *wanted, size_t count,
                        const struct collect_events *events, struct error *err);

#endif
