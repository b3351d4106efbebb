/* SPDX-License-Identifier: MIT */
#include "host/worker/exec_device.h"

#include <stdlib.h>
#include <string.h>

#include "host/worker/decoder.h"
#include "host/worker/exec_sync.h"
#include "host/worker/facts.h"
#include "host/worker/memory_export.h"
#include "host/worker/worker.h"
#include "util/log.h"
#include "vkwire.h"
#include "vkwire_decode.h"
#include "vkwire_exec.h"
#include "vkwire_extensions.h"

/* Extensions that the worker adds to the guest's. */
#define EXTRA_EXTENSIONS 16u
/* What submissions of a device that goes away may still take. */
#define IDLE_TIMEOUT_NS 2000000000ull

/* --- What the guest may ask for --- */

static VkResult check_extensions(struct exec *x, const VkDeviceCreateInfo *info)
{
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++) {
        int index = vkwire_extension_find(info->ppEnabledExtensionNames[i]);

        if (index >= 0 && vkwire_extensions[index].device && !vkwire_extensions[index].refused &&
            !vkwire_extensions[index].window)
            continue;
        exec_fail(x, STREAM_LOST_PROTOCOL,
                  "vkCreateDevice enables an extension that is not offered");
        return VK_ERROR_EXTENSION_NOT_PRESENT;
    }
    return VK_SUCCESS;
}

static bool queues_exist(const VkDeviceQueueCreateInfo *queues,
                         const VkQueueFamilyProperties *families, uint32_t family_count)
{
    const VkQueueFamilyProperties *family;

    if (queues->queueFamilyIndex >= family_count || !queues->pQueuePriorities)
        return false;
    family = &families[queues->queueFamilyIndex];
    if (!queues->queueCount || queues->queueCount > family->queueCount)
        return false;
    if (queues->flags && (queues->flags != VK_DEVICE_QUEUE_CREATE_PROTECTED_BIT ||
                          !(family->queueFlags & VK_QUEUE_PROTECTED_BIT)))
        return false;
    for (uint32_t i = 0; i < queues->queueCount; i++)
        if (!(queues->pQueuePriorities[i] >= 0.0f && queues->pQueuePriorities[i] <= 1.0f))
            return false;
    return true;
}

static VkResult check_queues(struct exec *x, const VkDeviceCreateInfo *info)
{
    VkQueueFamilyProperties *families;
    uint32_t family_count = 0, total = 0;
    bool good = info->queueCreateInfoCount && info->pQueueCreateInfos;

    x->vki->GetPhysicalDeviceQueueFamilyProperties(x->physical_device, &family_count, NULL);
    families = arena_take_array(&x->arena, family_count, sizeof(*families));
    if (!families)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    x->vki->GetPhysicalDeviceQueueFamilyProperties(x->physical_device, &family_count, families);
    for (uint32_t i = 0; i < info->queueCreateInfoCount && good; i++) {
        const VkDeviceQueueCreateInfo *queues = &info->pQueueCreateInfos[i];

        good = queues_exist(queues, families, family_count);
        for (uint32_t j = 0; j < i && good; j++)
            good = info->pQueueCreateInfos[j].queueFamilyIndex != queues->queueFamilyIndex ||
                   info->pQueueCreateInfos[j].flags != queues->flags;
        total += good ? queues->queueCount : 0;
        good = good && total <= STREAM_MAX_QUEUES;
    }
    if (good)
        return VK_SUCCESS;
    exec_fail(x, STREAM_LOST_PROTOCOL, "vkCreateDevice asks for queues that cannot be");
    return VK_ERROR_INITIALIZATION_FAILED;
}

/* Drivers need not check any of this; the guest's half does before it asks. */
static VkResult check(struct exec *x, const VkDeviceCreateInfo *info)
{
    VkResult result = check_extensions(x, info);

    if (result == VK_SUCCESS)
        result = check_queues(x, info);
    if (result == VK_SUCCESS &&
        !facts_have_features(x->adapter->facts, x->adapter->facts_size, info))
        result = VK_ERROR_FEATURE_NOT_PRESENT;
    return result;
}

/* --- What the worker needs besides --- */

void exec_plan_extension(struct exec_device_plan *plan, const char *name)
{
    for (uint32_t i = 0; i < plan->extension_count; i++)
        if (!strcmp(plan->extensions[i], name))
            return;
    plan->extensions[plan->extension_count++] = name;
}

/* Features come by VkPhysicalDeviceFeatures2 or by pEnabledFeatures, not by both. */
static void drop_double_features(VkDeviceCreateInfo *info)
{
    for (const VkBaseInStructure *s = info->pNext; s; s = s->pNext)
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2)
            info->pEnabledFeatures = NULL;
}

static void plan_memory(struct exec *x, struct exec_device_plan *plan)
{
    const struct memory_types *types = &x->adapter->memory_types;
    const char *names[2];
    uint32_t count = types->export_type ? memory_export_extensions(types->export_type, names) : 0;

    if (types->import_alignment)
        exec_plan_extension(plan, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
    for (uint32_t i = 0; i < count; i++)
        exec_plan_extension(plan, names[i]);
}

static VkResult make_plan(struct exec *x, const VkDeviceCreateInfo *info,
                          struct exec_device_plan *plan)
{
    VkPhysicalDeviceProperties properties;

    *plan = (struct exec_device_plan){.info = *info};
    plan->extensions = arena_take_array(
        &x->arena, (size_t)info->enabledExtensionCount + EXTRA_EXTENSIONS, sizeof(char *));
    if (!plan->extensions)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++)
        exec_plan_extension(plan, info->ppEnabledExtensionNames[i]);
    plan_memory(x, plan);
    x->vki->GetPhysicalDeviceProperties(x->physical_device, &properties);
    if (properties.apiVersion < VK_API_VERSION_1_2)
        exec_plan_extension(plan, VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME);
    exec_sync_plan(x, plan);
    drop_double_features(&plan->info);
    plan->info.enabledLayerCount = 0;
    plan->info.ppEnabledLayerNames = NULL;
    plan->info.enabledExtensionCount = plan->extension_count;
    plan->info.ppEnabledExtensionNames = plan->extensions;
    return VK_SUCCESS;
}

/* --- Creation --- */

/* False: the stream has failed. */
static bool enter_queue(struct exec *x, const VkDeviceQueueCreateInfo *queues, uint32_t index)
{
    struct exec_queue *queue = &x->queues[x->queue_count];
    const VkDeviceQueueInfo2 info = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2,
                                     .flags = queues->flags,
                                     .queueFamilyIndex = queues->queueFamilyIndex,
                                     .queueIndex = index};

    *queue = (struct exec_queue){.family = queues->queueFamilyIndex};
    if (queues->flags)
        x->vk->GetDeviceQueue2(x->device, &info, &queue->queue);
    else
        x->vk->GetDeviceQueue(x->device, queues->queueFamilyIndex, index, &queue->queue);
    x->queue_count++;
    return exec_object_add(x, STREAM_ID(x->queue_count, 1, VKWIRE_OBJECT_QUEUE),
                           VKWIRE_OBJECT_QUEUE, (uint64_t)(uintptr_t)queue->queue);
}

static VkResult enter_queues(struct exec *x, const VkDeviceCreateInfo *info)
{
    for (uint32_t i = 0; i < info->queueCreateInfoCount; i++)
        for (uint32_t j = 0; j < info->pQueueCreateInfos[i].queueCount; j++)
            if (!enter_queue(x, &info->pQueueCreateInfos[i], j))
                return VK_ERROR_OUT_OF_HOST_MEMORY;
    return VK_SUCCESS;
}

static void forget_device(struct exec *x)
{
    x->freed_command_buffers.count = 0; /* they went with their pools */
    free(x->vk);
    x->vk = NULL;
    x->device = VK_NULL_HANDLE;
    x->queue_count = 0;
    x->acquired.count = 0;
}

static const struct subject {
    VkResult (*init)(struct exec *x);
    void (*finish)(struct exec *x);
} subjects[] = {
    {exec_memory_init, exec_memory_finish},
    {exec_sync_init, exec_sync_finish},
    {exec_compile_init, exec_compile_finish},
};
#define SUBJECT_COUNT (sizeof(subjects) / sizeof(subjects[0]))

/* On failure the subjects that were begun are finished. */
static VkResult begin_subjects(struct exec *x)
{
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        VkResult result = subjects[i].init(x);

        if (result == VK_SUCCESS)
            continue;
        while (i-- > 0)
            subjects[i].finish(x);
        return result;
    }
    return VK_SUCCESS;
}

static VkResult create(struct exec *x, const VkDeviceCreateInfo *info)
{
    struct exec_device_plan plan;
    VkResult result = check(x, info);

    if (result == VK_SUCCESS)
        result = make_plan(x, info, &plan);
    if (result != VK_SUCCESS)
        return result;
    x->vk = calloc(1, sizeof(*x->vk));
    if (!x->vk)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    result = x->vki->CreateDevice(x->physical_device, &plan.info, NULL, &x->device);
    if (result != VK_SUCCESS) {
        forget_device(x);
        return result;
    }
    vkwire_device_dispatch_load(x->vk, x->device, x->vki->GetDeviceProcAddr);
    result = enter_queues(x, &plan.info);
    if (result == VK_SUCCESS)
        result = begin_subjects(x);
    if (result == VK_SUCCESS)
        return VK_SUCCESS;
    exec_objects_destroy(x);
    x->vk->DestroyDevice(x->device, NULL);
    forget_device(x);
    return result;
}

void exec_create_device(struct exec *x, uint8_t *command, size_t size)
{
    const struct stream_create_device head = *(const struct stream_create_device *)(void *)command;
    struct exec_decoder decoder;
    VkDeviceCreateInfo *info = NULL;

    if (x->device) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "vkCreateDevice: the stream has a device");
        return;
    }
    exec_decoder_init(&decoder, x, command + sizeof(head), size - sizeof(head));
    vkwire_get_VkDeviceCreateInfo(&decoder, &info);
    if (!exec_decoder_done(&decoder) || !info) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "vkCreateDevice: %s",
                  decoder.why ? decoder.why : "it is empty");
        return;
    }
    exec_reply(x, head.reply, create(x, info), NULL, 0);
}

void exec_destroy_device(struct exec *x)
{
    if (!x->device)
        return;
    if (!exec_sync_idle(x, IDLE_TIMEOUT_NS)) {
        /* What the device still works with cannot be taken from it: it stays until the process
         * ends. */
        log_warning("worker", "a device still works %u s after it was given up: it is left alone",
                    (unsigned)(IDLE_TIMEOUT_NS / 1000000000u));
        exec_compile_finish(x);
        exec_sync_finish(x);
        forget_device(x);
        return;
    }
    exec_compile_finish(x);
    exec_sync_finish(x);
    exec_objects_destroy(x);
    exec_memory_finish(x);
    x->vk->DestroyDevice(x->device, NULL);
    forget_device(x);
}
