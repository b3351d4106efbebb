/* SPDX-License-Identifier: MIT */
/* VK_EXT_debug_utils and VK_EXT_debug_report, and the names that both and VK_EXT_debug_marker give.
 */
#include "umd/umd_debug.h"

#include "umd_commands.h"

/* One of either kind, in a list of its own. */
struct callback {
    struct callback *next;
    VkFlags severities, types; /* of a messenger */
    PFN_vkDebugUtilsMessengerCallbackEXT messenger;
    VkFlags report_flags;
    PFN_vkDebugReportCallbackEXT report;
    void *data;
};

struct umd_debug {
    pthread_mutex_t lock; /* for the list; not held while a callback runs */
    struct callback *callbacks;
};

VkResult umd_debug_create(const VkAllocationCallbacks *allocator, struct umd_debug **debug)
{
    *debug = umd_alloc(allocator, NULL, sizeof(**debug), VK_SYSTEM_ALLOCATION_SCOPE_INSTANCE);
    if (!*debug)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    pthread_mutex_init(&(*debug)->lock, NULL);
    return VK_SUCCESS;
}

void umd_debug_destroy(struct umd_debug *debug, const VkAllocationCallbacks *allocator)
{
    if (!debug)
        return;
    while (debug->callbacks) {
        struct callback *callback = debug->callbacks;

        debug->callbacks = callback->next;
        umd_free(allocator, NULL, callback);
    }
    pthread_mutex_destroy(&debug->lock);
    umd_free(allocator, NULL, debug);
}

/* --- The list --- */

static struct callback *add(VkInstance instance, const VkAllocationCallbacks *allocator,
                            const struct callback *callback)
{
    struct umd_instance *own = umd_instance_from(instance);
    struct callback *entry =
        umd_alloc(allocator, &own->allocator, sizeof(*entry), VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);

    if (!entry)
        return NULL;
    *entry = *callback;
    pthread_mutex_lock(&own->debug->lock);
    entry->next = own->debug->callbacks;
    own->debug->callbacks = entry;
    pthread_mutex_unlock(&own->debug->lock);
    return entry;
}

static void remove_callback(VkInstance instance, uint64_t handle,
                            const VkAllocationCallbacks *allocator)
{
    struct umd_instance *own = umd_instance_from(instance);
    struct callback *found = NULL;

    pthread_mutex_lock(&own->debug->lock);
    for (struct callback **link = &own->debug->callbacks; *link; link = &(*link)->next) {
        if ((uint64_t)(uintptr_t)*link == handle) {
            found = *link;
            *link = found->next;
            break;
        }
    }
    pthread_mutex_unlock(&own->debug->lock);
    if (found)
        umd_free(allocator, &own->allocator, found);
}

/* Calls visit() for each callback, newest first. A callback may not be destroyed meanwhile: that is
 * the program's duty. */
static void for_each(VkInstance instance, void (*visit)(const struct callback *, void *),
                     void *data)
{
    struct umd_debug *debug = umd_instance_from(instance)->debug;
    struct callback *callback;

    pthread_mutex_lock(&debug->lock);
    callback = debug->callbacks;
    pthread_mutex_unlock(&debug->lock);
    while (callback) {
        struct callback *next;

        pthread_mutex_lock(&debug->lock);
        next = callback->next;
        pthread_mutex_unlock(&debug->lock);
        visit(callback, data);
        callback = next;
    }
}

/* --- VK_EXT_debug_utils --- */

VKAPI_ATTR VkResult VKAPI_CALL umd_CreateDebugUtilsMessengerEXT(
    VkInstance instance, const VkDebugUtilsMessengerCreateInfoEXT *pCreateInfo,
    const VkAllocationCallbacks *pAllocator, VkDebugUtilsMessengerEXT *pMessenger)
{
    const struct callback callback = {.severities = pCreateInfo->messageSeverity,
                                      .types = pCreateInfo->messageType,
                                      .messenger = pCreateInfo->pfnUserCallback,
                                      .data = pCreateInfo->pUserData};
    struct callback *entry = add(instance, pAllocator, &callback);

    if (!entry)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    *pMessenger = UMD_HANDLE(VkDebugUtilsMessengerEXT, (uintptr_t)entry);
    return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL
umd_DestroyDebugUtilsMessengerEXT(VkInstance instance, VkDebugUtilsMessengerEXT messenger,
                                  const VkAllocationCallbacks *pAllocator)
{
    remove_callback(instance, UMD_ID(messenger), pAllocator);
}

struct message {
    VkDebugUtilsMessageSeverityFlagBitsEXT severity;
    VkDebugUtilsMessageTypeFlagsEXT types;
    const VkDebugUtilsMessengerCallbackDataEXT *data;
};

static void give_message(const struct callback *callback, void *data)
{
    const struct message *message = data;

    if (callback->messenger && callback->severities & message->severity &&
        callback->types & message->types)
        callback->messenger(message->severity, message->types, message->data, callback->data);
}

VKAPI_ATTR void VKAPI_CALL umd_SubmitDebugUtilsMessageEXT(
    VkInstance instance, VkDebugUtilsMessageSeverityFlagBitsEXT messageSeverity,
    VkDebugUtilsMessageTypeFlagsEXT messageTypes,
    const VkDebugUtilsMessengerCallbackDataEXT *pCallbackData)
{
    struct message message = {messageSeverity, messageTypes, pCallbackData};

    for_each(instance, give_message, &message);
}

/* --- VK_EXT_debug_report --- */

VKAPI_ATTR VkResult VKAPI_CALL umd_CreateDebugReportCallbackEXT(
    VkInstance instance, const VkDebugReportCallbackCreateInfoEXT *pCreateInfo,
    const VkAllocationCallbacks *pAllocator, VkDebugReportCallbackEXT *pCallback)
{
    const struct callback callback = {.report_flags = pCreateInfo->flags,
                                      .report = pCreateInfo->pfnCallback,
                                      .data = pCreateInfo->pUserData};
    struct callback *entry = add(instance, pAllocator, &callback);

    if (!entry)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    *pCallback = UMD_HANDLE(VkDebugReportCallbackEXT, (uintptr_t)entry);
    return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL umd_DestroyDebugReportCallbackEXT(
    VkInstance instance, VkDebugReportCallbackEXT callback, const VkAllocationCallbacks *pAllocator)
{
    remove_callback(instance, UMD_ID(callback), pAllocator);
}

struct report {
    VkDebugReportFlagsEXT flags;
    VkDebugReportObjectTypeEXT type;
    uint64_t object;
    size_t location;
    int32_t code;
    const char *layer, *text;
};

static void give_report(const struct callback *callback, void *data)
{
    const struct report *report = data;

    if (callback->report && callback->report_flags & report->flags)
        callback->report(report->flags, report->type, report->object, report->location,
                         report->code, report->layer, report->text, callback->data);
}

VKAPI_ATTR void VKAPI_CALL umd_DebugReportMessageEXT(VkInstance instance,
                                                     VkDebugReportFlagsEXT flags,
                                                     VkDebugReportObjectTypeEXT objectType,
                                                     uint64_t object, size_t location,
                                                     int32_t messageCode, const char *pLayerPrefix,
                                                     const char *pMessage)
{
    struct report report = {flags,       objectType,   object,  location,
                            messageCode, pLayerPrefix, pMessage};

    for_each(instance, give_report, &report);
}

/* --- Names and labels: accepted, and used for nothing --- */

VKAPI_ATTR VkResult VKAPI_CALL
umd_SetDebugUtilsObjectNameEXT(VkDevice device, const VkDebugUtilsObjectNameInfoEXT *pNameInfo)
{
    (void)device;
    (void)pNameInfo;
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL
umd_SetDebugUtilsObjectTagEXT(VkDevice device, const VkDebugUtilsObjectTagInfoEXT *pTagInfo)
{
    (void)device;
    (void)pTagInfo;
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL
umd_DebugMarkerSetObjectNameEXT(VkDevice device, const VkDebugMarkerObjectNameInfoEXT *pNameInfo)
{
    (void)device;
    (void)pNameInfo;
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL
umd_DebugMarkerSetObjectTagEXT(VkDevice device, const VkDebugMarkerObjectTagInfoEXT *pTagInfo)
{
    (void)device;
    (void)pTagInfo;
    return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL umd_QueueBeginDebugUtilsLabelEXT(VkQueue queue,
                                                            const VkDebugUtilsLabelEXT *pLabelInfo)
{
    (void)queue;
    (void)pLabelInfo;
}

VKAPI_ATTR void VKAPI_CALL umd_QueueEndDebugUtilsLabelEXT(VkQueue queue)
{
    (void)queue;
}

VKAPI_ATTR void VKAPI_CALL umd_QueueInsertDebugUtilsLabelEXT(VkQueue queue,
                                                             const VkDebugUtilsLabelEXT *pLabelInfo)
{
    (void)queue;
    (void)pLabelInfo;
}
