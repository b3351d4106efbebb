/* SPDX-License-Identifier: MIT */
#include "host/fixture.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gpupv/d3dkmthk.h"
#include "util/file.h"
#include "util/log.h"

/* --- Fake devices --- */

static const struct host_device fake_devices[] = {
    {.name = "Fake Discrete",
     .vendor_id = 0x10de,
     .device_id = 0x1c02,
     .type = HOST_DEVICE_DISCRETE,
     .driver_version = "1.2.3",
     .device_uuid = {1, 2, 3},
     .has_pci = true,
     .pci_bus = 3,
     .pci_device = 4,
     .pci_function = 5,
     .subvendor_id = 0x11c2,
     .subsystem_id = 0x10de,
     .revision = 0xa1,
     .local_bytes = 1000000000},
    {.name = "Fake Integrated",
     .vendor_id = 0x8086,
     .device_id = 0x0042,
     .type = HOST_DEVICE_INTEGRATED,
     .driver_version = "4.5",
     .device_uuid = {4, 5, 6},
     .local_bytes = 2000000000},
    {.name = "Fake Software",
     .vendor_id = 0x10005,
     .type = HOST_DEVICE_CPU,
     .driver_version = "0.0.1",
     .device_uuid = {7, 8, 9},
     .local_bytes = 3000000000},
};

static int list_fakes(void *context, const char *icd, unsigned timeout, int cancel_fd,
                      struct host_device **devices, size_t *count, struct error *err)
{
    (void)icd, (void)timeout, (void)cancel_fd;
    struct host_fixture *fixture = context;
    if (atomic_load(&fixture->fail_devices))
        return error_set(err, -EIO, "the fake driver crashed");
    *count = (size_t)atomic_load(&fixture->device_count);
    *devices = malloc(sizeof(fake_devices));
    if (!*devices)
        return error_set(err, -ENOMEM, "out of memory");
    memcpy(*devices, fake_devices, sizeof(fake_devices));
    return 0;
}

/* --- The fake driver --- */

static NTSTATUS create_process(void *driver, const struct host_create_process *args, void **process)
{
    struct fake_driver *fake = driver;
    fake->processes++;
    fake->created++;
    fake->last_flags = args->flags;
    snprintf(fake->last_name, sizeof(fake->last_name), "%s", args->name);
    *process = malloc(1); /* each kind is allocated, so that a leak is one */
    return STATUS_SUCCESS;
}

static void destroy_process(void *driver, void *process)
{
    free(process);
    ((struct fake_driver *)driver)->processes--;
}

static NTSTATUS create_device(void *driver, void *process, uint32_t adapter_index, void **device)
{
    (void)process, (void)adapter_index;
    ((struct fake_driver *)driver)->devices++;
    ((struct fake_driver *)driver)->created++;
    *device = malloc(1);
    return STATUS_SUCCESS;
}

static void destroy_device(void *driver, void *device)
{
    free(device);
    ((struct fake_driver *)driver)->devices--;
}

static NTSTATUS create_context(void *driver, void *device, uint32_t node_ordinal,
                               uint32_t engine_affinity, uint32_t flags, const void *data,
                               uint32_t size, void **context)
{
    (void)device, (void)engine_affinity, (void)flags, (void)data;
    if (node_ordinal)
        return STATUS_INVALID_PARAMETER;
    ((struct fake_driver *)driver)->contexts++;
    ((struct fake_driver *)driver)->created++;
    ((struct fake_driver *)driver)->last_size = size;
    *context = malloc(1);
    return STATUS_SUCCESS;
}

static void destroy_context(void *driver, void *context)
{
    free(context);
    ((struct fake_driver *)driver)->contexts--;
}

static NTSTATUS escape(void *driver, struct host_escape *args)
{
    struct fake_driver *fake = driver;
    uint8_t *bytes = args->data;
    fake->last_flags = args->flags.Value;
    fake->last_call_flags = args->call_flags;
    fake->last_size = args->size;
    if (fake->escape == ESCAPE_FAIL)
        return STATUS_UNSUCCESSFUL;
    if (fake->escape == ESCAPE_LEAK_POINTER && args->size >= sizeof(driver)) {
        memcpy(bytes, &driver, sizeof(driver));
        return STATUS_SUCCESS;
    }
    for (uint32_t i = 0; i < args->size; i++)
        bytes[i] = (uint8_t)~bytes[i];
    return STATUS_SUCCESS;
}

static const struct host_driver fake_driver = {
    .name = "fake",
    .create_process = create_process,
    .destroy_process = destroy_process,
    .escape = escape,
    .create_device = create_device,
    .destroy_device = destroy_device,
    .create_context = create_context,
    .destroy_context = destroy_context,
};

/* --- Files --- */

static void write_file(const char *path, const char *text)
{
    struct error err;
    if (file_write_atomic(path, text, strlen(text), 0644, &err))
        fail_msg("%s", err.text);
}

void fixture_write_config(struct host_fixture *fixture, const char *service, const char *adapters)
{
    char *text = NULL;
    assert_true(asprintf(&text,
                         "[service]\nsocket=%s\ncontrol=%s\nhive=%s\nstore=%s\n"
                         "guest-store=/guest/store\n%s\n%s\n",
                         fixture->socket, fixture->control, fixture->hive, fixture->store, service,
                         adapters) >= 0);
    write_file(fixture->config, text);
    free(text);
}

void fixture_write_hive(struct host_fixture *fixture, const char *hive)
{
    char *text = NULL;
    assert_true(asprintf(&text, "gpupv registry 1\n%s\n", hive) >= 0);
    write_file(fixture->hive, text);
    free(text);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info, (void)kind, (void)at;
    return remove(path);
}

/* --- Life --- */

struct host_fixture *fixture_prepare(const char *service, const char *adapters, const char *hive)
{
    struct host_fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    atomic_store(&fixture->device_count, 3);
    strcpy(fixture->folder, "/tmp/gpupv-host-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->socket, sizeof(fixture->socket), "%s/host.sock", fixture->folder);
    snprintf(fixture->control, sizeof(fixture->control), "%s/control.sock", fixture->folder);
    snprintf(fixture->config, sizeof(fixture->config), "%s/gpupv.ini", fixture->folder);
    snprintf(fixture->hive, sizeof(fixture->hive), "%s/registry.hive", fixture->folder);
    snprintf(fixture->store, sizeof(fixture->store), "%s/store", fixture->folder);
    fixture_write_config(fixture, service, adapters);
    fixture_write_hive(fixture, hive);
    return fixture;
}

static void *run_service(void *context)
{
    struct host_fixture *fixture = context;
    return (void *)(intptr_t)service_run(fixture->service);
}

void fixture_start(struct host_fixture *fixture)
{
    struct service_options options = {
        .config_path = fixture->config,
        .log_level = getenv("GPUPV_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR,
        .devices = {list_fakes, fixture},
        .driver = &fake_driver,
        .driver_context = &fixture->driver,
        .embedded_fd = -1,
        .activated_fd = -1,
    };
    struct error err;
    if (service_create(&options, &fixture->service, &err))
        fail_msg("%s", err.text);
    assert_int_equal(pthread_create(&fixture->thread, NULL, run_service, fixture), 0);
    fixture->running = true;
}

void fixture_stop(struct host_fixture *fixture)
{
    if (!fixture->running)
        return;
    void *result;
    service_stop(fixture->service);
    pthread_join(fixture->thread, &result);
    service_destroy(fixture->service);
    fixture->running = false;
    assert_int_equal((intptr_t)result, 0);
    assert_int_equal(fixture->driver.processes, 0);
    assert_int_equal(fixture->driver.devices, 0);
    assert_int_equal(fixture->driver.contexts, 0);
}

struct host_fixture *fixture_create(const char *service, const char *adapters, const char *hive)
{
    struct host_fixture *fixture = fixture_prepare(service, adapters, hive);
    fixture_start(fixture);
    return fixture;
}

void fixture_destroy(struct host_fixture *fixture)
{
    fixture_stop(fixture);
    nftw(fixture->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(fixture);
}

/* --- The control socket --- */

json_object *fixture_ask(struct host_fixture *fixture, const char *op)
{
    char question[128], *answer = NULL;
    size_t used = 0, capacity = 0;
    int fd = connect_to(fixture->control);
    snprintf(question, sizeof(question), "{\"op\":\"%s\"}\n", op);
    guest_send(fd, question, strlen(question));
    for (;;) {
        if (used == capacity) {
            capacity += 4096;
            answer = realloc(answer, capacity);
            assert_non_null(answer);
        }
        ssize_t got = read(fd, answer + used, capacity - used);
        assert_true(got >= 0);
        if (!got)
            break;
        used += (size_t)got;
    }
    close(fd);
    assert_true(used && answer[used - 1] == '\n');
    answer[used - 1] = '\0';
    json_object *object = json_tokener_parse(answer);
    assert_non_null(object);
    free(answer);
    return object;
}

int64_t fixture_status(struct host_fixture *fixture, const char *key)
{
    json_object *status = fixture_ask(fixture, "status"), *value;
    assert_true(json_object_object_get_ex(status, key, &value));
    int64_t number = json_object_get_int64(value);
    json_object_put(status);
    return number;
}

/* Long enough for a sanitizer on a busy machine; reached only when the test fails. */
#define MAX_TRIES 30000

static void nap(void)
{
    nanosleep(&(struct timespec){0, 2000000}, NULL);
}

void fixture_wait_status(struct host_fixture *fixture, const char *key, int64_t value)
{
    int64_t last = 0;
    for (int i = 0; i < MAX_TRIES; i++, nap()) {
        last = fixture_status(fixture, key);
        if (last == value)
            return;
    }
    fail_msg("%s stays %lld, not %lld", key, (long long)last, (long long)value);
}

void fixture_wait_count(atomic_int *count, int value)
{
    for (int i = 0; i < MAX_TRIES && atomic_load(count) != value; i++)
        nap();
    assert_int_equal(atomic_load(count), value);
}

void fixture_reload(struct host_fixture *fixture)
{
    int64_t reloads = fixture_status(fixture, "reloads");
    service_reload(fixture->service);
    fixture_wait_status(fixture, "reloads", reloads + 1);
}
