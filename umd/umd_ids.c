/* SPDX-License-Identifier: MIT */
/*
 * The table of ids. A free slot's entry holds its last generation, under type 0, which no object
 * has, and the next free slot; so freeing needs no memory. Readers look at `id` first and at the
 * rest only when it is the one they want.
 */
#include <stdlib.h>

#include "umd/umd.h"

#define GENERATIONS 0xffffffu

int umd_ids_init(struct umd_ids *ids, uint32_t first_slot)
{
    if (first_slot == 0 || first_slot >= STREAM_MAX_SLOTS)
        return -1;
    for (uint32_t i = 0; i < STREAM_MAX_SLOTS / UMD_ID_PAGE; i++)
        atomic_init(&ids->pages[i], NULL);
    ids->first_slot = ids->next_slot = first_slot;
    ids->first_free = 0;
    ids->lock = (struct umd_lock){0};
    return 0;
}

void umd_ids_finish(struct umd_ids *ids)
{
    for (uint32_t i = 0; i < STREAM_MAX_SLOTS / UMD_ID_PAGE; i++)
        free(atomic_load_explicit(&ids->pages[i], memory_order_relaxed));
}

static struct umd_id_entry *entry_of(const struct umd_ids *ids, uint32_t slot)
{
    struct umd_id_entry *page =
        atomic_load_explicit(&ids->pages[slot / UMD_ID_PAGE], memory_order_acquire);
    return page ? &page[slot % UMD_ID_PAGE] : NULL;
}

static uint32_t take_slot_locked(struct umd_ids *ids)
{
    uint32_t slot = ids->first_free;
    if (slot) {
        ids->first_free = entry_of(ids, slot)->next_free;
        return slot;
    }
    slot = ids->next_slot;
    if (slot >= STREAM_MAX_SLOTS)
        return 0;
    if (!entry_of(ids, slot)) {
        struct umd_id_entry *page = calloc(UMD_ID_PAGE, sizeof(*page));
        if (!page)
            return 0;
        atomic_store_explicit(&ids->pages[slot / UMD_ID_PAGE], page, memory_order_release);
    }
    ids->next_slot++;
    return slot;
}

uint64_t umd_id_create_locked(struct umd_ids *ids, uint8_t type, void *object)
{
    uint32_t slot = take_slot_locked(ids);
    if (slot == 0)
        return 0;
    struct umd_id_entry *entry = entry_of(ids, slot);
    uint64_t last = atomic_load_explicit(&entry->id, memory_order_relaxed);
    uint64_t id = STREAM_ID(slot, STREAM_ID_GENERATION(last) % GENERATIONS + 1, type);
    entry->object = object;
    atomic_store_explicit(&entry->id, id, memory_order_release);
    return id;
}

uint64_t umd_id_create(struct umd_ids *ids, uint8_t type, void *object)
{
    umd_lock_take(&ids->lock);
    uint64_t id = umd_id_create_locked(ids, type, object);
    umd_lock_release(&ids->lock);
    return id;
}

void umd_id_free_locked(struct umd_ids *ids, uint64_t id)
{
    uint32_t slot = STREAM_ID_SLOT(id);
    if (!STREAM_ID_TYPE(id) || slot >= STREAM_MAX_SLOTS)
        return;
    struct umd_id_entry *entry = entry_of(ids, slot);
    if (!entry || atomic_load_explicit(&entry->id, memory_order_relaxed) != id)
        return;
    atomic_store_explicit(&entry->id, STREAM_ID(slot, STREAM_ID_GENERATION(id), 0),
                          memory_order_release);
    entry->next_free = ids->first_free;
    ids->first_free = slot;
}

void umd_id_free(struct umd_ids *ids, uint64_t id)
{
    if (!id)
        return;
    umd_lock_take(&ids->lock);
    umd_id_free_locked(ids, id);
    umd_lock_release(&ids->lock);
}

void *umd_id_next(const struct umd_ids *ids, uint8_t type, uint32_t *slot)
{
    while (*slot < ids->next_slot) {
        const struct umd_id_entry *entry = entry_of(ids, (*slot)++);
        if (entry && STREAM_ID_TYPE(atomic_load_explicit(&entry->id, memory_order_acquire)) == type)
            return entry->object;
    }
    return NULL;
}

bool umd_id_live(const struct umd_ids *ids, uint64_t id, uint8_t type)
{
    uint32_t slot = STREAM_ID_SLOT(id);
    if (slot >= STREAM_MAX_SLOTS || !type || STREAM_ID_TYPE(id) != type)
        return false;
    struct umd_id_entry *entry = entry_of(ids, slot);
    return entry && atomic_load_explicit(&entry->id, memory_order_acquire) == id;
}
