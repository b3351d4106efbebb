/* SPDX-License-Identifier: MIT */
/* The service's supervision of workers: assignment, warm ones, and whatever a worker may do. */
#include "host/worker_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char no_sandbox[] = "worker-sandbox=no\nwarm-workers=1";
static const char cold[] = "worker-sandbox=no\nwarm-workers=0";

/* --- Assignment --- */

static void test_a_warm_worker_is_assigned(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create(no_sandbox, "");
    worker_fixture_expect_log(fixture, "is ready");
    struct fixture_process process;
    struct fixture_answer answer;
    void *queue;
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_process_worker(&process), 0);
    assert_int_equal(fixture_open_wait(&process, "told", &queue, &answer), STATUS_SUCCESS);
    assert_string_equal(answer.text, "cube 4711 machine 2:8192,4096 4 | 40000abc 0 1000 | 0");
    assert_true(fixture_process_worker(&process) > 0);
    char line[128];
    snprintf(line, sizeof(line), "worker %d serves process 4711 (cube) of the VM machine\n",
             (int)fixture_process_worker(&process));
    assert_true(worker_fixture_logged(fixture, line));
    /* Another one is there soon. */
    worker_fixture_wait_workers(fixture, 2, 1);
    fixture_close(queue);
    fixture_process_finish(&process);
    worker_fixture_wait_workers(fixture, 1, 1);
    assert_int_equal(fixture->lost, 0);
    worker_fixture_destroy(fixture);
}

static void test_without_warm_workers(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create(cold, "");
    worker_fixture_run(fixture, 50);
    assert_int_equal(fixture->driver->pool.count, 0);
    struct fixture_process process;
    struct fixture_answer answer;
    void *queue;
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_open_wait(&process, "told", &queue, &answer), STATUS_SUCCESS);
    assert_true(worker_fixture_logged(fixture, "when its drivers are loaded"));
    worker_fixture_run(fixture, 50);
    assert_int_equal(fixture->driver->pool.count, 1);
    fixture_close(queue);
    fixture_process_finish(&process);
    worker_fixture_wait_workers(fixture, 0, 0);
    worker_fixture_destroy(fixture);
}

static void test_no_aperture(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create(no_sandbox, "");
    struct fixture_process process;
    struct fixture_answer answer;
    void *queue;
    fixture_process_init(&process, fixture, "bare");
    close(process.memory.aperture);
    process.memory.aperture = -1;
    assert_int_equal(fixture_open_wait(&process, "told", &queue, &answer), STATUS_SUCCESS);
    assert_string_equal(answer.text, "bare 4711 machine 1:4096,0 4 | 40000abc 0 1000 | 0");
    fixture_close(queue);
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
}

static void test_streams_submissions_escapes(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create(no_sandbox, "");
    struct fixture_process process;
    struct fixture_answer answer, other;
    void *first, *second;
    void *driver = fixture->driver;
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_escape(&process, "too early", &answer), STATUS_NOT_SUPPORTED);
    assert_int_equal(fixture_open_wait(&process, "ok", &first, &answer), STATUS_SUCCESS);
    assert_int_equal(fixture_open_wait(&process, "refuse", &second, &answer), STATUS_NO_MEMORY);
    fixture_close(second);
    assert_int_equal(vulkan_driver.submit_command(driver, first, NULL, 0), STATUS_SUCCESS);
    assert_int_equal(vulkan_driver.submit_command(driver, first, "data", 5), STATUS_SUCCESS);
    assert_int_equal(fixture_open_wait(&process, "told", &second, &answer), STATUS_SUCCESS);
    assert_non_null(strstr(answer.text, "| 2"));
    assert_int_equal(fixture_escape(&process, "\xbe\xbd", &other), STATUS_PENDING);
    fixture_wait_answer(fixture, &other);
    assert_int_equal(other.status, STATUS_SUCCESS);
    assert_string_equal(other.text, "AB");
    assert_int_equal(fixture_escape(&process, "longer", &other), STATUS_PENDING);
    fixture_wait_answer(fixture, &other);
    assert_int_equal(other.status, STATUS_UNSUCCESSFUL);
    assert_int_equal(other.size, 0);
    fixture_close(first);
    fixture_close(second);
    fixture_process_finish(&process);
    assert_int_equal(fixture->lost, 0);
    worker_fixture_destroy(fixture);
}

static void test_events_and_lost_streams(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create(no_sandbox, "");
    struct fixture_process process;
    struct fixture_answer answer;
    void *first, *second;
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_open_wait(&process, "event", &first, &answer), STATUS_SUCCESS);
    assert_int_equal(fixture->events, 1);
    assert_int_equal(fixture->last_event, 7);
    assert_ptr_equal(fixture->last_process, &process);
    assert_int_equal(fixture_open_wait(&process, "stream-lost", &second, &answer), STATUS_SUCCESS);
    assert_true(worker_fixture_logged(
        fixture, "(cube) of the VM machine: the stream 0x40000abc is lost: bad?opcode"));
    fixture_close(first);
    fixture_close(second);
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
}

static void test_a_workers_messages_are_logged(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create(no_sandbox, "");
    struct fixture_process process;
    struct fixture_answer answer;
    void *queue;
    char line[128];
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_open_wait(&process, "log", &queue, &answer), STATUS_SUCCESS);
    snprintf(line, sizeof(line), "warning: %d: a line of\tits own?[0m\n",
             (int)fixture_process_worker(&process));
    worker_fixture_expect_log(fixture, line);
    worker_fixture_expect_log(fixture, ": plain\n");
    fixture_close(queue);
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
}

/* --- Reloads --- */

static pid_t warm_pid(const struct worker_fixture *fixture)
{
    return worker_client_pid(pool_worker_client(fixture->driver->pool.workers));
}

static void test_other_adapters_replace_warm_workers(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create(no_sandbox, "");
    worker_fixture_wait_workers(fixture, 1, 1);
    pid_t first = warm_pid(fixture);
    worker_fixture_reload(fixture, "", 1);
    worker_fixture_run(fixture, 50);
    assert_int_equal(warm_pid(fixture), first);
    worker_fixture_reload(fixture, "", 2);
    worker_fixture_run(fixture, 50);
    worker_fixture_wait_workers(fixture, 1, 1);
    assert_int_not_equal(warm_pid(fixture), first);
    /* None is kept for nothing. */
    worker_fixture_reload(fixture, "", 0);
    worker_fixture_wait_workers(fixture, 0, 0);
    worker_fixture_destroy(fixture);
}

static void test_an_adapter_that_came_later(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create(no_sandbox, "");
    struct fixture_process process;
    struct fixture_answer answer = {0};
    void *queue, *other;
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_open_wait(&process, "ok", &queue, &answer), STATUS_SUCCESS);
    pid_t first = fixture_process_worker(&process);
    worker_fixture_reload(fixture, "", 2);
    struct host_create_hw_queue args = {.luid = FIXTURE_LUID + 1,
                                        .context = process.context,
                                        .memory = &process.memory,
                                        .completion = {NULL, NULL}};
    assert_int_equal(vulkan_driver.create_hw_queue(fixture->driver, &args, &other),
                     STATUS_NOT_SUPPORTED);
    assert_true(worker_fixture_logged(fixture, "00000001-00000003 was configured"));
    /* Its streams gone, it gives way to one that knows the adapter. */
    fixture_close(queue);
    assert_int_equal(vulkan_driver.create_hw_queue(fixture->driver, &args, &other), STATUS_PENDING);
    assert_int_not_equal(fixture_process_worker(&process), first);
    fixture_close(other);
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
}

/* --- What goes wrong --- */

/* Before it is ready. */
static void lose_while_starting(const char *mode, const char *text)
{
    struct worker_fixture *fixture = worker_fixture_create(no_sandbox, mode);
    struct fixture_process process;
    struct fixture_answer answer;
    void *queue;
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_open_wait(&process, "ok", &queue, &answer), STATUS_DEVICE_REMOVED);
    worker_fixture_wait(fixture, &fixture->lost, 1);
    if (!strstr(fixture->why, text))
        worker_fixture_fail(fixture, "\"%s\" and not \"%s\"", fixture->why, text);
    assert_ptr_equal(fixture->last_process, &process);
    assert_int_equal(fixture_process_worker(&process), 0);
    fixture_close(queue);
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
}

static void test_losses_before_it_is_ready(void **state)
{
    (void)state;
    lose_while_starting("crash", "it crashed (signal 9, Killed) before it was ready");
    lose_while_starting("exit", "it ended with exit status 3 before it was ready");
    lose_while_starting("hang", "it was not ready within 200 ms");
    lose_while_starting("close", "it closed its link");
    lose_while_starting("short", "a message of 3 bytes");
    lose_while_starting("stray-reply", "the message 65 before it was ready");
}

/* The first process loses its worker by what it is called or by what it opens; the second one has
 * nothing to do with it. */
static void lose_later(const char *name, const char *data, const char *text)
{
    struct worker_fixture *fixture = worker_fixture_create(no_sandbox, "");
    struct fixture_process process, other;
    struct fixture_answer answer;
    void *queue, *spared, *again;
    fixture_process_init(&process, fixture, name);
    fixture_process_init(&other, fixture, "other");
    assert_int_equal(fixture_open_wait(&other, "ok", &spared, &answer), STATUS_SUCCESS);
    assert_int_equal(fixture_open_wait(&process, data, &queue, &answer), STATUS_DEVICE_REMOVED);
    worker_fixture_wait(fixture, &fixture->lost, 1);
    if (!strstr(fixture->why, text))
        worker_fixture_fail(fixture, "\"%s\" and not \"%s\"", fixture->why, text);
    assert_ptr_equal(fixture->last_process, &process);
    assert_true(worker_fixture_logged(fixture, text));
    assert_int_equal(vulkan_driver.submit_command(fixture->driver, queue, NULL, 0),
                     STATUS_DEVICE_REMOVED);
    fixture_close(queue);
    /* It may have another one. */
    if (!strcmp(name, "cube")) {
        assert_int_equal(fixture_open_wait(&process, "told", &again, &answer), STATUS_SUCCESS);
        fixture_close(again);
    }
    assert_int_equal(fixture_open_wait(&other, "ok", &again, &answer), STATUS_SUCCESS);
    assert_int_equal(fixture->lost, 1);
    fixture_close(again);
    fixture_close(spared);
    fixture_process_finish(&other);
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
}

static void test_losses_at_the_assignment(void **state)
{
    (void)state;
    lose_later("crash", "ok", "it crashed (signal 9, Killed)");
    lose_later("close", "ok", "it closed its link");
    lose_later("ready-again", "ok", "ready twice");
}

static void test_losses_while_a_stream_is_opened(void **state)
{
    (void)state;
    lose_later("cube", "crash", "it crashed (signal 9, Killed)");
    lose_later("cube", "exit", "it ended with exit status 3");
    lose_later("cube", "close", "it closed its link");
}

static void test_messages_against_the_rules(void **state)
{
    (void)state;
    lose_later("cube", "short", "a message of 3 bytes");
    lose_later("cube", "unknown", "the message 99 with 1 bytes");
    lose_later("cube", "stray-reply", "a reply that nobody waits for");
    lose_later("cube", "short-reply", "a reply that is too short");
    lose_later("cube", "short-event", "the message 66 with 1 bytes");
    lose_later("cube", "export-nothing", "the message 68 with 16 bytes");
    lose_later("cube", "stray-export", "memory that nobody waits for");
    lose_later("cube", "ready-again", "ready twice");
    lose_while_starting("relative-folder", "ready with what are no folders");
    lose_while_starting("open-folder", "ready with what are no folders");
}

static void test_a_reply_cannot_be_pending(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create(no_sandbox, "");
    struct fixture_process process;
    struct fixture_answer answer;
    void *queue;
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_open_wait(&process, "pending", &queue, &answer), STATUS_UNSUCCESSFUL);
    fixture_close(queue);
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
}

static void test_a_worker_that_does_not_answer(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create(no_sandbox, "");
    struct fixture_process process;
    struct fixture_answer answer;
    void *queue;
    worker_fixture_expect_log(fixture, "is ready");
    fixture->driver->pool.options.timing.answer_ms = 300;
    worker_fixture_reload(fixture, "", 2); /* workers from now on have that limit */
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_open_wait(&process, "hang", &queue, &answer), STATUS_DEVICE_REMOVED);
    worker_fixture_wait(fixture, &fixture->lost, 1);
    assert_string_equal(fixture->why, "it did not answer within 300 ms");
    fixture_close(queue);
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
}

static void test_a_submission_that_crashes(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create(no_sandbox, "");
    struct fixture_process process;
    struct fixture_answer answer, escape;
    void *queue;
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_open_wait(&process, "ok", &queue, &answer), STATUS_SUCCESS);
    assert_int_equal(fixture_escape(&process, "hang!", &escape), STATUS_PENDING);
    assert_int_equal(vulkan_driver.submit_command(fixture->driver, queue, "crash", 6),
                     STATUS_SUCCESS);
    worker_fixture_wait(fixture, &fixture->lost, 1);
    assert_true(escape.done);
    assert_int_equal(escape.status, STATUS_DEVICE_REMOVED);
    fixture_close(queue);
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
}

static void test_a_guest_that_goes_while_it_waits(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create(no_sandbox, "");
    struct fixture_process process;
    struct fixture_answer answer, escape;
    void *queue, *first;
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_open_wait(&process, "ok", &first, &answer), STATUS_SUCCESS);
    assert_int_equal(fixture_escape(&process, "hang!", &escape), STATUS_PENDING);
    assert_int_equal(fixture_open(&process, "ok", &queue, &answer), STATUS_PENDING);
    fixture_close(queue);
    fixture_close(first);
    fixture_process_finish(&process);
    worker_fixture_wait_workers(fixture, 1, 1);
    assert_false(answer.done);
    assert_false(escape.done);
    assert_int_equal(fixture->lost, 0);
    worker_fixture_destroy(fixture);
}

/* One that does not end by itself is killed. */
static void test_a_worker_that_stays(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create(cold, "");
    struct fixture_process process;
    struct fixture_answer answer;
    void *queue;
    fixture->driver->pool.options.timing.grace_ms = 100;
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_open(&process, "hang", &queue, &answer), STATUS_PENDING);
    worker_fixture_expect_log(fixture, "is ready");
    pid_t pid = fixture_process_worker(&process);
    fixture_close(queue);
    fixture_process_finish(&process);
    assert_int_equal(kill(pid, 0), 0);
    worker_fixture_wait_workers(fixture, 0, 0);
    assert_int_not_equal(kill(pid, 0), 0);
    worker_fixture_destroy(fixture);
}

static void test_a_process_that_wears_workers_out(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create(cold, "");
    struct fixture_process process;
    struct fixture_answer answer;
    void *queue;
    fixture_process_init(&process, fixture, "cube");
    for (unsigned i = 1; i <= 8; i++) {
        assert_int_equal(fixture_open_wait(&process, "crash", &queue, &answer),
                         STATUS_DEVICE_REMOVED);
        worker_fixture_wait(fixture, &fixture->lost, i);
        fixture_close(queue);
    }
    assert_int_equal(fixture_open_wait(&process, "ok", &queue, &answer),
                     STATUS_INSUFFICIENT_RESOURCES);
    assert_true(worker_fixture_logged(fixture, "has lost 8 workers in a short time"));
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
}

/* A driver that cannot be loaded is not tried again and again. */
static void test_warm_workers_that_fail(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create(no_sandbox, "exit");
    worker_fixture_expect_log(fixture, "it ended with exit status 3 before it was ready");
    worker_fixture_run(fixture, 300);
    assert_int_equal(fixture->driver->pool.failures, 1);
    worker_fixture_wait_workers(fixture, 0, 0);
    /* Other adapters are another matter. */
    worker_fixture_reload(fixture, "", 1);
    worker_fixture_expect_log(fixture, "is ready");
    worker_fixture_destroy(fixture);
}

static void test_a_program_that_is_missing(void **state)
{
    (void)state;
    const char *path = fixture_worker_path;
    fixture_worker_path = "/nonexistent/gpupv-worker";
    struct worker_fixture *fixture = worker_fixture_create(no_sandbox, "");
    struct fixture_process process;
    struct fixture_answer answer;
    void *queue;
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_open_wait(&process, "ok", &queue, &answer),
                     STATUS_INSUFFICIENT_RESOURCES);
    assert_true(worker_fixture_logged(fixture, "cannot run /nonexistent/gpupv-worker"));
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
    fixture_worker_path = NULL;
    fixture = worker_fixture_create(no_sandbox, "");
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_open_wait(&process, "ok", &queue, &answer), STATUS_NOT_SUPPORTED);
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
    fixture_worker_path = path;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 77;
    fixture_worker_path = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_warm_worker_is_assigned),
        cmocka_unit_test(test_without_warm_workers),
        cmocka_unit_test(test_no_aperture),
        cmocka_unit_test(test_streams_submissions_escapes),
        cmocka_unit_test(test_events_and_lost_streams),
        cmocka_unit_test(test_a_workers_messages_are_logged),
        cmocka_unit_test(test_other_adapters_replace_warm_workers),
        cmocka_unit_test(test_an_adapter_that_came_later),
        cmocka_unit_test(test_losses_before_it_is_ready),
        cmocka_unit_test(test_losses_at_the_assignment),
        cmocka_unit_test(test_losses_while_a_stream_is_opened),
        cmocka_unit_test(test_messages_against_the_rules),
        cmocka_unit_test(test_a_reply_cannot_be_pending),
        cmocka_unit_test(test_a_worker_that_does_not_answer),
        cmocka_unit_test(test_a_submission_that_crashes),
        cmocka_unit_test(test_a_guest_that_goes_while_it_waits),
        cmocka_unit_test(test_a_worker_that_stays),
        cmocka_unit_test(test_a_process_that_wears_workers_out),
        cmocka_unit_test(test_warm_workers_that_fail),
        cmocka_unit_test(test_a_program_that_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
