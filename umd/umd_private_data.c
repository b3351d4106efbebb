/* SPDX-License-Identifier: MIT */
#include "umd/umd_private_data.h"

#include <string.h>

#include "umd_commands.h"
#include "vkwire.h"

/* Stands for the device itself; no object has this id. */
#define DEVICE_KEY UINT64_MAX

struct value {
    uint64_t key; /* an object's id; 0: free */
    uint64_t value;
};

/* A table with open addressing; at most three quarters are in use. */
struct slot {
    struct slot *next, *previous; /* of the device */
    struct value *values;
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t used;
};

struct umd_private_data {
    pthread_mutex_t lock; /* for the slots and what they hold */
    struct slot *slots;
};

VkResult umd_private_data_init(struct umd_device *device)
{
    device->private_data = umd_alloc(&device->allocator, NULL, sizeof(*device->private_data),
                                     VK_SYSTEM_ALLOCATION_SCOPE_DEVICE);
    if (!device->private_data)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    pthread_mutex_init(&device->private_data->lock, NULL);
    return VK_SUCCESS;
}

/* The tables are the device's, a slot is the program's. */
static void free_slot(struct umd_device *device, struct slot *slot,
                      const VkAllocationCallbacks *allocator)
{
    umd_free(&device->allocator, NULL, slot->values);
    umd_free(allocator, &device->allocator, slot);
}

void umd_private_data_finish(struct umd_device *device)
{
    struct umd_private_data *state = device->private_data;

    if (!state)
        return;
    while (state->slots) {
        struct slot *slot = state->slots;

        state->slots = slot->next;
        free_slot(device, slot, NULL);
    }
    pthread_mutex_destroy(&state->lock);
    umd_free(&device->allocator, NULL, state);
    device->private_data = NULL;
}

/* --- Objects --- */

/* What names an object for ever: an address may become another object's, an id does not. */
static uint64_t key_of(VkObjectType type, uint64_t handle)
{
    switch (type) {
    case VK_OBJECT_TYPE_DEVICE:
        return DEVICE_KEY;
    case VK_OBJECT_TYPE_QUEUE:
        return ((const struct umd_queue *)(uintptr_t)handle)->id;
    case VK_OBJECT_TYPE_COMMAND_BUFFER:
        return ((const struct umd_command_buffer *)(uintptr_t)handle)->id;
    default:
        return handle;
    }
}

static bool alive(const struct umd_device *device, uint64_t key)
{
    uint32_t slot = STREAM_ID_SLOT(key);
    struct umd_id_entry *page;

    if (key == DEVICE_KEY || STREAM_ID_TYPE(key) == VKWIRE_OBJECT_QUEUE)
        return true;
    if (slot >= STREAM_MAX_SLOTS)
        return true; /* none of our ids: nothing is known of it */
    page = atomic_load_explicit(&device->ids.pages[slot / UMD_ID_PAGE], memory_order_acquire);
    return page && atomic_load_explicit(&page[slot % UMD_ID_PAGE].id, memory_order_acquire) == key;
}

/* --- Tables --- */

static uint32_t hash_of(uint64_t key)
{
    return (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32);
}

/* The place of a key, or the free one where it belongs. There is one. */
static struct value *place_of(struct value *values, uint32_t capacity, uint64_t key)
{
    uint32_t i = hash_of(key) & (capacity - 1);

    while (values[i].key && values[i].key != key)
        i = (i + 1) & (capacity - 1);
    return &values[i];
}

/* Makes room for one more: forgets the values of objects that are gone, and grows if that does not
 * help. */
static bool make_room_locked(struct umd_device *device, struct slot *slot)
{
    struct value *values;
    uint32_t living = 0, capacity = 16;

    if ((slot->used + 1) * 4 <= slot->capacity * 3)
        return true;
    for (uint32_t i = 0; i < slot->capacity; i++)
        living += slot->values[i].key && alive(device, slot->values[i].key);
    while (capacity < (living + 1) * 2)
        capacity *= 2;
    values = umd_alloc(&device->allocator, NULL, capacity * sizeof(*values),
                       VK_SYSTEM_ALLOCATION_SCOPE_DEVICE);
    if (!values)
        return false;
    slot->used = 0;
    for (uint32_t i = 0; i < slot->capacity; i++) {
        if (!slot->values[i].key || !alive(device, slot->values[i].key))
            continue;
        *place_of(values, capacity, slot->values[i].key) = slot->values[i];
        slot->used++;
    }
    umd_free(&device->allocator, NULL, slot->values);
    slot->values = values;
    slot->capacity = capacity;
    return true;
}

static VkResult set_locked(struct umd_device *device, struct slot *slot, uint64_t key,
                           uint64_t value)
{
    struct value *place = slot->capacity ? place_of(slot->values, slot->capacity, key) : NULL;

    if (!place || !place->key) {
        if (!value)
            return VK_SUCCESS; /* what it has anyway */
        if (!make_room_locked(device, slot))
            return VK_ERROR_OUT_OF_HOST_MEMORY;
        place = place_of(slot->values, slot->capacity, key);
        place->key = key;
        slot->used++;
    }
    place->value = value;
    return VK_SUCCESS;
}

/* --- Commands --- */

VKAPI_ATTR VkResult VKAPI_CALL umd_CreatePrivateDataSlot(
    VkDevice device, const VkPrivateDataSlotCreateInfo *pCreateInfo,
    const VkAllocationCallbacks *pAllocator, VkPrivateDataSlot *pPrivateDataSlot)
{
    struct umd_device *own = umd_device_from(device);
    struct slot *slot =
        umd_alloc(pAllocator, &own->allocator, sizeof(*slot), VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
    uint64_t id;

    (void)pCreateInfo;
    if (!slot)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    id = umd_id_create(&own->ids, VKWIRE_OBJECT_PRIVATE_DATA_SLOT, slot);
    if (!id) {
        umd_free(pAllocator, &own->allocator, slot);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    pthread_mutex_lock(&own->private_data->lock);
    slot->next = own->private_data->slots;
    if (slot->next)
        slot->next->previous = slot;
    own->private_data->slots = slot;
    pthread_mutex_unlock(&own->private_data->lock);
    *pPrivateDataSlot = UMD_HANDLE(VkPrivateDataSlot, id);
    return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL umd_DestroyPrivateDataSlot(VkDevice device,
                                                      VkPrivateDataSlot privateDataSlot,
                                                      const VkAllocationCallbacks *pAllocator)
{
    struct umd_device *own = umd_device_from(device);
    struct slot *slot = umd_object(own, UMD_ID(privateDataSlot));

    if (!slot)
        return;
    umd_id_free(&own->ids, UMD_ID(privateDataSlot));
    pthread_mutex_lock(&own->private_data->lock);
    if (slot->next)
        slot->next->previous = slot->previous;
    if (slot->previous)
        slot->previous->next = slot->next;
    else
        own->private_data->slots = slot->next;
    pthread_mutex_unlock(&own->private_data->lock);
    free_slot(own, slot, pAllocator);
}

VKAPI_ATTR VkResult VKAPI_CALL umd_SetPrivateData(VkDevice device, VkObjectType objectType,
                                                  uint64_t objectHandle,
                                                  VkPrivateDataSlot privateDataSlot, uint64_t data)
{
    struct umd_device *own = umd_device_from(device);
    struct slot *slot = umd_object(own, UMD_ID(privateDataSlot));
    VkResult result;

    if (!slot || !objectHandle)
        return VK_SUCCESS;
    pthread_mutex_lock(&own->private_data->lock);
    result = set_locked(own, slot, key_of(objectType, objectHandle), data);
    pthread_mutex_unlock(&own->private_data->lock);
    return result;
}

VKAPI_ATTR void VKAPI_CALL umd_GetPrivateData(VkDevice device, VkObjectType objectType,
                                              uint64_t objectHandle,
                                              VkPrivateDataSlot privateDataSlot, uint64_t *pData)
{
    struct umd_device *own = umd_device_from(device);
    struct slot *slot = umd_object(own, UMD_ID(privateDataSlot));

    *pData = 0;
    if (!slot || !objectHandle)
        return;
    pthread_mutex_lock(&own->private_data->lock);
    if (slot->capacity)
        *pData = place_of(slot->values, slot->capacity, key_of(objectType, objectHandle))->value;
    pthread_mutex_unlock(&own->private_data->lock);
}
