/* SPDX-License-Identifier: MIT */
/*
 * Divides a space of pages into ranges: finding, taking and giving back one take a constant time,
 * whatever order a guest chooses. Neighbouring free ranges are one. Only numbers: the memory is
 * host/aperture.h's. Used by one thread.
 */
#ifndef GPUPV_HOST_RANGES_H
#define GPUPV_HOST_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#define RANGES_LEVELS 64
#define RANGES_STEPS 16 /* bins for the sizes between two powers of two */

struct range {
    uint64_t first, count;         /* pages */
    struct range *before, *after;  /* by place */
    struct range *next, *previous; /* free ones of about the same size */
    bool used;
};

struct ranges {
    struct range *lowest;
    uint64_t used; /* pages that are taken */
    uint64_t levels;
    uint16_t steps[RANGES_LEVELS];
    struct range *bins[RANGES_LEVELS][RANGES_STEPS];
};

/* All of `count` pages, at least 1, are free. -ENOMEM. */
int ranges_init(struct ranges *ranges, uint64_t count);
/* Frees all ranges, taken ones too. Zeros are accepted. */
void ranges_finish(struct ranges *ranges);

/* Takes `count` pages, at least 1, in a row: the smallest free range that has them, nearly. -ENOSPC
 * when no free range has so many; -ENOMEM. */
int ranges_take(struct ranges *ranges, uint64_t count, struct range **range);
void ranges_give_back(struct ranges *ranges, struct range *range);

#endif
