/* SPDX-License-Identifier: MIT */
/* The worker's Vulkan instance: the drivers that the service names, and no other. */
#include "host/worker/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vulkan/vulkan.h>

#include "host/worker/facts.h"
#include "util/log.h"
#include "vkwire.h"
#include "vkwire_exec.h"

#define MAX_DEVICES 256u
#define VALIDATION_LAYER "VK_LAYER_KHRONOS_validation"

struct worker_vulkan {
    struct vkwire_instance_dispatch dispatch;
    VkDebugUtilsMessengerEXT messenger;
};

/* --- Names of adapters --- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_uuid(const char *text, uint8_t *uuid)
{
    for (size_t i = 0; i < VK_UUID_SIZE; i++) {
        int high = hex_digit(text[2 * i]);
        int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0)
            return false;
        uuid[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* One "UUID@ICD" of `size` characters. */
static int add_device(struct worker_adapter *adapter, const char *text, size_t size,
                      struct error *err)
{
    if (adapter->node_count == EXEC_MAX_NODES)
        return error_set(err, -EINVAL, "more than %d linked devices", EXEC_MAX_NODES);
    struct worker_device_name *name = &adapter->names[adapter->node_count];
    if (size <= 2 * VK_UUID_SIZE || text[2 * VK_UUID_SIZE] != '@' || !parse_uuid(text, name->uuid))
        return error_set(err, -EINVAL, "\"%.*s\" is not UUID@MANIFEST", (int)size, text);
    size_t skip = 2 * VK_UUID_SIZE + 1;
    name->icd = strndup(text + skip, size - skip);
    if (!name->icd)
        return error_set(err, -ENOMEM, "out of memory");
    adapter->node_count++;
    return 0;
}

int worker_add_adapter(struct worker *worker, const char *devices, struct error *err)
{
    if (worker->adapter_count == WORKER_MAX_ADAPTERS)
        return error_set(err, -EINVAL, "more than %d adapters", WORKER_MAX_ADAPTERS);
    struct worker_adapter *grown =
        realloc(worker->adapters, (worker->adapter_count + 1) * sizeof(*grown));
    if (!grown)
        return error_set(err, -ENOMEM, "out of memory");
    worker->adapters = grown;
    struct worker_adapter *adapter = &grown[worker->adapter_count++];
    *adapter = (struct worker_adapter){0};
    for (const char *at = devices;;) {
        size_t size = strcspn(at, ",");
        int code = add_device(adapter, at, size, err);
        if (code || at[size] == '\0')
            return code;
        at += size + 1;
    }
}

/* --- The loader's environment --- */

static bool named_before(const struct worker *worker, uint32_t adapter, uint32_t node)
{
    const char *icd = worker->adapters[adapter].names[node].icd;
    for (uint32_t i = 0; i <= adapter; i++) {
        uint32_t end = i < adapter ? worker->adapters[i].node_count : node;
        for (uint32_t j = 0; j < end; j++) {
            if (!strcmp(worker->adapters[i].names[j].icd, icd))
                return true;
        }
    }
    return false;
}

/* The manifests, each once, with colons between: *list is malloc'ed; NULL when an adapter wants the
 * installed drivers, which the loader finds by itself. */
static int list_manifests(const struct worker *worker, char **list, struct error *err)
{
    size_t size;
    *list = NULL;
    FILE *stream = open_memstream(list, &size);
    if (!stream)
        return error_set(err, -ENOMEM, "out of memory");
    bool installed = false;
    const char *between = "";
    for (uint32_t i = 0; i < worker->adapter_count; i++) {
        for (uint32_t j = 0; j < worker->adapters[i].node_count; j++) {
            const char *icd = worker->adapters[i].names[j].icd;
            installed |= icd[0] == '\0';
            if (named_before(worker, i, j))
                continue;
            fprintf(stream, "%s%s", between, icd);
            between = ":";
        }
    }
    if (fclose(stream)) {
        free(*list);
        return error_set(err, -ENOMEM, "out of memory");
    }
    if (installed) {
        free(*list);
        *list = NULL;
    }
    return 0;
}

/* gpupv's own driver would ask the service that this process works for. */
static int set_environment(const struct worker *worker, struct error *err)
{
    char *list;
    int code = list_manifests(worker, &list, err);
    if (code)
        return code;
    if (setenv("GPUPV_ICD_DISABLE", "1", 1) ||
        (list && (setenv("VK_DRIVER_FILES", list, 1) || setenv("VK_ICD_FILENAMES", list, 1))))
        code = error_set(err, -ENOMEM, "the environment cannot be set");
    free(list);
    return code;
}

/* --- The instance --- */

static VKAPI_ATTR VkBool32 VKAPI_CALL print_message(
    VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT types,
    const VkDebugUtilsMessengerCallbackDataEXT *message, void *data)
{
    (void)types;
    (void)data;
    if (severity >= VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT)
        log_error("validation", "%s", message->pMessage);
    else
        log_warning("validation", "%s", message->pMessage);
    return VK_FALSE;
}

static const VkDebugUtilsMessengerCreateInfoEXT messenger_info = {
    .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
    .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                       VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
    .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
                   VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
    .pfnUserCallback = print_message,
};

static bool loader_has(const char *extension)
{
    bool has = false;
    uint32_t count = 0;
    if (vkEnumerateInstanceExtensionProperties(NULL, &count, NULL) != VK_SUCCESS)
        return false;
    VkExtensionProperties *all = calloc(count ? count : 1, sizeof(*all));
    if (!all || vkEnumerateInstanceExtensionProperties(NULL, &count, all) < 0)
        count = 0;
    for (uint32_t i = 0; i < count && !has; i++)
        has = !strcmp(all[i].extensionName, extension);
    free(all);
    return has;
}

static int create_instance(struct worker *worker, bool validation, struct error *err)
{
    static const char *const layers[] = {VALIDATION_LAYER};
    const char *extensions[2];
    uint32_t extension_count = 0;
    if (validation)
        extensions[extension_count++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    /* Devices need it for VK_KHR_swapchain, whose image layout guests use. */
    if (loader_has(VK_KHR_SURFACE_EXTENSION_NAME))
        extensions[extension_count++] = VK_KHR_SURFACE_EXTENSION_NAME;
    uint32_t loader = VK_API_VERSION_1_0;
    vkEnumerateInstanceVersion(&loader);
    worker->api_version = loader < VKWIRE_API_VERSION ? loader : VKWIRE_API_VERSION;
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                     .pApplicationName = "gpupv-worker",
                                     .apiVersion = worker->api_version};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                 .pNext = validation ? &messenger_info : NULL,
                                 .pApplicationInfo = &application,
                                 .enabledLayerCount = validation,
                                 .ppEnabledLayerNames = layers,
                                 .enabledExtensionCount = extension_count,
                                 .ppEnabledExtensionNames = extensions};
    VkResult result = vkCreateInstance(&info, NULL, &worker->instance);
    if (result == VK_ERROR_LAYER_NOT_PRESENT)
        return error_set(err, -ENODEV, "the layer " VALIDATION_LAYER " is not installed");
    if (result != VK_SUCCESS)
        return error_set(err, -ENODEV, "no driver can be loaded (VkResult %d)", (int)result);
    return 0;
}

static void create_messenger(struct worker *worker)
{
    PFN_vkCreateDebugUtilsMessengerEXT create =
        (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(worker->instance,
                                                                  "vkCreateDebugUtilsMessengerEXT");
    if (!create || create(worker->instance, &messenger_info, NULL, &worker->vulkan->messenger))
        log_warning("worker", "the validation layer's messages cannot be had");
}

/* --- Devices --- */

static bool has_uuid(VkPhysicalDevice device, const uint8_t *uuid)
{
    VkPhysicalDeviceIDProperties id = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES};
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &id};
    vkGetPhysicalDeviceProperties2(device, &properties);
    return !memcmp(id.deviceUUID, uuid, VK_UUID_SIZE);
}

static int find_devices(const struct worker *worker, struct worker_adapter *adapter,
                        struct error *err)
{
    uint32_t count = MAX_DEVICES;
    VkPhysicalDevice devices[MAX_DEVICES];
    VkResult result = vkEnumeratePhysicalDevices(worker->instance, &count, devices);
    if (result != VK_SUCCESS && result != VK_INCOMPLETE)
        return error_set(err, -ENODEV, "the drivers list no devices (VkResult %d)", (int)result);
    for (uint32_t node = 0; node < adapter->node_count; node++) {
        const struct worker_device_name *name = &adapter->names[node];
        for (uint32_t i = 0; i < count && !adapter->physical_devices[node]; i++) {
            if (has_uuid(devices[i], name->uuid))
                adapter->physical_devices[node] = devices[i];
        }
        if (!adapter->physical_devices[node])
            return error_set(err, -ENODEV, "%s no longer offers the device that was configured",
                             name->icd[0] ? name->icd : "the installed drivers");
    }
    return 0;
}

static bool has_timelines(const struct worker *worker, VkPhysicalDevice device)
{
    VkPhysicalDeviceTimelineSemaphoreFeatures timelines = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &timelines};
    worker->vki->GetPhysicalDeviceFeatures2(device, &features);
    return timelines.timelineSemaphore;
}

/* What streams cannot do without. */
static int check_device(const struct worker *worker, VkPhysicalDevice device, struct error *err)
{
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(device, &properties);
    uint32_t version =
        properties.apiVersion < worker->api_version ? properties.apiVersion : worker->api_version;
    if (version < VK_API_VERSION_1_1)
        return error_set(err, -ENOTSUP,
                         "the driver of \"%s\" has Vulkan %u.%u; gpupv needs one of Vulkan 1.1 or "
                         "newer",
                         properties.deviceName, VK_API_VERSION_MAJOR(version),
                         VK_API_VERSION_MINOR(version));
    if (!has_timelines(worker, device))
        return error_set(err, -ENOTSUP,
                         "the driver of \"%s\" has no timeline semaphores (Vulkan 1.2, or "
                         "VK_KHR_timeline_semaphore), which gpupv needs",
                         properties.deviceName);
    return 0;
}

static int start_adapter(struct worker *worker, struct worker_adapter *adapter, enum memory_way way,
                         struct error *err)
{
    int code = find_devices(worker, adapter, err);
    for (uint32_t node = 0; node < adapter->node_count && code == 0; node++)
        code = check_device(worker, adapter->physical_devices[node], err);
    if (code)
        return code;
    memory_types_probe(worker->vki, adapter->physical_devices[0], way, &adapter->memory_types);
    return facts_collect(worker->vki, adapter->physical_devices[0], worker->api_version,
                         &adapter->memory_types, &adapter->facts, &adapter->facts_size, err);
}

/* What is wrong with one adapter is no matter of the others'. */
static int start_adapters(struct worker *worker, enum memory_way way, struct error *err)
{
    for (uint32_t i = 0; i < worker->adapter_count; i++) {
        int code = start_adapter(worker, &worker->adapters[i], way, err);
        if (code == -ENOMEM)
            return code;
        worker->adapters[i].unusable = code != 0;
        if (code)
            log_error("worker", "an adapter cannot be used: %s", err->text);
    }
    return 0;
}

int worker_vulkan_start(struct worker *worker, bool validation, enum memory_way way,
                        struct error *err)
{
    int code = set_environment(worker, err);
    if (code)
        return code;
    worker->vulkan = calloc(1, sizeof(*worker->vulkan));
    if (!worker->vulkan)
        return error_set(err, -ENOMEM, "out of memory");
    code = create_instance(worker, validation, err);
    if (code)
        return code;
    if (validation)
        create_messenger(worker);
    vkwire_instance_dispatch_load(&worker->vulkan->dispatch, worker->instance,
                                  vkGetInstanceProcAddr);
    worker->vki = &worker->vulkan->dispatch;
    return start_adapters(worker, way, err);
}

void worker_vulkan_finish(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->adapter_count; i++) {
        for (uint32_t node = 0; node < worker->adapters[i].node_count; node++)
            free(worker->adapters[i].names[node].icd);
        free(worker->adapters[i].facts);
    }
    free(worker->adapters);
    worker->adapters = NULL;
    worker->adapter_count = 0;
    if (worker->instance && worker->vulkan->messenger) {
        PFN_vkDestroyDebugUtilsMessengerEXT destroy =
            (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(
                worker->instance, "vkDestroyDebugUtilsMessengerEXT");
        destroy(worker->instance, worker->vulkan->messenger, NULL);
    }
    if (worker->instance)
        vkDestroyInstance(worker->instance, NULL);
    worker->instance = VK_NULL_HANDLE;
    free(worker->vulkan);
    worker->vulkan = NULL;
}
