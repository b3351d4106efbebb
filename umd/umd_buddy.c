/* SPDX-License-Identifier: MIT */
/* The buddy tree: see umd_buddy.h. */
#include <stdlib.h>

#include "umd/umd_buddy.h"

bool umd_buddy_init(struct umd_buddy *buddy, uint8_t order, uint8_t min_order)
{
    buddy->levels = (uint8_t)(order - min_order + 1);
    buddy->min_order = min_order;
    buddy->tree = malloc((size_t)1 << buddy->levels);
    if (!buddy->tree)
        return false;
    for (uint8_t depth = 0; depth < buddy->levels; depth++) {
        for (size_t i = (size_t)1 << depth; i < (size_t)2 << depth; i++)
            buddy->tree[i] = (uint8_t)(buddy->levels - depth);
    }
    return true;
}

void umd_buddy_finish(struct umd_buddy *buddy)
{
    free(buddy->tree);
    buddy->tree = NULL;
}

uint8_t umd_buddy_order(const struct umd_buddy *buddy, uint64_t size)
{
    if (size <= (uint64_t)1 << buddy->min_order)
        return buddy->min_order;
    unsigned order = 64 - (unsigned)__builtin_clzll(size - 1);
    return (uint8_t)(order < buddy->min_order + buddy->levels ? order : 64);
}

static void update_parents(struct umd_buddy *buddy, size_t node, uint8_t level)
{
    uint8_t *tree = buddy->tree;
    while (node > 1) {
        node /= 2;
        level++;
        uint8_t left = tree[2 * node], right = tree[2 * node + 1];
        uint8_t free_levels = left == level - 1 && right == level - 1 ? level
                              : left > right                          ? left
                                                                      : right;
        if (tree[node] == free_levels)
            return;
        tree[node] = free_levels;
    }
}

bool umd_buddy_take(struct umd_buddy *buddy, uint8_t order, uint64_t *offset)
{
    uint8_t wanted = (uint8_t)(order - buddy->min_order + 1);
    uint8_t *tree = buddy->tree;
    if (tree[1] < wanted)
        return false;
    size_t node = 1;
    /* The fuller half, if it has room: large pieces stay whole. */
    for (uint8_t level = buddy->levels; level > wanted; level--) {
        uint8_t left = tree[2 * node], right = tree[2 * node + 1];
        node = 2 * node + (left < wanted || (right >= wanted && right < left));
    }
    tree[node] = 0;
    update_parents(buddy, node, wanted);
    size_t first = (size_t)1 << (buddy->levels - wanted);
    *offset = (uint64_t)(node - first) << order;
    return true;
}

void umd_buddy_give(struct umd_buddy *buddy, uint64_t offset, uint8_t order)
{
    uint8_t level = (uint8_t)(order - buddy->min_order + 1);
    size_t node = ((size_t)1 << (buddy->levels - level)) + (size_t)(offset >> order);
    buddy->tree[node] = level;
    update_parents(buddy, node, level);
}
