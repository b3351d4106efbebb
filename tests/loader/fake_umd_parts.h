/* SPDX-License-Identifier: MIT */
/* What the parts of the driver share; what it is, and its parameters: fake_umd.h. */
#ifndef GPUPV_TESTS_FAKE_UMD_PARTS_H
#define GPUPV_TESTS_FAKE_UMD_PARTS_H

#include "fake_umd.h"

#include <stdbool.h>
#include <stddef.h>

#include <vulkan/vk_icd.h>

#ifndef FAKE_DEVICES
#define FAKE_DEVICES 1
#endif
#ifndef FAKE_INTERFACE
#define FAKE_INTERFACE 5
#endif
#ifndef FAKE_API_VERSION
#define FAKE_API_VERSION VK_API_VERSION_1_3
#endif

#define EXPORT __attribute__((visibility("default")))
#define HAS_1_1 (FAKE_API_VERSION >= VK_API_VERSION_1_1)

extern EXPORT struct fake_umd_state fake_umd_state;

/* --- Objects: each says whose it is --- */

enum kind { INSTANCE = 1, PHYSICAL_DEVICE, DEVICE, QUEUE, SURFACE, MESSENGER };

struct object {
    VK_LOADER_DATA loader_data;
    const void *driver; /* &fake_umd_state */
    enum kind kind;
};

struct fake_instance {
    struct object base;
    struct object devices[FAKE_DEVICES];
    size_t device_count;
    bool debug_utils, surface;
};

struct fake_device {
    struct object base;
    struct object queue;
    bool swapchain;
};

void init(struct object *object, enum kind kind);
/* The object, which must be the driver's own. */
void *check(const void *handle, enum kind kind);
struct object *object_create(enum kind kind, int *counter);

/* --- Functions --- */

/* As Vulkan does: `to` has room for *count items, or is NULL to be told how many there are. */
VkResult return_list(const void *items, size_t size, uint32_t available, uint32_t *count, void *to);

enum when { ALWAYS, WITH_1_1, WITH_SURFACE, WITH_DEBUG, WITH_SWAPCHAIN };

struct function {
    const char *name;
    enum kind level; /* INSTANCE, PHYSICAL_DEVICE or DEVICE; 0 for global */
    enum when when;
    PFN_vkVoidFunction pointer;
};

#define F(level, when, name)                                                                       \
    {                                                                                              \
        "vk" #name, level, when, (PFN_vkVoidFunction)name                                          \
    }

struct functions {
    const struct function *list;
    size_t count;
};
#define FUNCTIONS(list)                                                                            \
    {                                                                                              \
        list, sizeof(list) / sizeof((list)[0])                                                     \
    }
extern const struct functions fake_instance_functions; /* and the global ones */
extern const struct functions fake_physical_device_functions, fake_device_functions;

#endif
