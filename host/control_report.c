/* SPDX-License-Identifier: MIT */
/* What the control socket tells: one line of JSON for each question. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "host/guid.h"
#include "host/memory.h"
#include "host/offer.h"
#include "host/process.h"
#include "host/service_internal.h"
#include "host/worker_usage.h"

/* The interface class of partitionable GPUs, as Get-VMHostPartitionableGpu shows it. */
#define PARTITIONABLE_GPU_CLASS "{064092b3-625e-43bf-9eb5-dc845897dd59}"

/* json-c's setters fail only when memory is short; the line is then incomplete. `failed` tells. */
struct report {
    bool failed;
};

static void put(struct report *report, json_object *object, const char *key, json_object *value)
{
    if (json_object_object_add(object, key, value)) {
        json_object_put(value);
        report->failed = true;
    }
}

static void put_text(struct report *report, json_object *object, const char *key, const char *text)
{
    json_object *value = text ? json_object_new_string(text) : NULL;
    if (text && !value)
        report->failed = true;
    put(report, object, key, value);
}

static void put_number(struct report *report, json_object *object, const char *key, uint64_t number)
{
    json_object *value = json_object_new_uint64(number);
    if (!value)
        report->failed = true;
    put(report, object, key, value);
}

static void put_bool(struct report *report, json_object *object, const char *key, bool truth)
{
    json_object *value = json_object_new_boolean(truth);
    if (!value)
        report->failed = true;
    put(report, object, key, value);
}

static json_object *put_list(struct report *report, json_object *object, const char *key)
{
    json_object *list = json_object_new_array();
    if (!list)
        report->failed = true;
    put(report, object, key, list);
    return list;
}

static json_object *append(struct report *report, json_object *list)
{
    json_object *object = json_object_new_object();
    if (!object || json_object_array_add(list, object)) {
        report->failed = true;
        json_object_put(object);
        return NULL;
    }
    return object;
}

/* --- adapters --- */

static unsigned count_open(const struct service *service, uint64_t luid)
{
    unsigned count = 0;
    const struct process *process = NULL;
    while ((process = connection_next_process(service, process))) {
        uint32_t position = 0, handle, type;
        void *object;
        while (handle_table_next(process->handles, &position, &handle, &type, &object)) {
            if (type == OBJECT_ADAPTER && ((struct opened_adapter *)object)->luid == luid)
                count++;
        }
    }
    return count;
}

static void report_physical(struct report *report, json_object *list, const struct adapter *adapter)
{
    for (size_t i = 0; i < adapter->physical_count; i++) {
        json_object *object = append(report, list);
        char *key = adapter_class_key_path(adapter->class_keys[i]);
        if (!object || !key) {
            report->failed = true;
            free(key);
            return;
        }
        put_text(report, object, "name", adapter->devices[i]->name);
        put_number(report, object, "vendor_id", adapter->devices[i]->vendor_id);
        put_number(report, object, "device_id", adapter->devices[i]->device_id);
        put_text(report, object, "key", key);
        free(key);
    }
}

static const char *key_text(const struct reg_key *key, const char *name)
{
    return key ? reg_key_string(key, name) : NULL;
}

static void report_driver(struct report *report, json_object *object, const struct service *service,
                          const struct adapter *adapter)
{
    const char *version = key_text(adapter->keys[0], "DriverVersion");
    put_text(report, object, "driver_version",
             version ? version : adapter->devices[0]->driver_version);
    char *guest_path = NULL;
    if (adapter->store_path)
        store_path_to_guest(&service->core.state->paths, adapter->store_path, &guest_path);
    put_text(report, object, "driver_store_path", adapter->store_path);
    put_text(report, object, "guest_driver_store_path", guest_path);
    free(guest_path);
    put_text(report, object, "umd", key_text(adapter->keys[0], "VulkanDriverName"));
    put_text(report, object, "package", adapter->package_count ? adapter->packages[0] : NULL);
}

static void report_adapter(struct report *report, json_object *object,
                           const struct service *service, const struct adapter *adapter)
{
    const struct host_device *device = adapter->devices[0];
    char luid[18], guid[GUID_TEXT];
    snprintf(luid, sizeof(luid), "%08x-%08x", (uint32_t)(adapter->luid >> 32),
             (uint32_t)adapter->luid);
    guid_format(adapter->guid, guid);
    put_text(report, object, "name", adapter->name);
    put_text(report, object, "description", adapter->description);
    put_text(report, object, "luid", luid);
    put_text(report, object, "guid", guid);
    put_number(report, object, "vendor_id", device->vendor_id);
    put_number(report, object, "device_id", device->device_id);
    put_text(report, object, "type", device->type == HOST_DEVICE_CPU ? "software" : "hardware");
    char *service_key = adapter_service_key_path(adapter->service);
    put_text(report, object, "service_key", service_key);
    free(service_key);
    json_object *physical = put_list(report, object, "physical_adapters");
    if (physical)
        report_physical(report, physical, adapter);
    report_driver(report, object, service, adapter);
    put_number(report, object, "open_handles", count_open(service, adapter->luid));
}

static void report_adapters(struct report *report, json_object *root, struct service *service)
{
    json_object *list = put_list(report, root, "adapters");
    const struct adapter_list *adapters = &service->core.state->adapters;
    for (size_t i = 0; i < adapters->count && !report->failed; i++) {
        json_object *object = append(report, list);
        if (object)
            report_adapter(report, object, service, &adapters->adapters[i]);
    }
}

/* --- gpus --- */

/* A device's name in the manner of Windows: bus, ids, place, interface class. */
static char *gpu_name(const struct host_device *device)
{
    uint32_t mark;
    memcpy(&mark, device->device_uuid, sizeof(mark));
    char *name = NULL;
    int length = asprintf(&name,
                          "\\\\?\\%s#VEN_%04X&DEV_%04X&SUBSYS_%04X%04X&REV_%02X#%u&%08x&0&%02x%"
                          "02x#" PARTITIONABLE_GPU_CLASS "\\GPUPARAV",
                          device->type == HOST_DEVICE_CPU ? "ROOT" : "PCI", device->vendor_id,
                          device->device_id, device->subsystem_id, device->subvendor_id,
                          device->revision, device->pci_domain, mark, device->pci_bus,
                          device->pci_device << 3 | device->pci_function);
    return length < 0 ? NULL : name;
}

static const struct adapter *adapter_of(const struct state *state, const struct host_device *device)
{
    for (size_t i = 0; i < state->adapters.count; i++) {
        const struct adapter *adapter = &state->adapters.adapters[i];
        for (size_t j = 0; j < adapter->physical_count; j++) {
            if (adapter->devices[j] == device)
                return adapter;
        }
    }
    return NULL;
}

static void report_capability(struct report *report, json_object *object, const char *name,
                              uint64_t total)
{
    json_object *values = json_object_new_object();
    if (!values)
        report->failed = true;
    put(report, object, name, values);
    if (report->failed)
        return;
    put_number(report, values, "total", total);
    put_number(report, values, "available", total);
    put_number(report, values, "min", 0);
    put_number(report, values, "max", total);
    put_number(report, values, "optimal", total);
}

/* What the kernel tells of the device, and why guests are not given it. */
static void report_isolation(struct report *report, json_object *object, const struct state *state,
                             const struct host_device *device, const struct adapter *adapter)
{
    const char *refusal = NULL;
    if (adapter)
        refusal = assignment_refusal(adapter, &state->settings, false);
    else if (!state->config->adapter_count)
        refusal = offer_refusal(device, &state->settings);
    put_bool(report, object, "unique_rid", device->isolation.unique_rid);
    put_bool(report, object, "acs_capable", device->isolation.acs_capable);
    put_text(report, object, "refused", refusal);
}

static void report_gpu(struct report *report, json_object *object, const struct service *service,
                       const struct host_device *device)
{
    const struct state *state = service->core.state;
    const struct adapter *adapter = adapter_of(state, device);
    char *name = gpu_name(device);
    if (!name)
        report->failed = true;
    put_text(report, object, "name", name);
    free(name);
    put_text(report, object, "description", device->name);
    put_text(report, object, "adapter", adapter ? adapter->name : NULL);
    json_object *counts = put_list(report, object, "valid_partition_counts");
    uint32_t functions = state->settings.virtual_functions;
    if (counts && json_object_array_add(counts, json_object_new_uint64(functions)))
        report->failed = true;
    put_number(report, object, "partition_count", functions);
    put_number(report, object, "partitions_in_use",
               adapter ? vm_count_with_adapter(&service->core, adapter->luid) : 0);
    report_isolation(report, object, state, device, adapter);
    report_capability(report, object, "vram", device->local_bytes);
    /* All ones: no limit is known. */
    report_capability(report, object, "encode", UINT64_MAX);
    report_capability(report, object, "decode", UINT64_MAX);
    report_capability(report, object, "compute", UINT64_MAX);
}

/* The same device may be seen through several ICDs' lists; the first stands for it, unless another
 * one is an adapter's. */
static bool is_repeated(const struct state *state, const struct host_device *device)
{
    const struct inventory *inventory = state->inventory;
    for (size_t i = 0; i < inventory->count; i++) {
        for (size_t j = 0; j < inventory->lists[i].count; j++) {
            const struct host_device *other = &inventory->lists[i].devices[j];
            if (other == device)
                return false;
            if (!strcmp(other->name, device->name) &&
                !memcmp(other->device_uuid, device->device_uuid, sizeof(device->device_uuid)) &&
                !adapter_of(state, device))
                return true;
        }
    }
    return false;
}

static void report_gpus(struct report *report, json_object *root, struct service *service)
{
    const struct state *state = service->core.state;
    const struct inventory *inventory = state->inventory;
    json_object *list = put_list(report, root, "gpus");
    for (size_t i = 0; i < inventory->count; i++) {
        for (size_t j = 0; j < inventory->lists[i].count && !report->failed; j++) {
            const struct host_device *device = &inventory->lists[i].devices[j];
            json_object *object = is_repeated(state, device) ? NULL : append(report, list);
            if (object)
                report_gpu(report, object, service, device);
        }
    }
}

/* --- status, processes --- */

static void report_status(struct report *report, json_object *root, struct service *service)
{
    const struct state *state = service->core.state;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t usec = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    put_text(report, root, "version", GPUPV_VERSION);
    put_number(report, root, "pid", (uint64_t)getpid());
    put_number(report, root, "uptime_s", (usec - service->start_usec) / 1000000);
    put_text(report, root, "config", state->config->path);
    put_text(report, root, "socket", state->config->default_vm.socket);
    put_text(report, root, "hive", state->config->hive);
    put_text(report, root, "store", state->config->store);
    put_text(report, root, "guest_store", state->config->guest_store);
    put_number(report, root, "adapters", state->adapters.count);
    put_number(report, root, "clients", service->client_count);
    put_number(report, root, "max_clients", state->config->max_clients);
    put_number(report, root, "vms", config_vm_count(state->config));
    put_number(report, root, "gpu_virtualization_flags", state->settings.gpu_virtualization_flags);
    put_number(report, root, "packages_in_use", hold_count(&service->core.holds));
    put_number(report, root, "generation", service->generation);
    put_number(report, root, "reloads", service->reloads);
    put_text(report, root, "last_error",
             service->last_error.text[0] ? service->last_error.text : NULL);
}

/* The process on the host that runs a guest process' commands. */
static void report_worker(struct report *report, json_object *object, const struct service *service,
                          const struct process *process)
{
    const struct host_driver *driver = service->core.driver;
    int32_t pid = driver->worker_pid
                      ? driver->worker_pid(service->core.driver_context, process->driver_process)
                      : 0;
    if (pid <= 0) {
        put(report, object, "worker", NULL);
        return;
    }
    json_object *worker = json_object_new_object();
    if (!worker)
        report->failed = true;
    put(report, object, "worker", worker);
    if (report->failed)
        return;
    put_number(report, worker, "pid", (uint64_t)pid);
    struct worker_usage usage;
    worker_usage_read("/proc", pid, &usage);
    put_number(report, worker, "memory", usage.memory);
    put_number(report, worker, "cpu_ms", usage.cpu_ms);
    if (usage.has_gpu)
        put_number(report, worker, "gpu_ms", usage.gpu_ms);
    else
        put(report, worker, "gpu_ms", NULL);
}

/* Bytes of its allocations on all adapters. */
static uint64_t process_video_memory(const struct process *process)
{
    uint64_t bytes = 0;
    for (size_t i = 0; process->memory && i < process->memory->usage_count; i++)
        bytes += process->memory->usage[i].bytes;
    return bytes;
}

static void report_processes(struct report *report, json_object *root, struct service *service)
{
    json_object *list = put_list(report, root, "processes");
    const struct process *process = NULL;
    while (!report->failed && (process = connection_next_process(service, process))) {
        json_object *object = append(report, list);
        if (!object)
            return;
        put_number(report, object, "pid", (uint64_t)process->pid);
        put_text(report, object, "name", process->name);
        put_text(report, object, "vm", process->vm->name);
        put_number(report, object, "adapters", process->adapters);
        put_number(report, object, "devices", process->devices);
        put_number(report, object, "contexts", process->contexts);
        put_number(report, object, "requests", process->requests);
        put_number(report, object, "allocations", process->allocations);
        put_number(report, object, "hw_queues", process->hw_queues);
        put_number(report, object, "video_memory", process_video_memory(process));
        put_number(report, object, "submissions",
                   process->memory ? memory_submissions(process->memory) : 0);
        report_worker(report, object, service, process);
    }
}

/* Also those that the configuration no longer has, while they have guests. */
static void report_vms(struct report *report, json_object *root, struct service *service)
{
    json_object *list = put_list(report, root, "vms");
    for (const struct vm *vm = service->core.vms; vm && !report->failed; vm = vm->next) {
        json_object *object = append(report, list);
        if (!object)
            return;
        char guid[GUID_TEXT];
        guid_format(vm->guid, guid);
        put_text(report, object, "name", vm->name);
        put_text(report, object, "guid", guid);
        put_text(report, object, "socket", vm->settings->socket);
        put_bool(report, object, "escapes", vm_allows_escapes(vm));
        put_bool(report, object, "secure", vm_is_secure(vm));
        put_bool(report, object, "listing", vm->settings->listing);
        put_number(report, object, "clients", vm->clients);
        put_number(report, object, "max_clients", vm->settings->max_clients);
        put_number(report, object, "processes", vm->processes);
        uint64_t used = 0;
        for (const struct process *at = vm->first_process; at; at = at->next_of_vm)
            used += process_video_memory(at);
        put_number(report, object, "video_memory", used);
        put_number(report, object, "max_video_memory", vm->settings->video_memory);
    }
}

/* --- One line in, one line out --- */

static const struct {
    const char *op;
    void (*report)(struct report *report, json_object *root, struct service *service);
} reports[] = {
    {"adapters", report_adapters},   {"gpus", report_gpus}, {"status", report_status},
    {"processes", report_processes}, {"vms", report_vms},
};

/* The question's "op" as an index into `reports`, or -EINVAL. */
static int find_report(const char *line, size_t size, struct error *err)
{
    struct json_tokener *tokener = json_tokener_new();
    if (!tokener)
        return error_set(err, -ENOMEM, "out of memory");
    json_object *question = json_tokener_parse_ex(tokener, line, (int)size);
    json_tokener_free(tokener);
    json_object *op = NULL;
    int found = -1;
    if (json_object_is_type(question, json_type_object) &&
        json_object_object_get_ex(question, "op", &op) &&
        json_object_is_type(op, json_type_string)) {
        const char *word = json_object_get_string(op);
        for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]) && found < 0; i++) {
            if (!strcmp(word, reports[i].op))
                found = (int)i;
        }
        if (found < 0)
            error_set(err, -EINVAL, "unknown op \"%.64s\"", word);
    } else {
        error_set(err, -EINVAL, "a question is one line: a JSON object with a text \"op\"");
    }
    json_object_put(question);
    return found < 0 ? -EINVAL : found;
}

char *control_answer(struct service *service, const char *line, size_t size)
{
    struct report report = {false};
    struct error err;
    json_object *root = json_object_new_object();
    if (!root)
        return NULL;
    int index = find_report(line, size, &err);
    put(&report, root, "ok", json_object_new_boolean(index >= 0));
    if (index < 0)
        put_text(&report, root, "error", err.text);
    else
        reports[index].report(&report, root, service);
    const char *text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
                                                                JSON_C_TO_STRING_NOSLASHESCAPE);
    char *answer = NULL;
    if (report.failed || !text || asprintf(&answer, "%s\n", text) < 0)
        answer = NULL;
    json_object_put(root);
    return answer;
}
