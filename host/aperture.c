/* SPDX-License-Identifier: MIT */
#include "host/aperture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/log.h"

static int make_memory(uint64_t size)
{
    int fd = memfd_create("gpupv-aperture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)size) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
        int result = -errno;
        close(fd);
        return result;
    }
    return fd;
}

int aperture_create(uint64_t size, struct aperture **aperture)
{
    struct aperture *made = calloc(1, sizeof(*made));
    if (!made)
        return -ENOMEM;
    int result = ranges_init(&made->ranges, size / APERTURE_PAGE);
    if (result)
        goto out_free;
    result = make_memory(size);
    if (result < 0)
        goto out_ranges;
    made->fd = result;
    made->size = size;
    *aperture = made;
    return 0;

out_ranges:
    ranges_finish(&made->ranges);
out_free:
    free(made);
    return result;
}

void aperture_destroy(struct aperture *aperture)
{
    if (!aperture)
        return;
    close(aperture->fd);
    ranges_finish(&aperture->ranges);
    free(aperture);
}

int aperture_take(struct aperture *aperture, uint64_t size, struct range **range)
{
    return ranges_take(&aperture->ranges, size / APERTURE_PAGE, range);
}

void aperture_give_back(struct aperture *aperture, struct range *range)
{
    if (fallocate(aperture->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  (off_t)range_offset(range), (off_t)(range->count * APERTURE_PAGE)) < 0) {
        /* Not to be handed out again: the next owner would read what the last one wrote. */
        log_error("service", "cannot free %llu pages of an aperture: %s; they stay taken",
                  (unsigned long long)range->count, strerror(errno));
        return;
    }
    ranges_give_back(&aperture->ranges, range);
}
