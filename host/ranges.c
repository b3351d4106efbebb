/* SPDX-License-Identifier: MIT */
#include "host/ranges.h"

#include <errno.h>
#include <stdlib.h>

/* How many ranges of the bin that may be too small are looked at. */
#define LOOK_AT 8

static unsigned level_of(uint64_t count)
{
    return 63u - (unsigned)__builtin_clzll(count);
}

/* The four bits behind the leading one. */
static unsigned step_of(uint64_t count, unsigned level)
{
    return (unsigned)(level >= 4 ? count >> (level - 4) : count << (4 - level)) & 15u;
}

static void put_in_bin(struct ranges *ranges, struct range *range)
{
    unsigned level = level_of(range->count), step = step_of(range->count, level);
    struct range **bin = &ranges->bins[level][step];
    range->used = false;
    range->previous = NULL;
    range->next = *bin;
    if (*bin)
        (*bin)->previous = range;
    *bin = range;
    ranges->levels |= UINT64_C(1) << level;
    ranges->steps[level] = (uint16_t)(ranges->steps[level] | 1u << step);
}

static void take_from_bin(struct ranges *ranges, struct range *range)
{
    unsigned level = level_of(range->count), step = step_of(range->count, level);
    if (range->next)
        range->next->previous = range->previous;
    if (range->previous)
        range->previous->next = range->next;
    else
        ranges->bins[level][step] = range->next;
    if (!ranges->bins[level][step])
        ranges->steps[level] = (uint16_t)(ranges->steps[level] & ~(1u << step));
    if (!ranges->steps[level])
        ranges->levels &= ~(UINT64_C(1) << level);
}

int ranges_init(struct ranges *ranges, uint64_t count)
{
    *ranges = (struct ranges){0};
    struct range *all = calloc(1, sizeof(*all));
    if (!all)
        return -ENOMEM;
    all->count = count;
    ranges->lowest = all;
    put_in_bin(ranges, all);
    return 0;
}

void ranges_finish(struct ranges *ranges)
{
    while (ranges->lowest) {
        struct range *range = ranges->lowest;
        ranges->lowest = range->after;
        free(range);
    }
    *ranges = (struct ranges){0};
}

static struct range *find_in_own_bin(const struct ranges *ranges, uint64_t count, unsigned level,
                                     unsigned step)
{
    struct range *range = ranges->bins[level][step];
    for (int i = 0; range && i < LOOK_AT; i++, range = range->next) {
        if (range->count >= count)
            return range;
    }
    return NULL;
}

static struct range *find_free(const struct ranges *ranges, uint64_t count)
{
    unsigned level = level_of(count), step = step_of(count, level);
    struct range *range = find_in_own_bin(ranges, count, level, step);
    if (range)
        return range;
    unsigned larger = step == 15 ? 0 : ranges->steps[level] & ~0u << (step + 1);
    if (!larger) {
        uint64_t levels = level == 63 ? 0 : ranges->levels & ~UINT64_C(0) << (level + 1);
        if (!levels)
            return NULL;
        level = (unsigned)__builtin_ctzll(levels);
        larger = ranges->steps[level];
    }
    return ranges->bins[level][__builtin_ctz(larger)];
}

/* Makes what lies behind the first `count` pages a free range of its own. */
static int split(struct ranges *ranges, struct range *range, uint64_t count)
{
    struct range *rest = calloc(1, sizeof(*rest));
    if (!rest)
        return -ENOMEM;
    rest->first = range->first + count;
    rest->count = range->count - count;
    rest->before = range;
    rest->after = range->after;
    if (rest->after)
        rest->after->before = rest;
    range->after = rest;
    range->count = count;
    put_in_bin(ranges, rest);
    return 0;
}

int ranges_take(struct ranges *ranges, uint64_t count, struct range **taken)
{
    struct range *range = find_free(ranges, count);
    if (!range)
        return -ENOSPC;
    take_from_bin(ranges, range);
    if (range->count > count && split(ranges, range, count)) {
        put_in_bin(ranges, range);
        return -ENOMEM;
    }
    range->used = true;
    ranges->used += count;
    *taken = range;
    return 0;
}

/* `range` takes in the free one behind it. */
static void join(struct ranges *ranges, struct range *range)
{
    struct range *behind = range->after;
    take_from_bin(ranges, behind);
    range->count += behind->count;
    range->after = behind->after;
    if (range->after)
        range->after->before = range;
    free(behind);
}

void ranges_give_back(struct ranges *ranges, struct range *range)
{
    ranges->used -= range->count;
    if (range->after && !range->after->used)
        join(ranges, range);
    if (range->before && !range->before->used) {
        struct range *lower = range->before;
        take_from_bin(ranges, lower);
        lower->count += range->count;
        lower->after = range->after;
        if (lower->after)
            lower->after->before = lower;
        free(range);
        range = lower;
    }
    put_in_bin(ranges, range);
}
