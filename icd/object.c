/* SPDX-License-Identifier: MIT */
#include "icd/icd.h"
#include "util/log.h"

struct icd_object *icd_object_create(struct icd_instance *instance,
                                     const VkAllocationCallbacks *allocator)
{
    size_t size = sizeof(struct icd_object) + instance->umd_count * sizeof(uint64_t);
    struct icd_object *object =
        icd_allocate(allocator, &instance->allocator, size, VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);

    if (object)
        object->count = instance->umd_count;
    return object;
}

void icd_object_destroy(struct icd_instance *instance, struct icd_object *object,
                        const VkAllocationCallbacks *allocator)
{
    icd_free(allocator, &instance->allocator, object);
}

void icd_object_created(const struct icd_umd *umd, struct icd_object *object, const char *command,
                        VkResult one, uint64_t real, VkResult *result)
{
    if (one == VK_SUCCESS) {
        object->real[umd->index] = real;
        *result = VK_SUCCESS;
        return;
    }
    log_info("icd", "%s fails in the driver %s: VkResult %d", command, umd->driver->library_path,
             (int)one);
    if (*result == VK_ERROR_EXTENSION_NOT_PRESENT)
        *result = one;
}

bool icd_object_real(const struct icd_umd *umd, uint64_t number, uint64_t *real)
{
    const struct icd_object *object = icd_object_from(number);

    *real = object && umd->index < object->count ? object->real[umd->index] : 0;
    return !object || *real;
}
