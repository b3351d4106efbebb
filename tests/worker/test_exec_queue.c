/* SPDX-License-Identifier: MIT */
/* Submissions and completion in the worker, with a driver that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <time.h>

#include "host/worker/exec_sync.h"
#include "tests/worker/queue_fixture.h"

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
