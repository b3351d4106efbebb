/* SPDX-License-Identifier: MIT */
#include "tests/worker/queue_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "host/worker/exec_sparse.h"
#include "host/worker/exec_sync.h"
#include "host/worker/stream_io.h"

/* --- The driver --- */

struct queue_driver driver;

static uint64_t index_of(VkSemaphore semaphore)
{
    return (uint64_t)(uintptr_t)semaphore;
}

static VkResult VKAPI_CALL create_semaphore(VkDevice device, const VkSemaphoreCreateInfo *info,
                                            const VkAllocationCallbacks *allocator,
                                            VkSemaphore *semaphore)
{
    (void)device, (void)allocator;
    const VkSemaphoreTypeCreateInfo *type = info->pNext;
    assert_int_equal(type->semaphoreType, VK_SEMAPHORE_TYPE_TIMELINE);
    *semaphore = (VkSemaphore)(uintptr_t)++driver.timelines;
    return VK_SUCCESS;
}

static void VKAPI_CALL destroy_semaphore(VkDevice device, VkSemaphore semaphore,
                                         const VkAllocationCallbacks *allocator)
{
    (void)device, (void)semaphore, (void)allocator;
    driver.destroyed++;
}

static VkResult VKAPI_CALL wait_idle(VkDevice device)
{
    (void)device;
    driver.idle_waits++;
    return driver.failure;
}

static VkResult VKAPI_CALL get_value(VkDevice device, VkSemaphore semaphore, uint64_t *value)
{
    (void)device;
    pthread_mutex_lock(&driver.lock);
    driver.reads++;
    *value = driver.values[index_of(semaphore)];
    VkResult failure = driver.failure;
    pthread_mutex_unlock(&driver.lock);
    return failure;
}

static VkResult VKAPI_CALL wait_semaphores(VkDevice device, const VkSemaphoreWaitInfo *info,
                                           uint64_t timeout)
{
    (void)device;
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += (long)(timeout % 1000000000u);
    end.tv_sec += (time_t)(timeout / 1000000000u) + end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    int error = info->semaphoreCount == 1 ? 0 : EINVAL;
    pthread_mutex_lock(&driver.lock);
    driver.waits++;
    if (info->pValues[0] >= VALUES ||
        !driver.comes[index_of(info->pSemaphores[0])][info->pValues[0]])
        driver.vain_waits++;
    while (!error && !driver.failure &&
           driver.values[index_of(info->pSemaphores[0])] < info->pValues[0])
        error = pthread_cond_timedwait(&driver.changed, &driver.lock, &end);
    VkResult failure = driver.failure;
    pthread_mutex_unlock(&driver.lock);
    return failure ? failure : error ? VK_TIMEOUT : VK_SUCCESS;
}

void signal_timeline(uint64_t timeline, uint64_t value)
{
    pthread_mutex_lock(&driver.lock);
    driver.values[timeline] = value;
    pthread_cond_broadcast(&driver.changed);
    pthread_mutex_unlock(&driver.lock);
}

static void *find(const void *next, VkStructureType type)
{
    for (const VkBaseInStructure *at = next; at; at = at->pNext) {
        if (at->sType == type)
            return (void *)(uintptr_t)at;
    }
    return NULL;
}

static void note_waits(uint32_t count, const VkSemaphore *semaphores, const void *next)
{
    const VkTimelineSemaphoreSubmitInfo *values =
        find(next, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    const VkDeviceGroupSubmitInfo *group = find(next, VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO);
    driver.wait_count = count;
    for (uint32_t i = 0; i < count; i++)
        driver.waits_for[i] = semaphores[i];
    driver.wait_value_count = values ? values->waitSemaphoreValueCount : 0;
    for (uint32_t i = 0; i < driver.wait_value_count; i++)
        driver.wait_values[i] = values->pWaitSemaphoreValues[i];
    driver.wait_index_count = group ? group->waitSemaphoreCount : 0;
    for (uint32_t i = 0; i < driver.wait_index_count; i++)
        driver.wait_indices[i] = group->pWaitSemaphoreDeviceIndices[i];
}

static void note_value(VkSemaphore semaphore, uint64_t value)
{
    pthread_mutex_lock(&driver.lock);
    if (index_of(semaphore) < 8 && value < VALUES)
        driver.comes[index_of(semaphore)][value] = true;
    pthread_mutex_unlock(&driver.lock);
}

static VkResult VKAPI_CALL queue_submit(VkQueue queue, uint32_t count, const VkSubmitInfo *infos,
                                        VkFence fence)
{
    (void)queue;
    assert_true(fence == VK_NULL_HANDLE);
    driver.batches = count;
    note_waits(infos->waitSemaphoreCount, infos->pWaitSemaphores, infos->pNext);
    for (uint32_t i = 0; i < driver.wait_count; i++)
        driver.wait_stages[i] = infos->pWaitDstStageMask[i];
    for (uint32_t i = 0; i < count; i++) {
        const VkTimelineSemaphoreSubmitInfo *values =
            find(infos[i].pNext, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
        assert_int_equal(values ? values->signalSemaphoreValueCount : 0,
                         infos[i].signalSemaphoreCount);
        driver.signal_count[i] = infos[i].signalSemaphoreCount;
        for (uint32_t j = 0; j < infos[i].signalSemaphoreCount; j++) {
            driver.signals[i][j] = infos[i].pSignalSemaphores[j];
            driver.signal_values[i][j] = values->pSignalSemaphoreValues[j];
            note_value(infos[i].pSignalSemaphores[j], values->pSignalSemaphoreValues[j]);
        }
        const VkDeviceGroupSubmitInfo *group =
            find(infos[i].pNext, VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO);
        for (uint32_t j = 0; group && j < group->signalSemaphoreCount; j++)
            driver.device_indices[j] = group->pSignalSemaphoreDeviceIndices[j];
    }
    return driver.failure;
}

static VkResult VKAPI_CALL queue_submit2(VkQueue queue, uint32_t count, const VkSubmitInfo2 *infos,
                                         VkFence fence)
{
    (void)queue;
    assert_true(fence == VK_NULL_HANDLE);
    driver.batches = count;
    driver.wait_count = infos->waitSemaphoreInfoCount;
    for (uint32_t i = 0; i < driver.wait_count; i++) {
        driver.waits_for[i] = infos->pWaitSemaphoreInfos[i].semaphore;
        driver.wait_values[i] = infos->pWaitSemaphoreInfos[i].value;
        driver.wait_stages[i] = infos->pWaitSemaphoreInfos[i].stageMask;
    }
    for (uint32_t i = 0; i < count; i++) {
        driver.signal_count[i] = infos[i].signalSemaphoreInfoCount;
        for (uint32_t j = 0; j < infos[i].signalSemaphoreInfoCount; j++) {
            driver.signals[i][j] = infos[i].pSignalSemaphoreInfos[j].semaphore;
            driver.signal_values[i][j] = infos[i].pSignalSemaphoreInfos[j].value;
            driver.stages = infos[i].pSignalSemaphoreInfos[j].stageMask;
            note_value(driver.signals[i][j], driver.signal_values[i][j]);
        }
    }
    return driver.failure;
}

static VkResult VKAPI_CALL queue_bind_sparse(VkQueue queue, uint32_t count,
                                             const VkBindSparseInfo *infos, VkFence fence)
{
    (void)queue;
    assert_true(fence == VK_NULL_HANDLE);
    driver.batches = count;
    note_waits(infos->waitSemaphoreCount, infos->pWaitSemaphores, infos->pNext);
    const VkTimelineSemaphoreSubmitInfo *values =
        find(infos->pNext, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    uint32_t last = infos->signalSemaphoreCount - 1;
    driver.sparse_value = values->pSignalSemaphoreValues[last];
    note_value(infos->pSignalSemaphores[last], driver.sparse_value);
    return driver.failure;
}

/* --- The rest of the worker --- */

struct queue_guest guest;

bool stream_io_more(struct stream_io *io)
{
    (void)io;
    return guest.more;
}

void stream_io_complete(struct stream_io *io, uint32_t queue, uint64_t count)
{
    (void)io;
    if (atomic_exchange(&guest.completed[queue], count) >= count)
        atomic_store(&guest.went_back, true);
}

void stream_io_lose(struct stream_io *io, enum stream_lost reason)
{
    (void)io;
    atomic_store(&guest.lost, (int)reason);
}

void exec_fail(struct exec *x, enum stream_lost reason, const char *format, ...)
{
    (void)format;
    if (!x->lost)
        x->lost = reason;
}

bool exec_sparse_fits(struct exec *x, uint32_t count, const VkBindSparseInfo *infos)
{
    (void)x, (void)count, (void)infos;
    return true;
}

/* Objects: any id but 0 is a live semaphore. */
static struct exec_object any_object;

struct exec_object *exec_object_get(struct exec *x, uint64_t id, uint8_t type)
{
    assert_int_equal(type, VKWIRE_OBJECT_SEMAPHORE);
    if (!id)
        exec_fail(x, STREAM_LOST_PROTOCOL, "no such object");
    any_object.handle[0] = id;
    return id ? &any_object : NULL;
}

void exec_object_remove(struct exec *x, struct exec_object *object)
{
    (void)x;
    assert_ptr_equal(object, &any_object);
}

/* --- Fixture --- */

int set_up(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof(f));
    memset(&driver, 0, sizeof(driver));
    memset(&guest, 0, sizeof(guest));
    pthread_mutex_init(&driver.lock, NULL);
    pthread_cond_init(&driver.changed, NULL);
    f.vk.CreateSemaphore = create_semaphore;
    f.vk.DestroySemaphore = destroy_semaphore;
    f.vk.GetSemaphoreCounterValue = get_value;
    f.vk.DeviceWaitIdle = wait_idle;
    f.vk.WaitSemaphores = wait_semaphores;
    f.vk.QueueSubmit = queue_submit;
    f.vk.QueueSubmit2 = queue_submit2;
    f.vk.QueueBindSparse = queue_bind_sparse;
    f.exec.vk = &f.vk;
    f.exec.queue_count = QUEUES;
    arena_init(&f.exec.arena, 1 << 20);
    assert_int_equal(exec_sync_init(&f.exec), VK_SUCCESS);
    *state = &f;
    return 0;
}

uint64_t timeline_of(const struct fixture *f, uint32_t queue)
{
    return index_of(f->exec.queues[queue].timeline);
}

int tear_down(void **state)
{
    struct fixture *f = *state;
    bool idle = true;
    for (uint32_t i = 0; i < QUEUES && !driver.failure; i++)
        idle &= driver.values[timeline_of(f, i)] >= f->exec.queues[i].submitted;
    driver.destroyed = driver.idle_waits = 0;
    exec_sync_finish(&f->exec);
    exec_sync_finish(&f->exec);
    assert_int_equal(driver.destroyed, idle ? QUEUES + driver.retired : 0);
    assert_int_equal(driver.idle_waits, idle);
    arena_finish(&f->exec.arena);
    assert_false(atomic_load(&guest.went_back));
    assert_int_equal(driver.vain_waits, 0);
    return 0;
}

void submit(struct fixture *f, uint32_t queue, uint32_t count)
{
    VkSubmitInfo infos[4] = {{0}};
    struct args_QueueSubmit args = {.queue_id = STREAM_ID(1 + queue, 1, VKWIRE_OBJECT_QUEUE),
                                    .submitCount = count,
                                    .pSubmits = infos};
    exec_QueueSubmit(&f->exec, &args);
    arena_reset(&f->exec.arena);
}

void await_completed(uint32_t queue, uint64_t count)
{
    while (atomic_load(&guest.completed[queue]) < count)
        sched_yield();
}

void destroy(struct fixture *f)
{
    struct args_DestroySemaphore args = {.semaphore_id = 1,
                                         .semaphore = (VkSemaphore)(uintptr_t)0x50};
    exec_DestroySemaphore(&f->exec, &args);
}
