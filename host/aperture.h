/* SPDX-License-Identifier: MIT */
/*
 * The aperture ("guest IO space") of a guest process: shared memory for what guest and host both
 * see. One sparse memfd, which can neither grow nor shrink, so that nobody is hit by its end. The
 * guest and the worker have descriptors of it and may write anywhere in it, and punch holes:
 * nothing that lies there is believed, and the service itself touches it by calls that fail rather
 * than fault.
 */
#ifndef GPUPV_HOST_APERTURE_H
#define GPUPV_HOST_APERTURE_H

#include <stdint.h>

#include "host/ranges.h"

#define APERTURE_PAGE 4096u

struct aperture {
    int fd;
    uint64_t size;
    struct ranges ranges;
};

/* `size` is a multiple of APERTURE_PAGE, not 0. A negative errno. */
int aperture_create(uint64_t size, struct aperture **aperture);
/* NULL is accepted. */
void aperture_destroy(struct aperture *aperture);

/* Takes a range of `size` bytes, a multiple of APERTURE_PAGE; it reads zero. -ENOSPC; -ENOMEM. */
int aperture_take(struct aperture *aperture, uint64_t size, struct range **range);
/* Gives it back, and its memory to the system. */
void aperture_give_back(struct aperture *aperture, struct range *range);

static inline uint64_t range_offset(const struct range *range)
{
    return range->first * APERTURE_PAGE;
}

#endif
