/* SPDX-License-Identifier: MIT */
/*
 * Destroying semaphores. A driver may still clean up after a submission when the guest knows
 * already that it has finished: Mesa's runtime releases the timeline points that a submission
 * waited for after it has signalled the others. So a semaphore that the guest destroys is retired
 * first, and destroyed when every queue has finished a submission made later, or is idle.
 */
#include "host/worker/exec_sync.h"

#include <stdlib.h>

#include "host/worker/exec_acquired.h"
#include "util/log.h"
#include "vkwire.h"
#include "vkwire_exec.h"

/* So many are kept before an idle device is asked to clean up. */
#define MOST_RETIRED 64u

struct exec_retired {
    struct exec_retired *next;
    VkSemaphore semaphore;
    uint64_t submitted[]; /* of each queue when it was retired */
};

static bool is_ripe(struct exec *x, const struct exec_retired *retired)
{
    for (uint32_t i = 0; i < x->queue_count; i++) {
        if (retired->submitted[i] && exec_sync_completed(x, i) <= retired->submitted[i])
            return false;
    }
    return true;
}

static void forget_oldest(struct exec *x, bool destroy)
{
    struct exec_retired_list *list = &x->retired_semaphores;
    struct exec_retired *retired = list->oldest;
    list->oldest = retired->next;
    if (!list->oldest)
        list->newest = NULL;
    list->count--;
    if (destroy)
        x->vk->DestroySemaphore(x->device, retired->semaphore, NULL);
    free(retired);
}

void exec_semaphores_finish(struct exec *x, bool idle)
{
    while (x->retired_semaphores.oldest)
        forget_oldest(x, idle);
}

static void destroy_ripe(struct exec *x)
{
    struct exec_retired_list *list = &x->retired_semaphores;
    while (list->oldest && is_ripe(x, list->oldest))
        forget_oldest(x, true);
    if (list->count < MOST_RETIRED)
        return;
    for (uint32_t i = 0; i < x->queue_count; i++) {
        if (exec_sync_completed(x, i) < x->queues[i].submitted)
            return;
    }
    (void)x->vk->DeviceWaitIdle(x->device);
    exec_semaphores_finish(x, true);
}

static void retire(struct exec *x, VkSemaphore semaphore)
{
    struct exec_retired_list *list = &x->retired_semaphores;
    struct exec_retired *retired =
        malloc(sizeof(*retired) + x->queue_count * sizeof(retired->submitted[0]));
    if (!retired) {
        log_warning("worker", "no memory to destroy a semaphore later: it stays with its device");
        return;
    }
    retired->next = NULL;
    retired->semaphore = semaphore;
    for (uint32_t i = 0; i < x->queue_count; i++)
        retired->submitted[i] = x->queues[i].submitted;
    if (list->newest)
        list->newest->next = retired;
    else
        list->oldest = retired;
    list->newest = retired;
    list->count++;
}

void exec_DestroySemaphore(struct exec *x, const struct args_DestroySemaphore *a)
{
    if (!a->semaphore_id)
        return;
    struct exec_object *object = exec_object_get(x, a->semaphore_id, VKWIRE_OBJECT_SEMAPHORE);
    if (!object)
        return;
    exec_object_remove(x, object);
    exec_take_acquired(x, a->semaphore);
    retire(x, a->semaphore);
    destroy_ripe(x);
}
