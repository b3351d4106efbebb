/* SPDX-License-Identifier: MIT */
/* vkQueuePresentKHR, and the thread of each swapchain that hands finished images to the window. */
#include "umd/umd_wsi.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "umd/umd_adapter.h"
#include "umd/umd_chain.h"
#include "umd/umd_mirror.h"
#include "umd/umd_sync.h"
#include "umd_commands.h"

/* How long a swapchain that is destroyed waits for its window at most. */
#define STOP_MS 500
#define LOOK_MS 100 /* between two looks at whether the swapchain is to end */
/* How long vkQueuePresentKHR waits at most for a window to show the last image, where it waits: one
 * that cannot be seen never does. */
#define HIDDEN_NS 1000000000u
/* A retired swapchain is told what happens in the window, too, and must not let that pile up. */
#define RETIRED_LOOK_MS 1000

#define MOST_RECTS 1024u

/* --- The thread --- */

static bool point_reached(void *data)
{
    const struct umd_present *present = data;
    const struct umd_swapchain *swapchain = present->swapchain;
    return umd_point_reached(swapchain->device->stream, present->point);
}

/* The host has finished the image, and its pixels are here. */
static VkResult wait_until_drawn(struct umd_swapchain *swapchain, struct umd_present *present)
{
    VkResult result = VK_SUCCESS;
    if (!point_reached(present))
        result = umd_stream_wait(swapchain->device->stream, point_reached, present, UINT64_MAX);
    return umd_memory_receive(swapchain->device, result);
}

static VkResult show(struct umd_swapchain *swapchain, struct umd_present *present)
{
    struct umd_swapchain_image *image = present->image;
    VkResult result = wait_until_drawn(swapchain, present);
    pthread_mutex_lock(&swapchain->lock);
    image->state = UMD_IMAGE_SHOWN;
    image->serial = present->serial;
    swapchain->shown++;
    if (!result && swapchain->status < 0)
        result = swapchain->status;
    if (!result && present->present_id > swapchain->handed)
        swapchain->handed = present->present_id;
    pthread_mutex_unlock(&swapchain->lock);
    if (!result)
        result = swapchain->system->present(swapchain, present);
    umd_swapchain_note(swapchain, result);
    if (result < 0)
        umd_swapchain_idle(swapchain, image);
    free(present->rects);
    return result;
}

/* Takes the next presentation off the queue when it may be shown now. */
static bool take_locked(struct umd_swapchain *swapchain, struct umd_present *present)
{
    if (!swapchain->queued || (swapchain->throttled && !swapchain->stop))
        return false;
    *present = swapchain->queue[swapchain->first];
    swapchain->first = (swapchain->first + 1) % UMD_MAX_SWAPCHAIN_IMAGES;
    swapchain->queued--;
    return true;
}

/* What is still to be heard of the window, with lock. */
static bool expects_locked(const struct umd_swapchain *swapchain)
{
    return swapchain->status >= 0 &&
           (swapchain->shown || swapchain->throttled || swapchain->presented < swapchain->handed);
}

/* Sleeps until there is something to do, at most `timeout` milliseconds (-1: for ever). */
static void idle(struct umd_swapchain *swapchain, bool dead, bool expects, int timeout)
{
    uint64_t count;
    struct pollfd wake = {.fd = swapchain->wake, .events = POLLIN};
    if (dead) /* its window has nothing more to say, and might say so at once for ever */
        poll(&wake, 1, timeout);
    else
        umd_swapchain_note(swapchain, swapchain->system->dispatch(swapchain, expects, timeout));
    (void)!read(swapchain->wake, &count, sizeof(count));
}

static void run(void *data)
{
    struct umd_swapchain *swapchain = data;
    int left = STOP_MS; /* once it is to stop */
    for (;;) {
        struct umd_present present;
        pthread_mutex_lock(&swapchain->lock);
        bool take = take_locked(swapchain, &present);
        bool stop = swapchain->stop, dead = swapchain->status < 0, retired = swapchain->retired;
        bool expects = expects_locked(swapchain);
        pthread_mutex_unlock(&swapchain->lock);
        if (take) {
            show(swapchain, &present);
            continue;
        }
        if (stop && (!expects || left <= 0))
            break;
        int timeout = stop ? 20 : expects ? LOOK_MS : retired && !dead ? RETIRED_LOOK_MS : -1;
        idle(swapchain, dead, expects, timeout);
        if (stop)
            left -= timeout;
    }
}

VkResult umd_present_start(struct umd_swapchain *swapchain)
{
    swapchain->thread = umd_window_callbacks()->CreateThread(run, swapchain);
    return swapchain->thread ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

static void end_thread(struct umd_swapchain *swapchain)
{
    if (!swapchain->thread)
        return;
    umd_swapchain_wake(swapchain);
    umd_window_callbacks()->JoinThread(swapchain->thread);
    swapchain->thread = NULL;
}

void umd_present_abandon(struct umd_swapchain *swapchain)
{
    pthread_mutex_lock(&swapchain->lock);
    swapchain->stop = true;
    swapchain->throttled = false;
    swapchain->shown = 0;
    swapchain->presented = swapchain->handed;
    for (; swapchain->queued; swapchain->queued--) {
        free(swapchain->queue[swapchain->first].rects);
        swapchain->first = (swapchain->first + 1) % UMD_MAX_SWAPCHAIN_IMAGES;
    }
    pthread_mutex_unlock(&swapchain->lock);
    end_thread(swapchain);
}

void umd_present_stop(struct umd_swapchain *swapchain)
{
    pthread_mutex_lock(&swapchain->lock);
    swapchain->stop = true;
    pthread_mutex_unlock(&swapchain->lock);
    end_thread(swapchain);
    /* The device may still copy images whose presentation was refused. */
    for (uint32_t i = 0; i < swapchain->image_count; i++) {
        struct umd_present last = {swapchain, &swapchain->images[i], swapchain->images[i].point};
        (void)wait_until_drawn(swapchain, &last);
    }
}

/* --- vkQueuePresentKHR --- */

/* Submits what waits for the semaphores and copies the images; *point is the last submission. */
static VkResult submit(struct umd_queue *queue, const VkPresentInfoKHR *info, umd_point *point)
{
    VkCommandBuffer few_commands[8], *commands = few_commands;
    VkPipelineStageFlags few_stages[8], *stages = few_stages;
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    if (info->swapchainCount > 8)
        commands = malloc(info->swapchainCount * sizeof(*commands));
    if (info->waitSemaphoreCount > 8)
        stages = malloc(info->waitSemaphoreCount * sizeof(*stages));
    if (!commands || !stages)
        goto finish;
    VkSubmitInfo batch = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .waitSemaphoreCount = info->waitSemaphoreCount,
        .pWaitSemaphores = info->pWaitSemaphores,
        .pWaitDstStageMask = stages,
        .pCommandBuffers = commands,
    };
    for (uint32_t i = 0; i < info->waitSemaphoreCount; i++)
        stages[i] = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    result = VK_SUCCESS;
    for (uint32_t i = 0; i < info->swapchainCount && !result; i++) {
        struct umd_swapchain *swapchain = umd_object(queue->device, UMD_ID(info->pSwapchains[i]));
        if (!swapchain || info->pImageIndices[i] >= swapchain->image_count)
            continue;
        VkCommandBuffer *copy = &commands[batch.commandBufferCount];
        result = umd_swapchain_copy_commands(swapchain, &swapchain->images[info->pImageIndices[i]],
                                             queue->family, copy);
        batch.commandBufferCount += *copy != VK_NULL_HANDLE;
    }
    *point = umd_point_make(queue->number, atomic_load(&queue->submitted));
    if (!result && (batch.waitSemaphoreCount || batch.commandBufferCount))
        result = umd_queue_submit_watched(queue, &batch, point);
finish:
    if (commands != few_commands)
        free(commands);
    if (stages != few_stages)
        free(stages);
    return result;
}

/* What the program says that has changed; when it says too much, or without memory, all of it. */
static void copy_rects(struct umd_present *present, const VkPresentRegionKHR *region)
{
    if (!region || !region->rectangleCount || !region->pRectangles ||
        region->rectangleCount > MOST_RECTS)
        return;
    size_t size = region->rectangleCount * sizeof(*region->pRectangles);
    present->rects = malloc(size);
    if (!present->rects)
        return;
    memcpy(present->rects, region->pRectangles, size);
    present->rect_count = region->rectangleCount;
}

/* The worse of two results of presentations. */
static VkResult worse(VkResult a, VkResult b)
{
    if (a < 0 || b == VK_SUCCESS)
        return a;
    return b;
}

/* Waits until the window has shown the last image. */
static void await_turn(struct umd_swapchain *swapchain)
{
    uint64_t deadline = umd_swapchain_deadline(HIDDEN_NS);
    bool waits;
    uint32_t seen;
    do {
        pthread_mutex_lock(&swapchain->lock);
        waits = swapchain->throttled && swapchain->status >= 0;
        seen = __atomic_load_n(&swapchain->changes, __ATOMIC_SEQ_CST);
        pthread_mutex_unlock(&swapchain->lock);
    } while (waits && !umd_stream_status(swapchain->device->stream) &&
             umd_swapchain_await(swapchain, seen, deadline));
}

static VkResult show_in_call(struct umd_swapchain *swapchain, struct umd_present *present)
{
    await_turn(swapchain);
    VkResult result = show(swapchain, present);
    umd_swapchain_wake(swapchain);
    return result;
}

static VkResult enqueue(struct umd_swapchain *swapchain, uint32_t index, struct umd_present present,
                        VkResult submitted)
{
    static uint32_t serials;
    const bool in_call = swapchain->system->presents_in_call;
    VkResult lost = umd_stream_status(swapchain->device->stream);
    if (lost) {
        free(present.rects);
        return lost;
    }
    if (swapchain->system->look)
        umd_swapchain_note(swapchain, swapchain->system->look(swapchain));
    struct umd_swapchain_image *image = &swapchain->images[index];
    pthread_mutex_lock(&swapchain->lock);
    VkResult status = submitted ? submitted : swapchain->status;
    bool acquired = image->state == UMD_IMAGE_ACQUIRED, taken = acquired && status >= 0;
    image->point = present.point;
    if (taken) {
        image->state = UMD_IMAGE_QUEUED;
        present.serial = __atomic_add_fetch(&serials, 1, __ATOMIC_RELAXED);
        present.image = image;
        present.swapchain = swapchain;
        if (!in_call)
            swapchain->queue[(swapchain->first + swapchain->queued++) % UMD_MAX_SWAPCHAIN_IMAGES] =
                present;
    }
    pthread_mutex_unlock(&swapchain->lock);
    if (taken && in_call) {
        status = worse(status, show_in_call(swapchain, &present));
    } else if (taken) {
        umd_swapchain_wake(swapchain);
    } else {
        free(present.rects);
        if (acquired) /* Vulkan gives it back in any case */
            umd_swapchain_release(swapchain, image);
    }
    return status;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_QueuePresentKHR(VkQueue handle, const VkPresentInfoKHR *info)
{
    struct umd_queue *queue = umd_queue_from(handle);
    const VkPresentRegionsKHR *regions =
        umd_chain_find(info->pNext, VK_STRUCTURE_TYPE_PRESENT_REGIONS_KHR);
    const VkPresentIdKHR *ids = umd_chain_find(info->pNext, VK_STRUCTURE_TYPE_PRESENT_ID_KHR);
    struct umd_present present = {0};
    VkResult submitted = submit(queue, info, &present.point);
    VkResult result = VK_SUCCESS;
    for (uint32_t i = 0; i < info->swapchainCount; i++) {
        struct umd_swapchain *swapchain = umd_object(queue->device, UMD_ID(info->pSwapchains[i]));
        VkResult one = VK_ERROR_OUT_OF_DATE_KHR;
        if (swapchain && info->pImageIndices[i] < swapchain->image_count) {
            struct umd_present own = present;
            copy_rects(&own, regions && regions->pRegions ? &regions->pRegions[i] : NULL);
            own.present_id = ids && ids->pPresentIds ? ids->pPresentIds[i] : 0;
            one = enqueue(swapchain, info->pImageIndices[i], own, submitted);
        }
        if (info->pResults)
            info->pResults[i] = one;
        result = worse(result, one);
    }
    return result;
}
