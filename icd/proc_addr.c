/* SPDX-License-Identifier: MIT */
/* Function lookup at instance level. */
#include <string.h>

#include "icd/icd.h"

/* What the interface itself asks for, with or without an instance. */
static PFN_vkVoidFunction interface_function(const char *name)
{
    if (!strcmp(name, "vk_icdNegotiateLoaderICDInterfaceVersion"))
        return (PFN_vkVoidFunction)icd_NegotiateLoaderICDInterfaceVersion;
    if (!strcmp(name, "vk_icdGetPhysicalDeviceProcAddr"))
        return (PFN_vkVoidFunction)icd_GetPhysicalDeviceProcAddr;
    if (!strcmp(name, "vk_icdGetInstanceProcAddr"))
        return (PFN_vkVoidFunction)icd_GetInstanceProcAddr;
    return NULL;
}

/* The first driver that has the function: extensions are enabled driver by driver. */
static PFN_vkVoidFunction first_real(const struct icd_instance *instance, const char *name)
{
    for (uint32_t i = 0; i < instance->umd_count; i++) {
        const struct icd_umd *umd = &instance->umds[i];
        PFN_vkVoidFunction real = umd->driver->get_instance_proc_addr(umd->instance, name);

        if (real)
            return real;
    }
    return NULL;
}

/* The shim's own function, if at least one driver has one. An instance without drivers still has
 * the core's, for the Vulkan loader needs them to find out that there is no device. */
static PFN_vkVoidFunction own_function(const struct icd_instance *instance,
                                       const struct icd_command *own)
{
    if (!own->function)
        return NULL;
    bool present = instance->umd_count ? first_real(instance, own->name) != NULL : own->core;

    if (own->by_hand && own->level != ICD_LEVEL_INSTANCE)
        present = true;
    return present ? own->function : NULL;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL icd_GetInstanceProcAddr(VkInstance instance,
                                                                 const char *pName)
{
    const struct icd_command *own = pName ? icd_command_find(pName) : NULL;
    struct icd_instance *shim = icd_instance_from(instance);
    PFN_vkVoidFunction function;

    if (!pName)
        return NULL;
    if (own && (own->level == ICD_LEVEL_GLOBAL || !strcmp(pName, "vkGetInstanceProcAddr")))
        return own->function;
    if (!shim)
        return interface_function(pName);
    if (own)
        return own_function(shim, own);
    function = unknown_function(shim, pName);
    if (function)
        return function;
    /* A device-level function. The Vulkan loader only wants to know that it exists and gets the
     * pointer that it calls from vkGetDeviceProcAddr; with one driver this pointer is right too. */
    return first_real(shim, pName);
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL icd_GetPhysicalDeviceProcAddr(VkInstance instance,
                                                                       const char *pName)
{
    const struct icd_command *own = pName ? icd_command_find(pName) : NULL;

    if (!instance || !pName)
        return NULL;
    if (own)
        return own->level == ICD_LEVEL_PHYSICAL_DEVICE
                   ? own_function(icd_instance_from(instance), own)
                   : NULL;
    return unknown_function(icd_instance_from(instance), pName);
}
