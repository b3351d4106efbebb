/* SPDX-License-Identifier: MIT */
/*
 * Memory that guest and host both have, without sharing it: what one side has changed is packed as
 * struct stream_page (wire/stream.h) and applied by the other. Each side keeps a *shadow*: the
 * bytes as both were last known to have them. Allocates nothing. The caller sees to it that one
 * thread at a time packs or applies; the memory itself may be written by others meanwhile.
 */
#ifndef GPUPV_WIRE_MIRROR_H
#define GPUPV_WIRE_MIRROR_H

#include <stddef.h>
#include <stdint.h>

#include "wire/stream.h"

/* The most that one page takes. */
#define MIRROR_MAX_PAGE (sizeof(struct stream_page) + STREAM_PAGE_SIZE / 8 + STREAM_PAGE_SIZE)

/* Packs what differs between `memory` and `shadow`, `size` bytes each, of which the shadow then has
 * what was packed. `page` names the place: its offset is that of memory[0], its size is not looked
 * at. `to` has room for MIRROR_MAX_PAGE bytes. Gives how many it took, a multiple of 8; 0 when
 * nothing differs. `size` is at most STREAM_PAGE_SIZE. */
size_t mirror_pack(const struct stream_page *page, const uint8_t *memory, uint8_t *shadow,
                   uint32_t size, uint8_t *to);

/* A page out of a message. */
struct mirror_change {
    struct stream_page page;
    const uint8_t *mask, *bytes; /* in the message */
};

/* Takes the next page from `*size` bytes at `*data`, 8-byte aligned, and goes behind it. -EPROTO
 * when it is cut off or has no valid size; what it says of its place is for the caller to check. */
int mirror_take(const uint8_t **data, size_t *size, struct mirror_change *change);
/* Writes the bytes that have changed to both. */
void mirror_apply(const struct mirror_change *change, uint8_t *memory, uint8_t *shadow);

#endif
