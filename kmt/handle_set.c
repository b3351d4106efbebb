/* SPDX-License-Identifier: MIT */
#include "kmt/handle_set.h"

#include <errno.h>
#include <stdlib.h>

#include "kmt/mapping.h"

#define FIRST_CAPACITY 64u

void handle_set_finish(struct handle_set *set)
{
    for (size_t i = 0; i < set->capacity; i++)
        kmt_mapping_unref_locked(set->slots[i].mapping);
    free(set->slots);
    *set = (struct handle_set){0};
}

static size_t home_of(const struct handle_set *set, uint32_t handle)
{
    return (handle * UINT32_C(2654435761) >> 8) & (set->capacity - 1);
}

/* The slot that holds the handle, or the free one where it belongs. */
static struct kmt_handle *slot_of(const struct handle_set *set, uint32_t handle)
{
    size_t at = home_of(set, handle);
    while (set->slots[at].handle && set->slots[at].handle != handle)
        at = (at + 1) & (set->capacity - 1);
    return &set->slots[at];
}

static int grow(struct handle_set *set)
{
    struct handle_set grown = {.capacity = set->capacity ? set->capacity * 2 : FIRST_CAPACITY};
    grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
    if (!grown.slots)
        return -ENOMEM;
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->slots[i].handle)
            *slot_of(&grown, set->slots[i].handle) = set->slots[i];
    }
    grown.count = set->count;
    free(set->slots);
    *set = grown;
    return 0;
}

int handle_set_put(struct handle_set *set, const struct kmt_handle *entry)
{
    if (set->count * 2 >= set->capacity) {
        int result = grow(set);
        if (result)
            return result;
    }
    struct kmt_handle *slot = slot_of(set, entry->handle);
    if (!slot->handle)
        set->count++;
    else
        kmt_mapping_unref_locked(slot->mapping); /* of a connection that was lost */
    *slot = *entry;
    return 0;
}

struct kmt_handle *handle_set_find(const struct handle_set *set, uint32_t handle)
{
    if (!handle || !set->count)
        return NULL;
    struct kmt_handle *slot = slot_of(set, handle);
    return slot->handle ? slot : NULL;
}

static void free_slot(struct handle_set *set, size_t hole)
{
    size_t mask = set->capacity - 1;
    kmt_mapping_unref_locked(set->slots[hole].mapping);
    /* Entries behind the hole that were pushed there by it move up, so that searches still end at
     * the first free slot. */
    for (size_t at = (hole + 1) & mask; set->slots[at].handle; at = (at + 1) & mask) {
        size_t home = home_of(set, set->slots[at].handle);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            set->slots[hole] = set->slots[at];
            hole = at;
        }
    }
    set->slots[hole] = (struct kmt_handle){0};
    set->count--;
}

void handle_set_remove(struct handle_set *set, uint32_t handle)
{
    const struct kmt_handle *slot = handle_set_find(set, handle);
    if (slot)
        free_slot(set, (size_t)(slot - set->slots));
}

static bool goes_with(const struct kmt_handle *entry, uint32_t parent)
{
    for (int i = 0; i < KMT_MAX_PARENTS; i++) {
        if (entry->parents[i] == parent)
            return true;
    }
    return false;
}

void handle_set_remove_children(struct handle_set *set, uint32_t parent, uint64_t channel)
{
    for (size_t i = 0; i < set->capacity;) {
        const struct kmt_handle *slot = &set->slots[i];
        if (slot->handle && slot->channel == channel && goes_with(slot, parent))
            free_slot(set, i); /* another entry may have moved here: look again */
        else
            i++;
    }
}
