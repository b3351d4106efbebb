/* SPDX-License-Identifier: MIT */
#include "host/worker_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "util/log.h"

/* Long enough for a sanitizer on a busy machine; reached only when the test fails. */
#define MAX_WAIT_MS 60000u

const char *fixture_worker_path;

static void take_loss(void *service, void *process, const char *why)
{
    struct worker_fixture *fixture = service;
    fixture->lost++;
    fixture->last_process = process;
    snprintf(fixture->why, sizeof(fixture->why), "%s", why);
}

static void take_event(void *service, void *process, uint32_t event)
{
    struct worker_fixture *fixture = service;
    fixture->events++;
    fixture->last_process = process;
    fixture->last_event = event;
}

/* No allocation waits for it. */
static bool take_export(void *service, void *process, uint32_t allocation, uint64_t offset,
                        int descriptor)
{
    (void)service, (void)process, (void)allocation, (void)offset;
    close(descriptor);
    return false;
}

static const struct host_driver_callbacks callbacks = {take_loss, take_event, take_export};

static struct config *load_config(const char *lines)
{
    struct config *config;
    struct error err;
    char path[] = "/tmp/gpupv-worker-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "[service]\n%s\n", lines);
    close(fd);
    int result = config_load(path, &config, &err);
    unlink(path);
    if (result)
        fail_msg("%s", err.text);
    return config;
}

static void keep_log(struct worker_fixture *fixture)
{
    fflush(stderr);
    log_set_level(LOG_LEVEL_DEBUG);
    fixture->log_file = memfd_create("log", MFD_CLOEXEC);
    fixture->log = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    assert_true(fixture->log_file >= 0 && fixture->log >= 0);
    assert_true(fcntl(fixture->log_file, F_SETFL, O_APPEND) == 0);
    dup2(fixture->log_file, STDERR_FILENO);
}

static void set_adapters(struct worker_fixture *fixture, const char *mode, size_t count)
{
    snprintf(fixture->icd, sizeof(fixture->icd), "/fake/%s", mode);
    for (size_t i = 0; i < 2; i++)
        fixture->adapters[i] = (struct adapter){.index = (uint32_t)i,
                                                .luid = FIXTURE_LUID + i,
                                                .physical_count = 1,
                                                .devices = fixture->devices,
                                                .icd = fixture->icd};
    fixture->state.adapters = (struct adapter_list){fixture->adapters, count};
    vulkan_driver.configure(fixture->driver, &fixture->state);
}

struct worker_fixture *worker_fixture_create(const char *lines, const char *mode)
{
    static const struct worker_pool_options options = {
        .timing = {.start_ms = 20000, .answer_ms = 20000, .grace_ms = 2000},
        .warm_delay_ms = 20,
    };
    struct worker_fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    assert_true(sd_event_new(&fixture->event) >= 0);
    fixture->config = load_config(lines);
    fixture->state = (struct state){.refs = 1, .config = fixture->config};
    memset(fixture->device.device_uuid, 0xab, sizeof(fixture->device.device_uuid));
    fixture->devices[0] = &fixture->device;
    struct worker_pool_options used = options;
    used.path = fixture_worker_path;
    if (!strcmp(mode, "hang"))
        used.timing.start_ms = 200;
    fixture->driver = vulkan_driver_create(&used);
    keep_log(fixture);
    struct host_driver_start start = {fixture->event, &callbacks, fixture, false};
    assert_int_equal(vulkan_driver.start(fixture->driver, &start), STATUS_SUCCESS);
    struct host_create_process vm = {.flags = HOST_PROCESS_VIRTUAL_MACHINE_WORKER,
                                     .name = "machine"};
    assert_int_equal(vulkan_driver.create_process(fixture->driver, &vm, &fixture->vm), 0);
    set_adapters(fixture, mode, 1);
    return fixture;
}

void worker_fixture_reload(struct worker_fixture *fixture, const char *mode, size_t adapter_count)
{
    set_adapters(fixture, mode, adapter_count);
}

void worker_fixture_destroy(struct worker_fixture *fixture)
{
    vulkan_driver.destroy_process(fixture->driver, fixture->vm);
    vulkan_driver.stop(fixture->driver);
    vulkan_driver_destroy(fixture->driver);
    dup2(fixture->log, STDERR_FILENO);
    close(fixture->log);
    close(fixture->log_file);
    config_unref(fixture->config);
    sd_event_unref(fixture->event);
    free(fixture);
}

/* --- The loop --- */

static unsigned now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned)now.tv_sec * 1000u + (unsigned)(now.tv_nsec / 1000000);
}

void worker_fixture_run(struct worker_fixture *fixture, unsigned ms)
{
    unsigned start = now_ms();
    while (now_ms() - start < ms)
        assert_true(sd_event_run(fixture->event, 5000) >= 0);
}

void worker_fixture_fail(struct worker_fixture *fixture, const char *format, ...)
{
    char text[16384], why[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    ssize_t size = pread(fixture->log_file, text, sizeof(text) - 1, 0);
    dup2(fixture->log, STDERR_FILENO);
    fail_msg("%s; the log:\n%.*s", why, (int)(size > 0 ? size : 0), text);
}

void worker_fixture_wait(struct worker_fixture *fixture, const unsigned *value, unsigned wanted)
{
    unsigned start = now_ms();
    while (*value != wanted) {
        if (now_ms() - start > MAX_WAIT_MS)
            worker_fixture_fail(fixture, "a number does not change");
        assert_true(sd_event_run(fixture->event, 10000) >= 0);
    }
}

void fixture_wait_answer(struct worker_fixture *fixture, const struct fixture_answer *answer)
{
    unsigned start = now_ms();
    while (!answer->done) {
        if (now_ms() - start > MAX_WAIT_MS)
            worker_fixture_fail(fixture, "no answer comes");
        assert_true(sd_event_run(fixture->event, 10000) >= 0);
    }
}

void worker_fixture_wait_workers(struct worker_fixture *fixture, unsigned count, unsigned warm)
{
    const struct worker_pool *pool = &fixture->driver->pool;
    unsigned start = now_ms();
    while (pool->count != count || pool->warm != warm) {
        if (now_ms() - start > MAX_WAIT_MS)
            worker_fixture_fail(fixture, "the number of workers does not change");
        assert_true(sd_event_run(fixture->event, 10000) >= 0);
    }
}

bool worker_fixture_logged(const struct worker_fixture *fixture, const char *text)
{
    static char log[1 << 20];
    ssize_t size = pread(fixture->log_file, log, sizeof(log) - 1, 0);
    log[size > 0 ? size : 0] = '\0';
    return strstr(log, text) != NULL;
}

void worker_fixture_expect_log(struct worker_fixture *fixture, const char *text)
{
    unsigned start = now_ms();
    while (!worker_fixture_logged(fixture, text)) {
        if (now_ms() - start > MAX_WAIT_MS)
            worker_fixture_fail(fixture, "not in the log: %s", text);
        assert_true(sd_event_run(fixture->event, 10000) >= 0);
    }
}

/* --- Guest processes --- */

void fixture_process_init(struct fixture_process *process, struct worker_fixture *fixture,
                          const char *name)
{
    struct host_create_process create = {.flags = HOST_PROCESS_VIRTUAL_MACHINE,
                                         .worker_process = fixture->vm,
                                         .pid = 4711,
                                         .name = name,
                                         .handle = process};
    *process = (struct fixture_process){.fixture = fixture};
    process->memory = (struct host_process_memory){
        .aperture = memfd_create("aperture", MFD_CLOEXEC),
        .aperture_size = 8192,
        .allocation_table = memfd_create("table", MFD_CLOEXEC),
        .table_entries = 4,
    };
    assert_int_equal(ftruncate(process->memory.aperture, 8192), 0);
    assert_int_equal(ftruncate(process->memory.allocation_table, 4096), 0);
    void *driver = fixture->driver;
    assert_int_equal(vulkan_driver.create_process(driver, &create, &process->process), 0);
    assert_int_equal(vulkan_driver.create_device(driver, process->process, 0, &process->device), 0);
    assert_int_equal(
        vulkan_driver.create_context(driver, process->device, 0, 0, 0, NULL, 0, &process->context),
        0);
}

void fixture_process_finish(struct fixture_process *process)
{
    void *driver = process->fixture->driver;
    vulkan_driver.destroy_context(driver, process->context);
    vulkan_driver.destroy_device(driver, process->device);
    vulkan_driver.destroy_process(driver, process->process);
    close(process->memory.aperture);
    close(process->memory.allocation_table);
}

pid_t fixture_process_worker(const struct fixture_process *process)
{
    return vulkan_driver.worker_pid(process->fixture->driver, process->process);
}

static void take_answer(void *data, NTSTATUS status, const void *payload, uint32_t size)
{
    struct fixture_answer *answer = data;
    assert_false(answer->done);
    answer->done = true;
    answer->status = status;
    answer->size = size;
    snprintf(answer->text, sizeof(answer->text), "%.*s", (int)size,
             payload ? (const char *)payload : "");
}

NTSTATUS fixture_open(struct fixture_process *process, const char *data, void **queue,
                      struct fixture_answer *answer)
{
    *answer = (struct fixture_answer){0};
    struct host_create_hw_queue args = {
        .luid = FIXTURE_LUID,
        .context = process->context,
        .handle = 0x40000abc,
        .fence_offset = 0x1000,
        .memory = &process->memory,
        .data = data,
        .size = (uint32_t)strlen(data),
        .completion = {take_answer, answer},
    };
    return vulkan_driver.create_hw_queue(process->fixture->driver, &args, queue);
}

NTSTATUS fixture_open_wait(struct fixture_process *process, const char *data, void **queue,
                           struct fixture_answer *answer)
{
    NTSTATUS status = fixture_open(process, data, queue, answer);
    if (status != STATUS_PENDING)
        return status;
    fixture_wait_answer(process->fixture, answer);
    return answer->status;
}

NTSTATUS fixture_escape(struct fixture_process *process, const char *data,
                        struct fixture_answer *answer)
{
    *answer = (struct fixture_answer){0};
    struct host_escape args = {
        .luid = FIXTURE_LUID,
        .process = process->process,
        .data = (void *)data,
        .size = (uint32_t)strlen(data),
        .completion = {take_answer, answer},
    };
    return vulkan_driver.escape(process->fixture->driver, &args);
}

void fixture_close(void *queue)
{
    vulkan_driver.destroy_hw_queue(NULL, queue);
}
