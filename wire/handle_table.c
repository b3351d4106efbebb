/* SPDX-License-Identifier: MIT */
#include "wire/handle_table.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define NO_SLOT UINT32_MAX
#define FIRST_SLOTS 16u
#define MAX_LIMIT 65536u

struct slot {
    void *object; /* NULL while free */
    uint32_t type;
    uint32_t next_free;
    uint16_t generation;
};

struct handle_table {
    struct slot *slots;
    uint32_t slot_count, limit, live;
    /* Freed slots wait in a queue, so that a slot's generation wraps around as late as can be. */
    uint32_t first_free, last_free;
};

static uint16_t random_generation(void)
{
    uint16_t number = 0;
    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number)) {
        /* Early in boot, or a kernel that refuses: unpredictability is lost, correctness is not. */
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        number = (uint16_t)(now.tv_nsec >> 4);
    }
    return number ? number : 1;
}

static uint16_t next_generation(uint16_t generation)
{
    return generation == UINT16_MAX ? 1 : (uint16_t)(generation + 1);
}

int handle_table_create(uint32_t limit, struct handle_table **table)
{
    if (limit < 1 || limit > MAX_LIMIT)
        return -EINVAL;
    struct handle_table *made = calloc(1, sizeof(*made));
    if (!made)
        return -ENOMEM;
    made->limit = limit;
    made->first_free = made->last_free = NO_SLOT;
    *table = made;
    return 0;
}

void handle_table_destroy(struct handle_table *table)
{
    if (!table)
        return;
    free(table->slots);
    free(table);
}

static void append_free(struct handle_table *table, uint32_t index)
{
    table->slots[index].next_free = NO_SLOT;
    if (table->last_free == NO_SLOT)
        table->first_free = index;
    else
        table->slots[table->last_free].next_free = index;
    table->last_free = index;
}

static int grow(struct handle_table *table)
{
    uint32_t count = table->slot_count ? table->slot_count * 2 : FIRST_SLOTS;
    if (count > table->limit)
        count = table->limit;
    if (count == table->slot_count)
        return -ENOSPC;
    struct slot *slots = realloc(table->slots, count * sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    table->slots = slots;
    for (uint32_t i = table->slot_count; i < count; i++) {
        slots[i] = (struct slot){.generation = random_generation()};
        append_free(table, i);
    }
    table->slot_count = count;
    return 0;
}

static uint32_t handle_of(const struct handle_table *table, uint32_t index)
{
    return (uint32_t)table->slots[index].generation << 16 | index;
}

int handle_table_add(struct handle_table *table, uint32_t type, void *object, uint32_t *handle)
{
    if (table->first_free == NO_SLOT) {
        int result = grow(table);
        if (result)
            return result;
    }
    uint32_t index = table->first_free;
    struct slot *slot = &table->slots[index];
    table->first_free = slot->next_free;
    if (table->first_free == NO_SLOT)
        table->last_free = NO_SLOT;
    slot->object = object;
    slot->type = type;
    table->live++;
    *handle = handle_of(table, index);
    return 0;
}

static struct slot *find(const struct handle_table *table, uint32_t handle, uint32_t type)
{
    uint32_t index = handle_index(handle);
    if (index >= table->slot_count)
        return NULL;
    struct slot *slot = &table->slots[index];
    if (!slot->object || slot->generation != handle >> 16 || (type && slot->type != type))
        return NULL;
    return slot;
}

void *handle_table_get(const struct handle_table *table, uint32_t handle, uint32_t type)
{
    const struct slot *slot = find(table, handle, type);
    return slot ? slot->object : NULL;
}

void *handle_table_remove(struct handle_table *table, uint32_t handle, uint32_t type)
{
    struct slot *slot = find(table, handle, type);
    if (!slot)
        return NULL;
    void *object = slot->object;
    slot->object = NULL;
    slot->generation = next_generation(slot->generation);
    table->live--;
    append_free(table, handle_index(handle));
    return object;
}

bool handle_table_change_type(struct handle_table *table, uint32_t handle, uint32_t from,
                              uint32_t to)
{
    struct slot *slot = find(table, handle, from);
    if (slot)
        slot->type = to;
    return slot != NULL;
}

size_t handle_table_count(const struct handle_table *table)
{
    return table->live;
}

bool handle_table_next(const struct handle_table *table, uint32_t *position, uint32_t *handle,
                       uint32_t *type, void **object)
{
    for (uint32_t i = *position; i < table->slot_count; i++) {
        const struct slot *slot = &table->slots[i];
        if (!slot->object)
            continue;
        *position = i + 1;
        *handle = handle_of(table, i);
        *type = slot->type;
        *object = slot->object;
        return true;
    }
    *position = table->slot_count;
    return false;
}
