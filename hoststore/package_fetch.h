/* SPDX-License-Identifier: MIT */
/*
 * One package from a source into a folder, file by file. What an earlier try has left there is
 * continued: a file is kept as far as it goes, and judged by its digest when it is whole. Private
 * to hoststore; one thread at a time.
 */
#ifndef GPUPV_HOSTSTORE_PACKAGE_FETCH_H
#define GPUPV_HOSTSTORE_PACKAGE_FETCH_H

#include "hoststore/guest_store.h"

struct fetch {
    const struct offered_package *package;
    const struct package_source *source;
    const struct copy_events *events; /* may be NULL */
    int folder;                       /* that is written, open; the fetch's owner closes it */
    uint64_t copied, reused;          /* out: bytes */
    uint64_t total;                   /* out: bytes of all files */
};

/* Brings all files to the disk, with their times and modes; *catalog, malloc'ed, is what they were
 * compared with. On failure the folder keeps what is there, for the next try. -EBADMSG when the
 * source's files are not those of the catalog, or the catalog not that of the offer; -ENOSPC,
 * -ECANCELED, what the source gave, … */
int package_fetch(struct fetch *fetch, struct catalog **catalog, struct error *err);

/* The signature's bytes, malloc'ed, compared with the offer. */
int package_fetch_signature(const struct offered_package *package,
                            const struct package_source *source, char **data, size_t *size,
                            struct error *err);

#endif
