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

static void nap(void)
{
    nanosleep(&(struct timespec){0, 2000000}, NULL);
}

/* --- Fake devices --- */

#define VULKAN_1_3 (1u << 22 | 3u << 12)

static const struct host_device fake_devices[] = {
    {.name = "Fake Discrete",
     .vendor_id = 0x10de,
     .device_id = 0x1c02,
     .type = HOST_DEVICE_DISCRETE,
     .api_version = VULKAN_1_3,
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
     .api_version = 1u << 22, /* 1.0 */
     .driver_version = "4.5",
     .device_uuid = {4, 5, 6},
     .local_bytes = 2000000000},
    {.name = "Fake Software",
     .vendor_id = 0x10005,
     .type = HOST_DEVICE_CPU,
     .api_version = VULKAN_1_3,
     .driver_version = "0.0.1",
     .device_uuid = {7, 8, 9},
     .local_bytes = 3000000000},
};

static int list_fakes(void *context, const char *icd, unsigned timeout, int cancel_fd,
                      struct host_device **devices, size_t *count, struct error *err)
{
    (void)icd, (void)timeout, (void)cancel_fd;
    struct host_fixture *fixture = context;
    fixture->listings++;
    while (atomic_load(&fixture->hold_devices))
        nap();
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
    bool is_worker = args->flags == HOST_PROCESS_VIRTUAL_MACHINE_WORKER;
    bool *made = malloc(sizeof(*made)); /* each kind is allocated, so that a leak is one */
    *made = is_worker;
    if (is_worker) {
        fake->workers++;
        snprintf(fake->last_worker_name, sizeof(fake->last_worker_name), "%s", args->name);
    } else {
        snprintf(fake->last_name, sizeof(fake->last_name), "%s", args->name);
    }
    if (is_worker ? args->worker_process != NULL
                  : !args->worker_process || !*(bool *)args->worker_process)
        fake->worker_mismatches++;
    if (!is_worker)
        fake->queues.last_process = args->handle;
    *process = made;
    return STATUS_SUCCESS;
}

static void destroy_process(void *driver, void *process)
{
    struct fake_driver *fake = driver;
    fake->workers -= *(bool *)process;
    free(process);
    fake->processes--;
}

static NTSTATUS set_virtual_machine_data(void *driver, const struct host_virtual_machine_data *args)
{
    struct fake_driver *fake = driver;
    fake->last_vm_flags = args->flags;
    memcpy(fake->last_vm_guid, args->guid, sizeof(fake->last_vm_guid));
    fake->worker_mismatches += !args->worker_process || !*(bool *)args->worker_process;
    fake->vm_data++;
    return STATUS_SUCCESS;
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
    if (fake->escape == ESCAPE_LATER) {
        fake->queues.awaited = args->completion;
        fake->queues.waiting = 1;
        return STATUS_PENDING;
    }
    if (fake->escape == ESCAPE_LEAK_POINTER && args->size >= sizeof(driver)) {
        memcpy(bytes, &driver, sizeof(driver));
        return STATUS_SUCCESS;
    }
    if (fake->escape == ESCAPE_KEEP)
        return STATUS_SUCCESS;
    for (uint32_t i = 0; i < args->size; i++)
        bytes[i] = (uint8_t)~bytes[i];
    return STATUS_SUCCESS;
}

static NTSTATUS query_adapter_info(void *driver, struct host_query_adapter_info *args)
{
    ((struct fake_driver *)driver)->last_call_flags = args->call_flags;
    return STATUS_SUCCESS;
}

static NTSTATUS start(void *driver, const struct host_driver_start *args)
{
    fake_queues_start(&((struct fake_driver *)driver)->queues, args);
    return STATUS_SUCCESS;
}

static void stop(void *driver)
{
    fake_queues_stop(&((struct fake_driver *)driver)->queues);
}

static NTSTATUS create_hw_queue(void *driver, const struct host_create_hw_queue *args, void **queue)
{
    return fake_queues_create(&((struct fake_driver *)driver)->queues, args, queue);
}

static void destroy_hw_queue(void *driver, void *queue)
{
    fake_queues_destroy(&((struct fake_driver *)driver)->queues, queue);
}

static NTSTATUS submit_command(void *driver, void *queue, const void *data, uint32_t size)
{
    return fake_queues_submit(&((struct fake_driver *)driver)->queues, queue, data, size);
}

static void hear(void *driver, void *process)
{
    (void)process;
    fake_queues_hear(&((struct fake_driver *)driver)->queues);
}

static const struct host_driver fake_driver = {
    .name = "fake",
    .start = start,
    .stop = stop,
    .create_process = create_process,
    .destroy_process = destroy_process,
    .set_virtual_machine_data = set_virtual_machine_data,
    .query_adapter_info = query_adapter_info,
    .escape = escape,
    .create_device = create_device,
    .destroy_device = destroy_device,
    .create_context = create_context,
    .destroy_context = destroy_context,
    .create_hw_queue = create_hw_queue,
    .destroy_hw_queue = destroy_hw_queue,
    .submit_command = submit_command,
    .hear = hear,
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

void fixture_add_pci(struct host_fixture *fixture, const char *address, unsigned class_code,
                     const char *const *group)
{
    char path[256], text[16];
    struct error err;
    snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/iommu_group/devices", fixture->sysfs,
             address);
    if (!group)
        *strstr(path, "/iommu_group") = '\0';
    assert_int_equal(file_make_folders(path, 0755, &err), 0);
    for (size_t i = 0; group && group[i]; i++) {
        char member[300];
        snprintf(member, sizeof(member), "%s/%s", path, group[i]);
        assert_int_equal(file_make_folders(member, 0755, &err), 0);
    }
    snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/class", fixture->sysfs, address);
    snprintf(text, sizeof(text), "0x%06x\n", class_code);
    write_file(path, text);
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
    snprintf(fixture->sysfs, sizeof(fixture->sysfs), "%s/sys", fixture->folder);
    fixture_write_config(fixture, service, adapters);
    fixture_write_hive(fixture, hive);
    return fixture;
}

static void *run_service(void *context)
{
    struct host_fixture *fixture = context;
    return (void *)(intptr_t)service_run(fixture->service);
}

static void on_ready(void *context)
{
    atomic_store(&((struct host_fixture *)context)->serving, 1);
}

void fixture_start(struct host_fixture *fixture)
{
    struct service_options options = {
        .config_path = fixture->config,
        .log_level = getenv("GPUPV_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR,
        .devices = {list_fakes, fixture, fixture->sysfs},
        .driver = &fake_driver,
        .driver_context = &fixture->driver,
        .embedded_fd = -1,
        .activated_fd = -1,
        .ready = on_ready,
        .ready_context = fixture,
    };
    struct error err;
    atomic_store(&fixture->serving, 0);
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
    assert_int_equal(fixture->driver.worker_mismatches, 0);
    assert_int_equal(fixture->driver.queues.alive, 0);
}

struct host_fixture *fixture_create(const char *service, const char *adapters, const char *hive)
{
    struct host_fixture *fixture = fixture_prepare(service, adapters, hive);
    fixture_start(fixture);
    fixture_wait_count(&fixture->serving, 1);
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
