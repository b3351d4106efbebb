/* SPDX-License-Identifier: MIT */
/* `gpupv host gpus|adapters|status|processes|vms`: what the running service tells of itself. */
#include "tools/commands.h"

#include <inttypes.h>
#include <string.h>

#include "tools/control.h"
#include "tools/host_env.h"
#include "tools/output.h"

/* Asks the service and prints its answer, as it came with --json, else with `print`. */
static enum exit_code show(const struct cli *cli, const char *op,
                           void (*print)(json_object *answer))
{
    struct host_env env;
    struct error err = {0};
    json_object *answer;
    int result = host_env_open(cli, &env, &err);

    if (result < 0)
        return output_error(cli, result, &err);
    result = control_ask(env.control, op, &answer, &err);
    host_env_close(&env);
    if (result < 0)
        return output_error(cli, result, &err);
    if (output_is_json(cli)) {
        /* That it is well is told by the exit status. */
        json_object_object_del(answer, "ok");
        output_json(answer);
        return EXIT_DONE;
    }
    print(answer);
    json_object_put(answer);
    return EXIT_DONE;
}

/* A line of the form that Get-VMHostPartitionableGpu prints. */
static void print_gpu_line(const char *label, const char *text)
{
    printf("%-23s : ", label);
    output_text(stdout, text);
    putchar('\n');
}

static void print_gpu_number(const char *prefix, const char *what, uint64_t number)
{
    char label[64], text[32];

    snprintf(label, sizeof(label), "%s%s", prefix, what);
    output_grouped(number, text, sizeof(text));
    print_gpu_line(label, text);
}

static void print_gpu_resource(json_object *gpu, const char *member, const char *name)
{
    json_object *resource;

    if (!json_object_object_get_ex(gpu, member, &resource))
        return;
    print_gpu_number("Total", name, json_number(resource, "total"));
    print_gpu_number("Available", name, json_number(resource, "available"));
    print_gpu_number("MinPartition", name, json_number(resource, "min"));
    print_gpu_number("MaxPartition", name, json_number(resource, "max"));
    print_gpu_number("OptimalPartition", name, json_number(resource, "optimal"));
}

static void print_counts(json_object *counts)
{
    printf("%-23s : {", "ValidPartitionCounts");
    for (size_t i = 0; counts && i < json_object_array_length(counts); i++)
        printf("%s%" PRIu64, i ? ", " : "",
               json_object_get_uint64(json_object_array_get_idx(counts, i)));
    puts("}");
}

static void print_gpus(json_object *answer)
{
    json_object *gpus = json_array(answer, "gpus");
    size_t count = gpus ? json_object_array_length(gpus) : 0;

    if (!count)
        output_note(
            "the host has no GPU that can be offered: no Vulkan driver of the host reports a "
            "device; \"vulkaninfo --summary\" on the host should list one");
    for (size_t i = 0; i < count; i++) {
        json_object *gpu = json_object_array_get_idx(gpus, i);
        const char *adapter = json_text(gpu, "adapter");

        if (i)
            putchar('\n');
        print_gpu_line("Name", json_text(gpu, "name") ? json_text(gpu, "name") : "");
        if (json_text(gpu, "description"))
            print_gpu_line("Description", json_text(gpu, "description"));
        print_gpu_line("Adapter", adapter ? adapter : "-");
        print_counts(json_array(gpu, "valid_partition_counts"));
        print_gpu_number("PartitionCount", "", json_number(gpu, "partition_count"));
        print_gpu_number("PartitionsInUse", "", json_number(gpu, "partitions_in_use"));
        print_gpu_resource(gpu, "vram", "VRAM");
        print_gpu_resource(gpu, "encode", "Encode");
        print_gpu_resource(gpu, "decode", "Decode");
        print_gpu_resource(gpu, "compute", "Compute");
        if (json_text(gpu, "refused"))
            print_gpu_line("Refused", json_text(gpu, "refused"));
    }
}

enum exit_code cmd_host_gpus(const struct cli *cli)
{
    return show(cli, "gpus", print_gpus);
}

/* "10de:1c02": numbers, or texts if the service should send such. */
static void print_ids(int indent, const char *label, json_object *object)
{
    output_field_format(indent, label, "%04" PRIx64 ":%04" PRIx64, json_number(object, "vendor_id"),
                        json_number(object, "device_id"));
}

static void print_physical(json_object *physical, size_t index)
{
    const char *name = json_text(physical, "name"), *key = json_text(physical, "key");
    char label[48];

    snprintf(label, sizeof(label), "Physical adapter %zu", index);
    output_field(2, label, name);
    print_ids(4, "Vendor and device", physical);
    output_field(4, "Adapter key", key);
}

static void print_adapter(json_object *adapter)
{
    json_object *physical = json_array(adapter, "physical_adapters");

    output_text(stdout, json_text(adapter, "name") ? json_text(adapter, "name") : "-");
    putchar('\n');
    output_field(2, "Description", json_text(adapter, "description"));
    output_field(2, "LUID", json_text(adapter, "luid"));
    output_field(2, "GUID", json_text(adapter, "guid"));
    print_ids(2, "Vendor and device", adapter);
    output_field(2, "Type", json_text(adapter, "type"));
    output_field(2, "Driver version", json_text(adapter, "driver_version"));
    output_field(2, "User-mode driver", json_text(adapter, "umd"));
    output_field(2, "Package", json_text(adapter, "package"));
    output_field(2, "Driver store path", json_text(adapter, "driver_store_path"));
    output_field(2, "  as guests see it", json_text(adapter, "guest_driver_store_path"));
    output_field(2, "Service key", json_text(adapter, "service_key"));
    for (size_t i = 0; physical && i < json_object_array_length(physical); i++)
        print_physical(json_object_array_get_idx(physical, i), i);
    output_field_format(2, "Open handles", "%" PRIu64, json_number(adapter, "open_handles"));
}

static void print_adapters(json_object *answer)
{
    json_object *adapters = json_array(answer, "adapters");
    size_t count = adapters ? json_object_array_length(adapters) : 0;

    if (!count)
        output_note(
            "the service offers no adapter; \"gpupv host gpus\" lists the host's devices and "
            "tells why one is refused, as does the service's log (journalctl -u gpupvd)");
    for (size_t i = 0; i < count; i++) {
        if (i)
            putchar('\n');
        print_adapter(json_object_array_get_idx(adapters, i));
    }
}

static void print_name(const char *name)
{
    output_text(stdout, name);
    putchar('\n');
}

/* Names alone, one a line: the running service's, else the configuration's. */
static enum exit_code show_adapter_names(const struct cli *cli)
{
    struct host_env env;
    struct error err = {0};
    json_object *answer, *adapters;
    int result = host_env_open(cli, &env, &err);

    if (result < 0)
        return output_error(cli, result, &err);
    if (control_ask(env.control, "adapters", &answer, NULL) == 0) {
        adapters = json_array(answer, "adapters");
        for (size_t i = 0; adapters && i < json_object_array_length(adapters); i++) {
            const char *name = json_text(json_object_array_get_idx(adapters, i), "name");

            if (name)
                print_name(name);
        }
        json_object_put(answer);
    } else {
        for (size_t i = 0; i < env.adapter_count; i++)
            print_name(env.adapters[i].name);
    }
    host_env_close(&env);
    return EXIT_DONE;
}

enum exit_code cmd_host_adapters(const struct cli *cli)
{
    if (cli_given(cli, "names"))
        return show_adapter_names(cli);
    return show(cli, "adapters", print_adapters);
}

/* "uptime_s" → "Uptime" for the members that we know; others are printed under their own name. */
static void print_status(json_object *answer)
{
    static const struct {
        const char *member, *label;
    } known[] = {
        {"version", "Version"},
        {"pid", "Process"},
        {"uptime_s", "Running for (s)"},
        {"config", "Configuration"},
        {"socket", "Socket"},
        {"control", "Control socket"},
        {"hive", "Registry"},
        {"store", "Driver store"},
        {"guest_store", "  as guests see it"},
        {"adapters", "Adapters"},
        {"clients", "Guest processes"},
        {"max_clients", "  at most"},
        {"packages_in_use", "Packages in use"},
        {"generation", "Configuration no."},
        {"reloads", "Reloads"},
        {"last_error", "Last error"},
    };

    json_object_object_foreach(answer, name, value)
    {
        const char *label = name;

        if (strcmp(name, "ok") == 0)
            continue;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
            if (strcmp(name, known[i].member) == 0)
                label = known[i].label;
        }
        output_field(0, label, value ? json_object_get_string(value) : NULL);
    }
}

enum exit_code cmd_host_status(const struct cli *cli)
{
    return show(cli, "status", print_status);
}

/* The process on the host that runs the guest process' commands, and its memory. */
static void print_worker(json_object *process)
{
    json_object *worker = NULL;
    char memory[32] = "-", pid[32] = "-";

    if (json_object_object_get_ex(process, "worker", &worker) &&
        json_object_is_type(worker, json_type_object)) {
        snprintf(pid, sizeof(pid), "%" PRIu64, json_number(worker, "pid"));
        snprintf(memory, sizeof(memory), "%" PRIu64 " MiB", json_number(worker, "memory") >> 20);
    }
    printf("%8s  %11s  ", pid, memory);
}

static void print_processes(json_object *answer)
{
    json_object *processes = json_array(answer, "processes");
    size_t count = processes ? json_object_array_length(processes) : 0;

    if (!count) {
        puts("No guest process is connected.");
        return;
    }
    printf("%8s  %8s  %8s  %8s  %10s  %8s  %11s  %-16s  %s\n", "PID", "ADAPTERS", "DEVICES",
           "CONTEXTS", "REQUESTS", "WORKER", "MEMORY", "VM", "NAME");
    for (size_t i = 0; i < count; i++) {
        json_object *process = json_object_array_get_idx(processes, i);
        const char *name = json_text(process, "name"), *vm = json_text(process, "vm");

        printf("%8" PRIu64 "  %8" PRIu64 "  %8" PRIu64 "  %8" PRIu64 "  %10" PRIu64 "  ",
               json_number(process, "pid"), json_number(process, "adapters"),
               json_number(process, "devices"), json_number(process, "contexts"),
               json_number(process, "requests"));
        print_worker(process);
        output_column(vm ? vm : "-", 16);
        fputs("  ", stdout);
        print_name(name ? name : "-");
    }
}

enum exit_code cmd_host_processes(const struct cli *cli)
{
    return show(cli, "processes", print_processes);
}

static bool json_true(json_object *object, const char *member)
{
    json_object *value;

    return json_object_object_get_ex(object, member, &value) && json_object_get_boolean(value);
}

static void print_video_memory(json_object *vm)
{
    uint64_t used = json_number(vm, "video_memory") >> 20, most = json_number(vm, "max_video_memory");

    if (most)
        output_field_format(2, "Video memory", "%" PRIu64 " of %" PRIu64 " MiB", used, most >> 20);
    else
        output_field_format(2, "Video memory", "%" PRIu64 " MiB", used);
}

static void print_vms(json_object *answer)
{
    json_object *vms = json_array(answer, "vms");

    for (size_t i = 0; vms && i < json_object_array_length(vms); i++) {
        json_object *vm = json_object_array_get_idx(vms, i);

        if (i)
            putchar('\n');
        print_name(json_text(vm, "name") ? json_text(vm, "name") : "-");
        output_field(2, "GUID", json_text(vm, "guid"));
        output_field(2, "Socket", json_text(vm, "socket"));
        output_field(2, "Secure", json_true(vm, "secure") ? "yes" : "no");
        output_field(2, "Escapes", json_true(vm, "escapes") ? "all" : "known ones");
        output_field(2, "Registry listing", json_true(vm, "listing") ? "allowed" : "denied");
        output_field_format(2, "Guest processes", "%" PRIu64 " of %" PRIu64,
                            json_number(vm, "clients"), json_number(vm, "max_clients"));
        print_video_memory(vm);
    }
}

enum exit_code cmd_host_vms(const struct cli *cli)
{
    return show(cli, "vms", print_vms);
}
