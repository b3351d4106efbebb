/* SPDX-License-Identifier: MIT */
/* Temporary memory of one command: taken piece by piece, freed all at once, with an upper limit. One
 * thread. */
#ifndef GPUPV_HOST_WORKER_ARENA_H
#define GPUPV_HOST_WORKER_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* the newest first; the first one made is kept by arena_reset */
    uint8_t *at, *end;          /* free part of the newest */
    size_t used, limit;         /* bytes in all blocks */
};

void arena_init(struct arena *arena, size_t limit);
void arena_finish(struct arena *arena);
/* Frees all that was taken. */
void arena_reset(struct arena *arena);
/* Zeroed, 16-byte aligned. NULL when memory is short or `limit` would be passed. */
void *arena_take(struct arena *arena, size_t size);
/* Of count * size bytes; NULL also when that overflows. */
void *arena_take_array(struct arena *arena, size_t count, size_t size);

#endif
