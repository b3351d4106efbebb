/* SPDX-License-Identifier: MIT */
#include "umd/umd_proc_addr.h"

#include "umd_commands.h"
#include "vkwire_extensions.h"

/* Whether any extension that provides the command is enabled. `device_extensions` NULL: all of the
 * devices' count. */
static bool extension_enabled(const struct umd_command *command, const bool *instance_extensions,
                              const bool *device_extensions)
{
    for (const uint16_t *index = command->extensions; index && *index != UINT16_MAX; index++) {
        const struct vkwire_extension *extension = &vkwire_extensions[*index];

        if (!extension->device) {
            if (instance_extensions[*index])
                return true;
        } else if (device_extensions ? device_extensions[*index] : !extension->refused) {
            return true;
        }
    }
    return false;
}

PFN_vkVoidFunction umd_global_proc(const char *name)
{
    const struct umd_command *command = umd_command_find(name);

    return command && command->level == UMD_GLOBAL ? command->function : NULL;
}

static PFN_vkVoidFunction of_instance(const struct umd_instance *instance,
                                      const struct umd_command *command)
{
    if ((command->core && command->core <= instance->api_version) ||
        extension_enabled(command, instance->extensions, NULL))
        return command->function;
    return NULL;
}

PFN_vkVoidFunction umd_instance_proc(const struct umd_instance *instance, const char *name)
{
    const struct umd_command *command = umd_command_find(name);

    return command && command->level != UMD_GLOBAL ? of_instance(instance, command) : NULL;
}

PFN_vkVoidFunction umd_physical_device_proc(const struct umd_instance *instance, const char *name)
{
    const struct umd_command *command = umd_command_find(name);

    return command && command->level == UMD_PHYSICAL_DEVICE ? of_instance(instance, command) : NULL;
}

PFN_vkVoidFunction umd_device_proc(const struct umd_device *device, const char *name)
{
    const struct umd_command *command = umd_command_find(name);

    if (!command || command->level != UMD_DEVICE)
        return NULL;
    if ((command->core && command->core <= device->api_version) ||
        extension_enabled(command, device->physical->instance->extensions, device->extensions))
        return command->function;
    return NULL;
}

/* --- Commands --- */

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL umd_GetInstanceProcAddr(VkInstance instance,
                                                                 const char *pName)
{
    PFN_vkVoidFunction function;

    if (!pName)
        return NULL;
    function = umd_global_proc(pName);
    if (!instance)
        return function;
    /* vkGetInstanceProcAddr itself is given by both. */
    if (function == (PFN_vkVoidFunction)umd_GetInstanceProcAddr)
        return function;
    return umd_instance_proc(umd_instance_from(instance), pName);
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL umd_GetDeviceProcAddr(VkDevice device, const char *pName)
{
    return pName ? umd_device_proc(umd_device_from(device), pName) : NULL;
}
