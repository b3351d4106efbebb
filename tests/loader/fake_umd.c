/* SPDX-License-Identifier: MIT */
#include "fake_umd_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_umd_state fake_umd_state;

/* --- Objects: each says whose it is --- */

void init(struct object *object, enum kind kind)
{
    set_loader_magic_value(object);
    object->driver = &fake_umd_state;
    object->kind = kind;
}

void *check(const void *handle, enum kind kind)
{
    const struct object *object = handle;

    if (!object || object->driver != &fake_umd_state || object->kind != kind) {
        fprintf(stderr, "fake driver %s: not my object of kind %d\n", FAKE_NAME, kind);
        abort();
    }
    return (void *)object;
}

struct object *object_create(enum kind kind, int *counter)
{
    struct object *object = calloc(1, sizeof(*object));

    if (!object)
        abort();
    init(object, kind);
    ++*counter;
    return object;
}

VkResult return_list(const void *items, size_t size, uint32_t available, uint32_t *count, void *to)
{
    uint32_t room = *count;

    *count = available;
    if (!to)
        return VK_SUCCESS;
    if (room < available)
        *count = room;
    memcpy(to, items, size * *count);
    return room < available ? VK_INCOMPLETE : VK_SUCCESS;
}

/* --- Lookup --- */

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL GetDeviceProcAddr(VkDevice device,
                                                                  const char *name);
static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL GetInstanceProcAddr(VkInstance instance,
                                                                    const char *name);

static const struct function functions[] = {
    F(INSTANCE, ALWAYS, GetInstanceProcAddr),
    F(DEVICE, ALWAYS, GetDeviceProcAddr),
};
static const struct functions own_functions = FUNCTIONS(functions);

static const struct functions *const all_functions[] = {
    &own_functions,
    &fake_instance_functions,
    &fake_physical_device_functions,
    &fake_device_functions,
};

static const struct function *find(const char *name)
{
    for (size_t i = 0; i < sizeof(all_functions) / sizeof(all_functions[0]); i++)
        for (size_t j = 0; j < all_functions[i]->count; j++)
            if (!strcmp(all_functions[i]->list[j].name, name))
                return &all_functions[i]->list[j];
    return NULL;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL GetDeviceProcAddr(VkDevice device, const char *name)
{
    struct fake_device *own = check(device, DEVICE);
    const struct function *function = find(name);

    if (!function || function->level != DEVICE)
        return NULL;
    return function->when == WITH_SWAPCHAIN && !own->swapchain ? NULL : function->pointer;
}

static bool is_there(const struct fake_instance *instance, const struct function *function)
{
    switch (function->when) {
    case WITH_1_1:
        return HAS_1_1;
    case WITH_SURFACE:
        return instance && instance->surface;
    case WITH_DEBUG:
        return instance && instance->debug_utils;
    default:
        return true;
    }
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL GetInstanceProcAddr(VkInstance instance,
                                                                    const char *name)
{
    const struct fake_instance *own = instance ? check(instance, INSTANCE) : NULL;
    const struct function *function = find(name);

    if (!function || (!own && function->level != 0))
        return NULL;
    return is_there(own, function) ? function->pointer : NULL;
}

/* --- The driver interface --- */

/* vk_icd.h declares them; without EXPORT they are hidden, as everything else here. */
#ifdef FAKE_NO_EXPORTS
#define INTERFACE
#else
#define INTERFACE EXPORT
#endif

INTERFACE VKAPI_ATTR VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version)
{
#ifdef FAKE_INSIST
    *version = FAKE_INTERFACE;
#else
    if (*version > FAKE_INTERFACE)
        *version = FAKE_INTERFACE;
#endif
    return VK_SUCCESS;
}

INTERFACE VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL
vk_icdGetPhysicalDeviceProcAddr(VkInstance instance, const char *name)
{
    const struct function *function = find(name);

    if (!function || function->level != PHYSICAL_DEVICE)
        return NULL;
    return is_there(check(instance, INSTANCE), function) ? function->pointer : NULL;
}

EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance instance,
                                                                          const char *name)
{
#ifdef FAKE_NO_EXPORTS
    if (!strcmp(name, "vk_icdNegotiateLoaderICDInterfaceVersion"))
        return (PFN_vkVoidFunction)vk_icdNegotiateLoaderICDInterfaceVersion;
    if (!strcmp(name, "vk_icdGetPhysicalDeviceProcAddr"))
        return (PFN_vkVoidFunction)vk_icdGetPhysicalDeviceProcAddr;
#endif
    return GetInstanceProcAddr(instance, name);
}
