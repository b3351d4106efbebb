/* SPDX-License-Identifier: MIT */
/*
 * Divides a range of 2^order bytes into pieces of 2^n bytes that are aligned to their size. One
 * thread at a time.
 */
#ifndef GPUPV_UMD_BUDDY_H
#define GPUPV_UMD_BUDDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct umd_buddy {
    uint8_t *tree; /* node i has the children 2i and 2i + 1; 1 is the root. Levels free below a
                      node: 0 for none, 1 for the smallest piece … */
    uint8_t levels, min_order;
};

/* Pieces have 2^min_order to 2^order bytes. False: memory is short. */
bool umd_buddy_init(struct umd_buddy *buddy, uint8_t order, uint8_t min_order);
void umd_buddy_finish(struct umd_buddy *buddy);

/* The order of the smallest piece that holds `size` bytes; 64 when there is none. */
uint8_t umd_buddy_order(const struct umd_buddy *buddy, uint64_t size);
/* Takes a piece. False: there is none so large. */
bool umd_buddy_take(struct umd_buddy *buddy, uint8_t order, uint64_t *offset);
/* Gives one back, with the order that it was taken with. */
void umd_buddy_give(struct umd_buddy *buddy, uint64_t offset, uint8_t order);
static inline bool umd_buddy_is_full(const struct umd_buddy *buddy)
{
    return buddy->tree[1] == 0;
}

#endif
