/* SPDX-License-Identifier: MIT */
/* The shim's VkInstance: one instance of each driver behind it. */
#include <stdlib.h>
#include <string.h>

#include "icd/icd.h"
#include "loader/guest_hive.h"
#include "util/log.h"

/* The Vulkan loader skips a driver whose vkCreateInstance fails, unless memory is short: this is
 * the only result that ends vkCreateInstance for the whole program, which strict mode is for. */
#define STRICT_FAILURE VK_ERROR_OUT_OF_HOST_MEMORY

/* --- One driver's instance --- */

static bool has_extension(const VkExtensionProperties *properties, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(properties[i].extensionName, name))
            return true;
    return false;
}

/* The names of the program's list that this driver has, in an array of the list's length. */
static VkResult filter_extensions(const struct loader_umd *driver, const VkInstanceCreateInfo *info,
                                  const char **names, uint32_t *count)
{
    VkExtensionProperties *properties;
    uint32_t property_count;
    VkResult result = icd_umd_extensions(driver, &properties, &property_count);

    *count = 0;
    if (result != VK_SUCCESS)
        return result;
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++) {
        const char *name = info->ppEnabledExtensionNames[i];

        if (icd_extension_passed(driver, name) && has_extension(properties, property_count, name))
            names[(*count)++] = name;
    }
    free(properties);
    return VK_SUCCESS;
}

static bool asks_for(const char *const *names, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

/* The commands that the shim itself cannot do without. */
static bool is_complete(const struct icd_commands *commands)
{
    return commands->DestroyInstance && commands->EnumeratePhysicalDevices &&
           commands->GetPhysicalDeviceProperties && commands->CreateDevice &&
           commands->EnumerateDeviceExtensionProperties;
}

static VkResult call_driver(struct icd_umd *umd, const VkInstanceCreateInfo *info,
                            const VkAllocationCallbacks *allocator)
{
    PFN_vk_icdGetInstanceProcAddr lookup = umd->driver->get_instance_proc_addr;
    PFN_vkCreateInstance create = (PFN_vkCreateInstance)lookup(VK_NULL_HANDLE, "vkCreateInstance");
    VkResult result;

    if (!create)
        return VK_ERROR_INITIALIZATION_FAILED;
    result = create(info, allocator, &umd->instance);
    if (result != VK_SUCCESS)
        return result;
    icd_commands_load(&umd->commands, lookup, umd->instance);
    if (is_complete(&umd->commands))
        return VK_SUCCESS;
    if (umd->commands.DestroyInstance)
        umd->commands.DestroyInstance(umd->instance, allocator);
    return VK_ERROR_INITIALIZATION_FAILED;
}

/* A driver that knows gpupv is told its adapters, and says which it serves. */
static VkResult call_driver_with_adapters(struct icd_umd *umd, const struct loader *loader,
                                          VkInstanceCreateInfo *info,
                                          const VkAllocationCallbacks *allocator)
{
    void **contexts = calloc(loader->adapter_count, sizeof(*contexts));
    int32_t *results = calloc(loader->adapter_count, sizeof(*results));
    struct gpupv_umd_instance_adapters chained = {
        .sType = GPUPV_STRUCTURE_TYPE_UMD_INSTANCE_ADAPTERS,
        .pNext = info->pNext,
        .adapter_contexts = contexts,
        .results = results,
    };
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;

    umd->adapters = calloc(loader->adapter_count, sizeof(*umd->adapters));
    if (!contexts || !results || !umd->adapters)
        goto free_lists;
    for (size_t i = 0; i < loader->adapter_count; i++) {
        const struct loader_adapter *adapter = &loader->adapters[i];

        if (adapter->step != LOADER_STEP_DONE || adapter->umd != umd->driver)
            continue;
        umd->adapters[chained.adapter_count] = adapter;
        contexts[chained.adapter_count++] = adapter->context;
    }
    info->pNext = &chained;
    result = call_driver(umd, info, allocator);
    for (uint32_t i = 0; i < chained.adapter_count && result == VK_SUCCESS; i++)
        if (results[i] == VK_SUCCESS)
            umd->adapters[umd->adapter_count++] = umd->adapters[i];

free_lists:
    if (result != VK_SUCCESS) {
        free(umd->adapters);
        umd->adapters = NULL;
    }
    free(results);
    free(contexts);
    return result;
}

static VkResult create_umd(struct icd_umd *umd, const struct loader *loader,
                           const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator)
{
    VkInstanceCreateInfo own = *info;
    VkApplicationInfo application;
    const char **names = calloc(info->enabledExtensionCount + 1, sizeof(*names));
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;

    if (!names)
        return result;
    result = filter_extensions(umd->driver, info, names, &own.enabledExtensionCount);
    if (result != VK_SUCCESS)
        goto free_names;
    own.ppEnabledExtensionNames = names;
    own.enabledLayerCount = 0;
    if (!asks_for(names, own.enabledExtensionCount, VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME))
        own.flags &= ~(VkInstanceCreateFlags)VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
    umd->api_version = icd_umd_version(umd->driver);
    if (info->pApplicationInfo) {
        application = *info->pApplicationInfo;
        /* A driver of Vulkan 1.0 refuses every other version; later ones accept all. */
        if (umd->api_version < VK_API_VERSION_1_1 && application.apiVersion)
            application.apiVersion = VK_API_VERSION_1_0;
        own.pApplicationInfo = &application;
    }
    if (umd->driver->open_adapter)
        result = call_driver_with_adapters(umd, loader, &own, allocator);
    else
        result = call_driver(umd, &own, allocator);

free_names:
    free(names);
    return result;
}

/* --- All drivers --- */

struct creation {
    struct icd_instance *instance;
    const VkInstanceCreateInfo *info;
    const VkAllocationCallbacks *allocator;
    VkResult result;
};

static bool count_driver(const struct loader_umd *driver, void *data)
{
    (void)driver;
    ++*(uint32_t *)data;
    return true;
}

static bool add_driver(const struct loader_umd *driver, void *data)
{
    struct creation *creation = data;
    struct icd_instance *instance = creation->instance;
    struct icd_umd *umd = &instance->umds[instance->umd_count];
    VkResult result;

    *umd = (struct icd_umd){.driver = driver, .index = instance->umd_count};
    unknown_table_init(&umd->unknown);
    result =
        create_umd(umd, discovery_loader(instance->discovery), creation->info, creation->allocator);
    if (result == VK_SUCCESS) {
        instance->umd_count++;
        return true;
    }
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY) {
        creation->result = result;
        return false;
    }
    log_warning("icd", "the driver %s is left out: its vkCreateInstance fails with VkResult %d",
                driver->library_path, (int)result);
    if (discovery_is_strict())
        creation->result = STRICT_FAILURE;
    return creation->result == VK_SUCCESS;
}

static void destroy_instance(struct icd_instance *instance, const VkAllocationCallbacks *allocator)
{
    VkAllocationCallbacks own = instance->allocator;

    icd_devices_forget(instance);
    for (uint32_t i = instance->umd_count; i-- > 0;) {
        instance->umds[i].commands.DestroyInstance(instance->umds[i].instance, allocator);
        free(instance->umds[i].adapters);
    }
    icd_free(&own, NULL, instance->devices);
    icd_free(&own, NULL, instance->umds);
    discovery_release(instance->discovery);
    pthread_mutex_destroy(&instance->lock);
    icd_free(&own, NULL, instance);
}

static bool is_paired(void)
{
    struct error err;
    bool paired;

    if (guest_hive_pairing(&paired, &err) < 0)
        log_error("icd", "%s", err.text);
    if (!paired)
        log_info("icd", "no device can present: GpuVirtualizationFlags in this guest's registry "
                        "switches the pairing with its display off");
    return paired;
}

/* Takes the reference to the discovery, which is NULL when there is no host. */
static VkResult create_instance(struct discovery *discovery, const VkInstanceCreateInfo *info,
                                const VkAllocationCallbacks *allocator,
                                struct icd_instance **result)
{
    struct icd_instance *instance =
        icd_allocate(allocator, NULL, sizeof(*instance), VK_SYSTEM_ALLOCATION_SCOPE_INSTANCE);
    struct creation creation = {instance, info, allocator, VK_SUCCESS};
    uint32_t drivers = 0;

    if (!instance) {
        discovery_release(discovery);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    set_loader_magic_value(instance);
    if (allocator)
        instance->allocator = *allocator;
    instance->discovery = discovery;
    instance->paired = is_paired();
    pthread_mutex_init(&instance->lock, NULL);
    if (discovery)
        discovery_for_each_driver(discovery, count_driver, &drivers);
    if (drivers) {
        instance->umds = icd_allocate(allocator, NULL, drivers * sizeof(*instance->umds),
                                      VK_SYSTEM_ALLOCATION_SCOPE_INSTANCE);
        if (instance->umds)
            discovery_for_each_driver(discovery, add_driver, &creation);
        else
            creation.result = VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    if (creation.result != VK_SUCCESS)
        destroy_instance(instance, allocator);
    else
        *result = instance;
    return creation.result;
}

/* --- The commands --- */

/* What strict mode makes of the host's state. */
static VkResult check_strict(const struct discovery *discovery)
{
    const struct loader *loader = discovery ? discovery_loader(discovery) : NULL;

    if (!discovery_is_strict())
        return VK_SUCCESS;
    if (!loader || !loader->adapter_count) {
        log_error("icd", "GPUPV_STRICT: vkCreateInstance fails because the host offers no device "
                         "(the Vulkan loader will say: out of host memory)");
        return STRICT_FAILURE;
    }
    for (size_t i = 0; i < loader->adapter_count; i++) {
        const struct loader_adapter *adapter = &loader->adapters[i];

        if (adapter->step == LOADER_STEP_DONE)
            continue;
        log_error("icd",
                  "GPUPV_STRICT: vkCreateInstance fails because adapter \"%s\" has no "
                  "driver: %s: %s (the Vulkan loader will say: out of host memory)",
                  adapter->description, loader_step_name(adapter->step), adapter->error.text);
        return STRICT_FAILURE;
    }
    return VK_SUCCESS;
}

static VkResult check_info(const VkInstanceCreateInfo *info)
{
    const VkApplicationInfo *application = info->pApplicationInfo;

    /* Before interface 5 the Vulkan loader leaves this check to the driver. */
    if (icd_negotiated_version() < 5 && application &&
        application->apiVersion >= VK_API_VERSION_1_1)
        return VK_ERROR_INCOMPATIBLE_DRIVER;
    return VK_SUCCESS;
}

struct search {
    const char *name;
    bool found;
};

static bool look_for_extension(const struct loader_umd *driver, void *data)
{
    struct search *search = data;
    VkExtensionProperties *properties;
    uint32_t count;

    if (!icd_extension_passed(driver, search->name) ||
        icd_umd_extensions(driver, &properties, &count) != VK_SUCCESS)
        return true;
    search->found = has_extension(properties, count, search->name);
    free(properties);
    return !search->found;
}

static VkResult check_extensions(const struct discovery *discovery,
                                 const VkInstanceCreateInfo *info)
{
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++) {
        struct search search = {info->ppEnabledExtensionNames[i], false};

        if (discovery)
            discovery_for_each_driver(discovery, look_for_extension, &search);
        if (!search.found)
            return VK_ERROR_EXTENSION_NOT_PRESENT;
    }
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL icd_CreateInstance(const VkInstanceCreateInfo *pCreateInfo,
                                                  const VkAllocationCallbacks *pAllocator,
                                                  VkInstance *pInstance)
{
    struct discovery *discovery;
    struct icd_instance *instance = NULL;
    VkResult result = check_info(pCreateInfo);

    if (result != VK_SUCCESS)
        return result;
    discovery = discovery_acquire(true, NULL);
    result = check_strict(discovery);
    if (result == VK_SUCCESS)
        result = check_extensions(discovery, pCreateInfo);
    if (result != VK_SUCCESS) {
        discovery_release(discovery);
        return result;
    }
    result = create_instance(discovery, pCreateInfo, pAllocator, &instance);
    if (result == VK_SUCCESS)
        *pInstance = (VkInstance)instance;
    return result;
}

VKAPI_ATTR void VKAPI_CALL icd_DestroyInstance(VkInstance instance,
                                               const VkAllocationCallbacks *pAllocator)
{
    if (instance)
        destroy_instance(icd_instance_from(instance), pAllocator);
}
