/* SPDX-License-Identifier: MIT */
#include "host/worker/arena.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE (64u * 1024u)
#define ALIGN 16u

struct arena_block {
    _Alignas(ALIGN) struct arena_block *next; /* older */
    size_t size;                              /* with this header */
};

void arena_init(struct arena *arena, size_t limit)
{
    *arena = (struct arena){ .limit = limit };
}

static void use_block(struct arena *arena, struct arena_block *block)
{
    arena->at = (uint8_t *)(block + 1);
    arena->end = (uint8_t *)block + block->size;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *block = arena->blocks;

    if (!block)
        return;
    while (block->next) {
        struct arena_block *older = block->next;

        arena->used -= block->size;
        free(block);
        block = older;
    }
    arena->blocks = block;
    use_block(arena, block);
}

void arena_finish(struct arena *arena)
{
    struct arena_block *block = arena->blocks;

    while (block) {
        struct arena_block *older = block->next;

        free(block);
        block = older;
    }
    *arena = (struct arena){ 0 };
}

static int add_block(struct arena *arena, size_t size)
{
    size_t whole = size + sizeof(struct arena_block);

    if (whole < BLOCK_SIZE)
        whole = BLOCK_SIZE;
    if (arena->used > arena->limit || whole > arena->limit - arena->used)
        return -1;
    struct arena_block *block = aligned_alloc(ALIGN, whole);
    if (!block)
        return -1;
    block->next = arena->blocks;
    block->size = whole;
    arena->blocks = block;
    arena->used += whole;
    use_block(arena, block);
    return 0;
}

void *arena_take(struct arena *arena, size_t size)
{
    if (!size)
        size = 1;
    if (size > arena->limit)
        return NULL;
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if ((size_t)(arena->end - arena->at) < size && add_block(arena, size) < 0)
        return NULL;
    void *taken = arena->at;
    arena->at += size;
    return memset(taken, 0, size);
}

void *arena_take_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return arena_take(arena, bytes);
}
