/* SPDX-License-Identifier: MIT */
/* The objects of a stream: a flat table in pages that never move, by the slot in the guest's id. */
#include "host/worker/exec.h"

#include <stdlib.h>

#include "vkwire.h"
#include "vkwire_exec.h"

/* The entry of a slot, or NULL when its page was never needed. */
static struct exec_object *entry_of(const struct exec_objects *objects, uint32_t slot)
{
    if (slot == 0 || slot >= STREAM_MAX_SLOTS)
        return NULL;
    struct exec_object *page = objects->pages[slot / EXEC_PAGE];
    return page ? &page[slot % EXEC_PAGE] : NULL;
}

static struct exec_object *make_entry(struct exec *x, uint32_t slot)
{
    struct exec_object **page = &x->objects.pages[slot / EXEC_PAGE];
    if (!*page)
        *page = calloc(EXEC_PAGE, sizeof(**page));
    return *page ? &(*page)[slot % EXEC_PAGE] : NULL;
}

static struct exec_object *add(struct exec *x, uint64_t id, uint8_t type, uint64_t handle)
{
    uint32_t slot = STREAM_ID_SLOT(id);
    if (slot == 0 || slot >= STREAM_MAX_SLOTS || STREAM_ID_TYPE(id) != type ||
        STREAM_ID_GENERATION(id) == 0) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "the id 0x%llx for a new object of type %u",
                  (unsigned long long)id, type);
        return NULL;
    }
    struct exec_object *object = make_entry(x, slot);
    if (!object) {
        exec_fail(x, STREAM_LOST_MEMORY, "no memory for more than %u objects", x->objects.count);
        return NULL;
    }
    if (object->id != 0) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "the new id 0x%llx, whose slot 0x%llx has",
                  (unsigned long long)id, (unsigned long long)object->id);
        return NULL;
    }
    *object = (struct exec_object){.id = id, .handle = {handle}};
    x->objects.count++;
    return object;
}

bool exec_object_add(struct exec *x, uint64_t id, uint8_t type, uint64_t handle)
{
    return add(x, id, type, handle) != NULL;
}

bool exec_object_add_child(struct exec *x, uint64_t id, uint8_t type, uint64_t handle,
                           struct exec_object *parent)
{
    struct exec_object *object = add(x, id, type, handle);
    if (!object)
        return false;
    uint32_t slot = STREAM_ID_SLOT(id);
    object->parent = STREAM_ID_SLOT(parent->id);
    object->next = parent->first_child;
    if (object->next)
        entry_of(&x->objects, object->next)->previous = slot;
    parent->first_child = slot;
    return true;
}

struct exec_object *exec_object_find(struct exec *x, uint64_t id, uint8_t type)
{
    struct exec_object *object = entry_of(&x->objects, STREAM_ID_SLOT(id));
    if (!object || object->id != id || id == 0 || STREAM_ID_TYPE(id) != type)
        return NULL;
    if (__builtin_expect(object->handle[0] == EXEC_PENDING, 0))
        exec_object_settle(x, object);
    return object;
}

struct exec_object *exec_object_get(struct exec *x, uint64_t id, uint8_t type)
{
    struct exec_object *object = exec_object_find(x, id, type);
    if (!object)
        exec_fail(x, STREAM_LOST_PROTOCOL, "no object of type %u has the id 0x%llx", type,
                  (unsigned long long)id);
    return object;
}

static void unlink_from_parent(struct exec *x, struct exec_object *object)
{
    if (object->next)
        entry_of(&x->objects, object->next)->previous = object->previous;
    if (object->previous)
        entry_of(&x->objects, object->previous)->next = object->next;
    else if (object->parent)
        entry_of(&x->objects, object->parent)->first_child = object->next;
}

static void clear(struct exec *x, struct exec_object *object)
{
    if (object->aux)
        ((struct exec_aux *)object->aux)->forget(x, object);
    *object = (struct exec_object){0};
    x->objects.count--;
}

void exec_object_remove_children(struct exec *x, struct exec_object *object)
{
    /* Only pools have children, and what is taken from a pool has none. */
    uint32_t slot = object->first_child;
    object->first_child = 0;
    while (slot) {
        struct exec_object *child = entry_of(&x->objects, slot);
        slot = child->next;
        clear(x, child);
    }
}

void exec_object_remove(struct exec *x, struct exec_object *object)
{
    exec_object_remove_children(x, object);
    unlink_from_parent(x, object);
    clear(x, object);
}

/* --- All that is left --- */

#define RANKS 4u

/* What uses others goes before them. */
static uint32_t rank_of(uint8_t type)
{
    switch (type) {
    case VKWIRE_OBJECT_COMMAND_POOL:
    case VKWIRE_OBJECT_DESCRIPTOR_POOL:
    case VKWIRE_OBJECT_PIPELINE:
    case VKWIRE_OBJECT_FRAMEBUFFER:
        return 0;
    case VKWIRE_OBJECT_IMAGE:
    case VKWIRE_OBJECT_BUFFER:
        return 2;
    case VKWIRE_OBJECT_DEVICE_MEMORY:
        return 3;
    default:
        return 1;
    }
}

static void destroy_page(struct exec *x, struct exec_object *page, uint32_t rank)
{
    for (uint32_t i = 0; i < EXEC_PAGE; i++) {
        struct exec_object *object = &page[i];
        if (object->id == 0 || object->parent != 0 || rank_of(STREAM_ID_TYPE(object->id)) != rank)
            continue;
        if (object->handle[0] == EXEC_PENDING)
            exec_object_settle(x, object);
        exec_object_remove_children(x, object);
        /* Memory goes with its aux. */
        if (STREAM_ID_TYPE(object->id) != VKWIRE_OBJECT_DEVICE_MEMORY)
            vkwire_destroy_object(x, object);
        clear(x, object);
    }
}

void exec_objects_destroy(struct exec *x)
{
    struct exec_objects *objects = &x->objects;
    const uint32_t pages = sizeof(objects->pages) / sizeof(objects->pages[0]);
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        for (uint32_t i = 0; i < pages; i++) {
            if (objects->pages[i])
                destroy_page(x, objects->pages[i], rank);
        }
    }
    for (uint32_t i = 0; i < pages; i++) {
        free(objects->pages[i]);
        objects->pages[i] = NULL;
    }
}
