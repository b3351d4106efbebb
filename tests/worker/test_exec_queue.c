/* SPDX-License-Identifier: MIT */
/* Submissions and completion in the worker, with a driver that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "host/worker/exec.h"
#include "host/worker/exec_acquired.h"
#include "host/worker/exec_sparse.h"
#include "host/worker/exec_sync.h"
#include "host/worker/stream_io.h"
#include "vkwire.h"
#include "vkwire_exec.h"

#define QUEUES 2

/* --- The driver --- */

#define VALUES 4096u

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t values[8]; /* of the timelines, by handle */
    uint32_t timelines, destroyed, idle_waits;
    uint32_t retired;      /* by the test, and not destroyed when it ends */
    uint32_t reads, waits; /* calls */
    uint32_t vain_waits;   /* for a value that nothing signals, which validation layers take amiss */
    bool comes[8][VALUES]; /* of the timelines, by handle: whether a submission signals the value */
    VkResult failure;      /* of everything, if not 0 */
    /* The last submission. */
    uint32_t batches, signal_count[4];
    VkSemaphore signals[4][4];
    uint64_t signal_values[4][4];
    uint64_t sparse_value; /* the last that the last vkQueueBindSparse signals */
    uint32_t device_indices[4];
    VkPipelineStageFlags2 stages;
    /* Its first batch's waits, and what goes along with them. */
    uint32_t wait_count, wait_value_count, wait_index_count;
    VkSemaphore waits_for[8];
    uint64_t wait_values[8], wait_stages[8];
    uint32_t wait_indices[8];
} driver;

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
    if (info->pValues[0] >= VALUES || !driver.comes[index_of(info->pSemaphores[0])][info->pValues[0]])
        driver.vain_waits++;
    while (!error && !driver.failure &&
           driver.values[index_of(info->pSemaphores[0])] < info->pValues[0])
        error = pthread_cond_timedwait(&driver.changed, &driver.lock, &end);
    VkResult failure = driver.failure;
    pthread_mutex_unlock(&driver.lock);
    return failure ? failure : error ? VK_TIMEOUT : VK_SUCCESS;
}

static void signal_timeline(uint64_t timeline, uint64_t value)
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
    const VkDeviceGroupSubmitInfo *group =
        find(next, VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO);
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

static struct {
    _Atomic uint64_t completed[QUEUES];
    _Atomic int lost;
    atomic_bool went_back;
    bool more; /* it has sent more that is not taken yet */
} guest;

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

struct fixture {
    struct exec exec;
    struct vkwire_device_dispatch vk;
};

static int set_up(void **state)
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

/* Queue i's timeline in the driver. */
static uint64_t timeline_of(const struct fixture *f, uint32_t queue)
{
    return index_of(f->exec.queues[queue].timeline);
}

static int tear_down(void **state)
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

static void submit(struct fixture *f, uint32_t queue, uint32_t count)
{
    VkSubmitInfo infos[4] = {{0}};
    struct args_QueueSubmit args = {.queue_id = STREAM_ID(1 + queue, 1, VKWIRE_OBJECT_QUEUE),
                                    .submitCount = count,
                                    .pSubmits = infos};
    exec_QueueSubmit(&f->exec, &args);
    arena_reset(&f->exec.arena);
}

static void await_completed(uint32_t queue, uint64_t count)
{
    while (atomic_load(&guest.completed[queue]) < count)
        sched_yield();
}

/* --- Submissions --- */

static void the_last_batch_signals_its_number(void **state)
{
    struct fixture *f = *state;
    submit(f, 1, 1);
    submit(f, 1, 3);
    assert_int_equal(driver.batches, 3);
    assert_int_equal(driver.signal_count[0], 0);
    assert_int_equal(driver.signal_count[1], 0);
    assert_int_equal(driver.signal_count[2], 1);
    assert_true(driver.signals[2][0] == f->exec.queues[1].timeline);
    assert_int_equal(driver.signal_values[2][0], 4);
    assert_int_equal(f->exec.queues[1].submitted, 4);
    assert_int_equal(f->exec.queues[0].submitted, 0);
}

static void what_nobody_sees_is_told_by_a_later_submission(void **state)
{
    struct fixture *f = *state;
    guest.more = true;
    submit(f, 0, 2);
    assert_int_equal(driver.batches, 2);
    assert_int_equal(driver.signal_count[0] + driver.signal_count[1], 0);
    guest.more = false;
    submit(f, 0, 1);
    assert_int_equal(driver.signal_count[0], 1);
    assert_int_equal(driver.signal_values[0][0], 3);
    driver.batches = 0;
    exec_signal_queues(&f->exec); /* all is told */
    assert_int_equal(driver.batches, 0);
}

static void what_nobody_sees_is_told_when_nothing_follows(void **state)
{
    struct fixture *f = *state;
    guest.more = true;
    submit(f, 1, 2);
    for (int i = 0; i < 2; i++) {
        driver.signal_count[0] = 0;
        exec_signal_queues(&f->exec);
        assert_int_equal(driver.signal_count[0], i ? 0 : 1);
    }
    assert_true(driver.signals[0][0] == f->exec.queues[1].timeline);
    assert_int_equal(driver.signal_values[0][0], 2);
    assert_int_equal(f->exec.queues[1].submitted, 2);
    /* Binding memory finishes in no order with the rest. */
    submit(f, 1, 1);
    VkBindSparseInfo info = {VK_STRUCTURE_TYPE_BIND_SPARSE_INFO};
    struct args_QueueBindSparse args = {
        .queue_id = STREAM_ID(2, 1, VKWIRE_OBJECT_QUEUE), .bindInfoCount = 1, .pBindInfo = &info};
    exec_QueueBindSparse(&f->exec, &args);
    assert_int_equal(driver.signal_values[0][0], 3);
    assert_int_equal(driver.sparse_value, 4);
    /* So does a device that is to be idle. */
    submit(f, 1, 1);
    assert_false(exec_sync_idle(&f->exec, 0));
    assert_int_equal(driver.signal_values[0][0], 5);
}

/* In a busy stream, too. */
static void what_somebody_sees_is_told_at_once(void **state)
{
    struct fixture *f = *state;
    VkSemaphore timeline = (VkSemaphore)(uintptr_t)0x50;
    uint64_t value = 9;
    VkTimelineSemaphoreSubmitInfo values = {VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                            .signalSemaphoreValueCount = 1,
                                            .pSignalSemaphoreValues = &value};
    VkSubmitInfo infos[] = {{VK_STRUCTURE_TYPE_SUBMIT_INFO, &values, .signalSemaphoreCount = 1,
                             .pSignalSemaphores = &timeline},
                            {VK_STRUCTURE_TYPE_SUBMIT_INFO}};
    struct args_QueueSubmit args = {
        .queue_id = STREAM_ID(1, 1, VKWIRE_OBJECT_QUEUE), .submitCount = 2, .pSubmits = infos};
    guest.more = true;
    exec_QueueSubmit(&f->exec, &args);
    assert_int_equal(driver.signal_count[0], 2);
    assert_int_equal(driver.signal_values[0][1], 1);
    assert_int_equal(driver.signal_count[1], 0);
    VkSubmitInfo plain = {VK_STRUCTURE_TYPE_SUBMIT_INFO};
    args.submitCount = 1;
    args.pSubmits = &plain;
    args.fence_id = 1;
    exec_QueueSubmit(&f->exec, &args);
    assert_int_equal(driver.signal_count[0], 1);
    assert_int_equal(driver.signal_values[0][0], 3);
}

static void the_guests_signals_stay(void **state)
{
    struct fixture *f = *state;
    VkSemaphore semaphores[] = {(VkSemaphore)(uintptr_t)0x50, (VkSemaphore)(uintptr_t)0x51};
    uint64_t value = 9;
    uint32_t indices[] = {1, 2};
    VkDeviceGroupSubmitInfo group = {VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO,
                                     .signalSemaphoreCount = 2,
                                     .pSignalSemaphoreDeviceIndices = indices};
    VkTimelineSemaphoreSubmitInfo values = {VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                            &group, .signalSemaphoreValueCount = 1,
                                            .pSignalSemaphoreValues = &value};
    VkSubmitInfo info = {VK_STRUCTURE_TYPE_SUBMIT_INFO, &values, .signalSemaphoreCount = 2,
                         .pSignalSemaphores = semaphores};
    struct args_QueueSubmit args = {
        .queue_id = STREAM_ID(1, 1, VKWIRE_OBJECT_QUEUE), .submitCount = 1, .pSubmits = &info};
    exec_QueueSubmit(&f->exec, &args);
    const uint64_t expected_values[] = {9, 0, 1};
    const uint32_t expected_indices[] = {1, 2, 0};
    assert_int_equal(driver.signal_count[0], 3);
    assert_memory_equal(driver.signal_values[0], expected_values, sizeof(expected_values));
    assert_memory_equal(driver.device_indices, expected_indices, sizeof(expected_indices));
    assert_true(driver.signals[0][1] == semaphores[1]);
    assert_true(driver.signals[0][2] == f->exec.queues[0].timeline);
    assert_int_equal(f->exec.lost, STREAM_ALIVE);
}

static void submissions_of_the_second_form(void **state)
{
    struct fixture *f = *state;
    VkSemaphoreSubmitInfo own = {VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
                                 .semaphore = (VkSemaphore)(uintptr_t)0x50, .value = 5};
    VkSubmitInfo2 infos[] = {{VK_STRUCTURE_TYPE_SUBMIT_INFO_2},
                             {VK_STRUCTURE_TYPE_SUBMIT_INFO_2, .signalSemaphoreInfoCount = 1,
                              .pSignalSemaphoreInfos = &own}};
    struct args_QueueSubmit2 args = {
        .queue_id = STREAM_ID(1, 1, VKWIRE_OBJECT_QUEUE), .submitCount = 2, .pSubmits = infos};
    exec_QueueSubmit2(&f->exec, &args);
    assert_int_equal(driver.signal_count[0], 0);
    assert_int_equal(driver.signal_count[1], 2);
    assert_int_equal(driver.signal_values[1][0], 5);
    assert_int_equal(driver.signal_values[1][1], 2);
    assert_int_equal(driver.stages, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT);
    assert_int_equal(f->exec.queues[0].submitted, 2);
}

static void a_foreign_queue_ends_the_stream(void **state)
{
    struct fixture *f = *state;
    submit(f, QUEUES, 1);
    assert_int_equal(f->exec.lost, STREAM_LOST_PROTOCOL);
    assert_int_equal(driver.batches, 0);
}

static void a_refused_submission_ends_the_stream(void **state)
{
    struct fixture *f = *state;
    driver.failure = VK_ERROR_DEVICE_LOST;
    submit(f, 0, 1);
    assert_int_equal(f->exec.lost, STREAM_LOST_DEVICE);
}

/* --- Semaphores --- */

static void destroy(struct fixture *f)
{
    struct args_DestroySemaphore args = {.semaphore_id = 1,
                                         .semaphore = (VkSemaphore)(uintptr_t)0x50};
    exec_DestroySemaphore(&f->exec, &args);
}

/* Tells that so many submissions of queue 0 have finished. */
static void finish_submissions(struct fixture *f, uint64_t count)
{
    signal_timeline(timeline_of(f, 0), count);
    exec_sync_poll(&f->exec);
}

static void semaphores_outlive_the_submissions_before(void **state)
{
    struct fixture *f = *state;
    destroy(f); /* nothing was submitted: at once */
    assert_int_equal(driver.destroyed, 1);
    submit(f, 0, 1);
    finish_submissions(f, 1);
    destroy(f);
    assert_int_equal(driver.destroyed, 1); /* the driver may still clean up */
    submit(f, 0, 1);
    finish_submissions(f, 2);
    destroy(f);
    assert_int_equal(driver.destroyed, 2);
    assert_int_equal(driver.idle_waits, 0);
    driver.retired = 1;
}

static void many_semaphores_are_destroyed_when_idle(void **state)
{
    struct fixture *f = *state;
    submit(f, 0, 1);
    for (int i = 0; i < 200; i++)
        destroy(f);
    assert_int_equal(driver.destroyed, 0);
    assert_int_equal(driver.idle_waits, 0); /* that could last */
    finish_submissions(f, 1);
    destroy(f);
    assert_int_equal(driver.destroyed, 201);
    assert_int_equal(driver.idle_waits, 1);
}

static void semaphores_in_use_are_left(void **state)
{
    struct fixture *f = *state;
    submit(f, 0, 1);
    destroy(f);
    assert_int_equal(driver.destroyed, 0);
}

/* --- Semaphores of acquired images --- */

static VkSemaphore semaphore(uint64_t id)
{
    return (VkSemaphore)(uintptr_t)id;
}

static void acquire(struct fixture *f, uint64_t id)
{
    const struct stream_object command = {.id = id};
    exec_signal_acquired(&f->exec, &command);
}

static void assert_waits(const uint64_t *ids, uint32_t count)
{
    assert_int_equal(driver.wait_count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_true(driver.waits_for[i] == semaphore(ids[i]));
}

/* Waits for 0x50 to 0x53, with values 10… for the first `values` and device indices 20…. */
static void submit_waits(struct fixture *f, uint32_t values, uint32_t indices)
{
    VkSemaphore waits[] = {semaphore(0x50), semaphore(0x51), semaphore(0x52), semaphore(0x53)};
    VkPipelineStageFlags stages[] = {1, 2, 4, 8};
    uint64_t numbers[] = {10, 11, 12, 13};
    uint32_t devices[] = {20, 21, 22, 23};
    VkDeviceGroupSubmitInfo group = {VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO,
                                     .waitSemaphoreCount = indices,
                                     .pWaitSemaphoreDeviceIndices = devices};
    VkTimelineSemaphoreSubmitInfo timeline = {VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                              &group, .waitSemaphoreValueCount = values,
                                              .pWaitSemaphoreValues = numbers};
    VkSubmitInfo info = {VK_STRUCTURE_TYPE_SUBMIT_INFO, &timeline, .waitSemaphoreCount = 4,
                         .pWaitSemaphores = waits, .pWaitDstStageMask = stages};
    struct args_QueueSubmit args = {
        .queue_id = STREAM_ID(1, 1, VKWIRE_OBJECT_QUEUE), .submitCount = 1, .pSubmits = &info};
    exec_QueueSubmit(&f->exec, &args);
    arena_reset(&f->exec.arena);
}

static void acquired_images_are_not_waited_for(void **state)
{
    struct fixture *f = *state;
    acquire(f, 0x50);
    acquire(f, 0x52);
    acquire(f, 0x99);
    submit_waits(f, 4, 4);
    const uint64_t left[] = {0x51, 0x53}, values[] = {11, 13}, stages[] = {2, 8};
    const uint32_t indices[] = {21, 23};
    assert_waits(left, 2);
    assert_int_equal(driver.wait_value_count, 2);
    assert_memory_equal(driver.wait_values, values, sizeof(values));
    assert_memory_equal(driver.wait_stages, stages, sizeof(stages));
    assert_int_equal(driver.wait_index_count, 2);
    assert_memory_equal(driver.wait_indices, indices, sizeof(indices));
    /* Once each. */
    const uint64_t all[] = {0x50, 0x51, 0x52, 0x53};
    submit_waits(f, 4, 4);
    assert_waits(all, 4);
    assert_int_equal(f->exec.acquired.count, 1);
}

static void fewer_values_than_waits(void **state)
{
    struct fixture *f = *state;
    acquire(f, 0x51);
    acquire(f, 0x53);
    submit_waits(f, 2, 0);
    const uint64_t left[] = {0x50, 0x52}, stages[] = {1, 4};
    assert_waits(left, 2);
    assert_int_equal(driver.wait_value_count, 1);
    assert_int_equal(driver.wait_values[0], 10);
    assert_int_equal(driver.wait_index_count, 0);
    assert_memory_equal(driver.wait_stages, stages, sizeof(stages));
}

static void the_last_wait_goes(void **state)
{
    struct fixture *f = *state;
    for (uint64_t id = 0x50; id <= 0x53; id++)
        acquire(f, id);
    submit_waits(f, 4, 4);
    assert_int_equal(driver.wait_count + driver.wait_value_count + driver.wait_index_count, 0);
    assert_int_equal(f->exec.acquired.count, 0);
    assert_int_equal(f->exec.lost, STREAM_ALIVE);
}

static void acquired_images_in_the_second_form(void **state)
{
    struct fixture *f = *state;
    VkSemaphoreSubmitInfo waits[3] = {0};
    for (uint64_t i = 0; i < 3; i++)
        waits[i] = (VkSemaphoreSubmitInfo){VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
                                           .semaphore = semaphore(0x50 + i), .value = 30 + i,
                                           .stageMask = 1u << i};
    VkSubmitInfo2 info = {VK_STRUCTURE_TYPE_SUBMIT_INFO_2, .waitSemaphoreInfoCount = 3,
                          .pWaitSemaphoreInfos = waits};
    struct args_QueueSubmit2 args = {
        .queue_id = STREAM_ID(1, 1, VKWIRE_OBJECT_QUEUE), .submitCount = 1, .pSubmits = &info};
    acquire(f, 0x51);
    exec_QueueSubmit2(&f->exec, &args);
    const uint64_t left[] = {0x50, 0x52}, values[] = {30, 32}, stages[] = {1, 4};
    assert_waits(left, 2);
    assert_memory_equal(driver.wait_values, values, sizeof(values));
    assert_memory_equal(driver.wait_stages, stages, sizeof(stages));
}

static void acquired_images_in_sparse_binding(void **state)
{
    struct fixture *f = *state;
    VkSemaphore waits[] = {semaphore(0x50), semaphore(0x51)};
    uint64_t numbers[] = {10, 11};
    VkTimelineSemaphoreSubmitInfo timeline = {VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                              .waitSemaphoreValueCount = 2,
                                              .pWaitSemaphoreValues = numbers};
    VkBindSparseInfo info = {VK_STRUCTURE_TYPE_BIND_SPARSE_INFO, &timeline,
                             .waitSemaphoreCount = 2, .pWaitSemaphores = waits};
    struct args_QueueBindSparse args = {
        .queue_id = STREAM_ID(1, 1, VKWIRE_OBJECT_QUEUE), .bindInfoCount = 1, .pBindInfo = &info};
    acquire(f, 0x50);
    exec_QueueBindSparse(&f->exec, &args);
    const uint64_t left[] = {0x51};
    assert_waits(left, 1);
    assert_int_equal(driver.wait_value_count, 1);
    assert_int_equal(driver.wait_values[0], 11);
}

static void a_destroyed_semaphore_is_forgotten(void **state)
{
    struct fixture *f = *state;
    acquire(f, 0x50);
    acquire(f, 0x51);
    destroy(f); /* 0x50 */
    assert_int_equal(f->exec.acquired.count, 1);
    submit_waits(f, 0, 0); /* another one with the same handle */
    const uint64_t left[] = {0x50, 0x52, 0x53};
    assert_waits(left, 3);
}

static void too_many_acquired_images(void **state)
{
    struct fixture *f = *state;
    for (uint64_t i = 0; i < EXEC_MOST_ACQUIRED; i++)
        acquire(f, 1 + i);
    for (uint64_t i = 0; i < 1000; i++) /* one that is signalled already */
        acquire(f, 7);
    assert_int_equal(f->exec.lost, STREAM_ALIVE);
    assert_int_equal(f->exec.acquired.count, EXEC_MOST_ACQUIRED);
    acquire(f, 1 + EXEC_MOST_ACQUIRED);
    assert_int_equal(f->exec.lost, STREAM_LOST_PROTOCOL);
    assert_int_equal(f->exec.acquired.count, EXEC_MOST_ACQUIRED);
}

static void an_acquired_image_for_no_semaphore(void **state)
{
    struct fixture *f = *state;
    acquire(f, 0);
    assert_int_equal(f->exec.lost, STREAM_LOST_PROTOCOL);
    assert_int_equal(f->exec.acquired.count, 0);
}

/* --- Completion --- */

static void polling_tells_progress(void **state)
{
    struct fixture *f = *state;
    assert_false(exec_sync_poll(&f->exec));
    assert_int_equal(driver.reads, 0); /* nothing is submitted */
    submit(f, 0, 2);
    submit(f, 1, 1);
    assert_true(exec_sync_poll(&f->exec));
    signal_timeline(timeline_of(f, 0), 1);
    assert_true(exec_sync_poll(&f->exec));
    assert_int_equal(guest.completed[0], 1);
    assert_int_equal(guest.completed[1], 0);
    signal_timeline(timeline_of(f, 0), 2);
    signal_timeline(timeline_of(f, 1), 1);
    assert_false(exec_sync_poll(&f->exec));
    assert_int_equal(guest.completed[0], 2);
    assert_int_equal(guest.completed[1], 1);
    uint32_t reads = driver.reads;
    assert_false(exec_sync_poll(&f->exec));
    assert_int_equal(driver.reads, reads);
}

static void threads_watch_while_the_stream_sleeps(void **state)
{
    struct fixture *f = *state;
    exec_sync_sleep(&f->exec);
    for (int i = 0; i < 3; i++)
        submit(f, 0, 1);
    submit(f, 1, 1);
    exec_sync_sleep(&f->exec);
    signal_timeline(timeline_of(f, 1), 1);
    await_completed(1, 1);
    for (uint64_t i = 1; i <= 3; i++) {
        signal_timeline(timeline_of(f, 0), i);
        await_completed(0, i);
    }
    /* Handed over again. */
    assert_false(exec_sync_poll(&f->exec));
    submit(f, 1, 1);
    exec_sync_sleep(&f->exec);
    signal_timeline(timeline_of(f, 1), 2);
    await_completed(1, 2);
    assert_int_equal(guest.completed[0], 3);
}

static void threads_wait_for_what_is_signalled(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        guest.more = true;
        for (int j = 0; j < 99; j++)
            submit(f, 0, 1);
        guest.more = false;
        submit(f, 0, 1);
    }
    exec_sync_sleep(&f->exec);
    for (uint64_t value = 100; value <= 200; value += 100) {
        struct timespec pause = {0, 10000000};
        nanosleep(&pause, NULL);
        signal_timeline(timeline_of(f, 0), value);
        await_completed(0, value);
    }
    assert_true(driver.waits >= 1);
}

static void nobody_looks_when_nothing_is_pending(void **state)
{
    struct fixture *f = *state;
    submit(f, 0, 1);
    exec_sync_sleep(&f->exec);
    signal_timeline(timeline_of(f, 0), 1);
    await_completed(0, 1);
    exec_sync_sleep(&f->exec);
    pthread_mutex_lock(&driver.lock);
    uint32_t calls = driver.reads + driver.waits;
    pthread_mutex_unlock(&driver.lock);
    struct timespec pause = {0, 120000000};
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&driver.lock);
    assert_int_equal(driver.reads + driver.waits, calls);
    pthread_mutex_unlock(&driver.lock);
}

static void a_device_lost_while_asleep(void **state)
{
    struct fixture *f = *state;
    submit(f, 0, 1);
    exec_sync_sleep(&f->exec);
    pthread_mutex_lock(&driver.lock);
    driver.failure = VK_ERROR_DEVICE_LOST;
    pthread_cond_broadcast(&driver.changed);
    pthread_mutex_unlock(&driver.lock);
    while (!atomic_load(&guest.lost))
        sched_yield();
    assert_int_equal(guest.lost, STREAM_LOST_DEVICE);
    assert_false(exec_sync_poll(&f->exec));
    assert_int_equal(f->exec.lost, STREAM_LOST_DEVICE);
}

static void finishing_waits_for_no_submission(void **state)
{
    struct fixture *f = *state;
    submit(f, 0, 1);
    exec_sync_sleep(&f->exec);
    assert_false(exec_sync_idle(&f->exec, 1000000));
    signal_timeline(timeline_of(f, 0), 1);
    assert_true(exec_sync_idle(&f->exec, UINT64_C(10000000000)));
    submit(f, 1, 1); /* never done: tear_down ends all the same */
    exec_sync_sleep(&f->exec);
}

/* A device that runs behind the stream, while the stream polls, submits and sleeps. */
static void *run_device(void *data)
{
    struct fixture *f = data;
    for (uint64_t i = 1; i <= 3000; i++) {
        for (uint32_t queue = 0; queue < QUEUES; queue++)
            signal_timeline(timeline_of(f, queue), i);
        if (i % 16 == 0)
            sched_yield();
    }
    return NULL;
}

static void polls_and_threads_agree(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    for (uint32_t queue = 0; queue < QUEUES; queue++) {
        for (int i = 0; i < 1000; i++)
            submit(f, queue, 3);
    }
    assert_int_equal(pthread_create(&thread, NULL, run_device, f), 0);
    for (uint32_t i = 0; exec_sync_poll(&f->exec); i++) {
        if (i % 3 == 0)
            exec_sync_sleep(&f->exec);
        sched_yield();
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (uint32_t queue = 0; queue < QUEUES; queue++)
        assert_int_equal(guest.completed[queue], 3000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_last_batch_signals_its_number),
        TEST(what_nobody_sees_is_told_by_a_later_submission),
        TEST(what_nobody_sees_is_told_when_nothing_follows),
        TEST(what_somebody_sees_is_told_at_once),
        TEST(the_guests_signals_stay),
        TEST(submissions_of_the_second_form),
        TEST(a_foreign_queue_ends_the_stream),
        TEST(a_refused_submission_ends_the_stream),
        TEST(semaphores_outlive_the_submissions_before),
        TEST(many_semaphores_are_destroyed_when_idle),
        TEST(semaphores_in_use_are_left),
        TEST(acquired_images_are_not_waited_for),
        TEST(fewer_values_than_waits),
        TEST(the_last_wait_goes),
        TEST(acquired_images_in_the_second_form),
        TEST(acquired_images_in_sparse_binding),
        TEST(a_destroyed_semaphore_is_forgotten),
        TEST(too_many_acquired_images),
        TEST(an_acquired_image_for_no_semaphore),
        TEST(polling_tells_progress),
        TEST(threads_watch_while_the_stream_sleeps),
        TEST(threads_wait_for_what_is_signalled),
        TEST(nobody_looks_when_nothing_is_pending),
        TEST(a_device_lost_while_asleep),
        TEST(finishing_waits_for_no_submission),
        TEST(polls_and_threads_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
