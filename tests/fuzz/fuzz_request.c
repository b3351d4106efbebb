/* SPDX-License-Identifier: MIT */
/*
 * The host's request handlers. The input is a guest's stream behind its hello: messages, cut by the
 * frame decoder, each answered with one adapter (two physical ones) and a driver that takes
 * everything, at once or later. A message whose sequence has its highest bit set comes with an
 * event. Handles that the input spells 0xff000000 + N stand for the N-th that the host has given,
 * since those are random.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "host/process.h"
#include "host/request.h"
#include "host/state.h"
#include "util/log.h"

static const char hive_text[] =
    "gpupv registry 1\n"
    "[HKLM\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}"
    "\\0000]\n"
    "\"UserModeDriverName\" = multi_sz:\"/store/FileRepository/p/a.so\" \"b.so\"\n"
    "\"VulkanDriverName\" = sz:\"/store/FileRepository/p/a.json\"\n"
    "\"DriverVersion\" = sz:\"1.2.3\"\n\"N\" = dword:1\n\"B\" = binary:00 01 02\n"
    "[HKLM\\SYSTEM\\CurrentControlSet\\Services\\a]\n"
    "\"ImagePath\" = expand_sz:\"/store/FileRepository/p/a.so\"\n";

static NTSTATUS take_escape(void *driver, struct host_escape *args)
{
    (void)driver;
    if (args->size)
        memset(args->data, 0xa5, args->size);
    return STATUS_SUCCESS;
}

static NTSTATUS take_query(void *driver, struct host_query_adapter_info *args)
{
    (void)driver;
    if (args->size)
        memset(args->data, 0x5a, args->size);
    return STATUS_SUCCESS;
}

static NTSTATUS create_device(void *driver, void *process, uint32_t adapter_index, void **device)
{
    (void)driver, (void)process, (void)adapter_index;
    *device = malloc(1);
    return *device ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

static void destroy_device(void *driver, void *device)
{
    (void)driver;
    free(device);
}

static struct host_completion awaited;

/* Every other queue comes later. */
static NTSTATUS create_hw_queue(void *driver, const struct host_create_hw_queue *args, void **queue)
{
    (void)driver;
    *queue = malloc(1);
    if (!*queue)
        return STATUS_NO_MEMORY;
    awaited = args->completion;
    return args->size & 1 ? STATUS_PENDING : STATUS_SUCCESS;
}

static NTSTATUS submit_command(void *driver, void *queue, const void *data, uint32_t size)
{
    (void)driver, (void)queue, (void)data;
    return size == 3 ? STATUS_UNSUCCESSFUL : STATUS_SUCCESS;
}

static const struct host_driver driver = {
    .name = "fuzz",
    .create_hw_queue = create_hw_queue,
    .destroy_hw_queue = destroy_device,
    .submit_command = submit_command,
    .query_adapter_info = take_query,
    .escape = take_escape,
    .create_device = create_device,
    .destroy_device = destroy_device,
};

static struct state state = {.refs = 1};

static void make_state(void)
{
    static struct host_device devices[2] = {{.name = "one", .type = HOST_DEVICE_CPU},
                                            {.name = "two", .has_pci = true}};
    static char *linked[] = {(char *)"1"};
    static struct config_adapter section = {.name = (char *)"a",
                                            .device = (char *)"0",
                                            .linked = linked,
                                            .linked_count = 1,
                                            .service = (char *)"a",
                                            .enabled = true};
    static struct config config = {
        .refs = 1,
        .path = (char *)"fuzz.ini",
        .store = (char *)"/store",
        .guest_store = (char *)"/guest",
        .default_vm = {.name = (char *)"default", .escapes = true, .listing = true},
        .guard = GUARD_OFF,
        .adapters = &section,
        .adapter_count = 1};
    static struct device_list list = {.devices = devices, .count = 2};
    static struct inventory inventory = {.refs = 1, .lists = &list, .count = 1};
    struct error err;
    log_set_level(LOG_LEVEL_ERROR);
    state.settings = (struct settings){.guest_io_space_mb = 1,
                                       .virtual_functions = DEFAULT_VIRTUAL_FUNCTIONS,
                                       .iommu_flags = IOMMU_NOT_REQUIRED};
    state.config = &config;
    state.inventory = &inventory;
    state.paths = (struct store_paths){config.store, config.guest_store};
    if (reg_hive_parse("fuzz", hive_text, sizeof(hive_text) - 1, &state.hive, &err))
        abort();
    struct adapter_inputs inputs = {&config, &inventory, state.hive, &state.paths, &state.settings};
    if (adapters_create(&inputs, NULL, &state.adapters, &err) || state.adapters.count != 1)
        abort();
    /* No package is held: the store does not exist, and each attempt would be logged. */
    state.adapters.adapters[0].package_count = 0;
}

static void name_handles(const struct process *process, uint8_t *payload, size_t size)
{
    uint32_t given[64], count = 0, position = 0, handle, type;
    void *object;
    while (count < 64 && handle_table_next(process->handles, &position, &handle, &type, &object))
        given[count++] = handle;
    for (size_t at = 0; at + 4 <= size; at += 4) {
        uint32_t word;
        memcpy(&word, payload + at, sizeof(word));
        if (word >= 0xff000000u && word - 0xff000000u < count)
            memcpy(payload + at, &given[word - 0xff000000u], sizeof(word));
    }
}

static void answer(struct process *process, const struct wire_header *header,
                   const uint8_t *payload)
{
    static union {
        uint8_t bytes[WIRE_MAX_PAYLOAD];
        uint64_t align;
    } reply;
    size_t size = frame_payload_size(header);
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, payload, size);
    name_handles(process, copy, size);
    struct descriptor_list descriptors = {.count = 0};
    if (header->sequence & UINT32_C(0x80000000))
        descriptors = (struct descriptor_list){{eventfd(0, EFD_CLOEXEC)}, 1};
    struct request request = {.process = process,
                              .payload = wire_cursor_make(copy, size),
                              .reply = reply.bytes,
                              .descriptors = &descriptors};
    NTSTATUS status;
    int result = request_dispatch(header, &request, &status, NULL);
    if (!result && request.reply_size > WIRE_MAX_PAYLOAD)
        abort();
    descriptor_list_close(&descriptors);
    free(copy);
    if (!result && status == STATUS_PENDING) {
        if (!process->pending.finish)
            abort();
        awaited.done(awaited.data, size & 2 ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL, NULL, 0);
        if (process->pending.finish)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!state.config)
        make_state();
    struct host_core core = {.driver = &driver, .state = &state};
    struct process *process;
    struct vm *vm;
    if (vm_create(&core, state.config, &state.config->default_vm, &vm))
        return 0;
    if (process_create(vm, 1, "fuzz", 4, &process)) {
        vm_unref(vm);
        return 0;
    }
    process->descriptors = true;
    /* An adapter, a device and a context to begin with. */
    uint32_t handle;
    process_open_adapter(process, &state.adapters.adapters[0], &handle);
    process_create_device(process, handle_table_get(process->handles, handle, OBJECT_ADAPTER),
                          &handle);

    struct frame_reader reader;
    frame_reader_init(&reader);
    while (size) {
        struct wire_header header;
        const uint8_t *payload;
        uint8_t *space;
        size_t room;
        if (frame_reader_space(&reader, &space, &room))
            break;
        room = room < size ? room : size;
        memcpy(space, data, room);
        frame_reader_filled(&reader, room);
        data += room;
        size -= room;
        int result;
        while ((result = frame_reader_next(&reader, &header, &payload, NULL)) > 0)
            answer(process, &header, payload);
        if (result < 0)
            break;
    }
    frame_reader_finish(&reader);
    /* In the end the worker goes, with what it had. */
    process_lost(process, "the input is over");
    process_destroy(process);
    if (vm_charged(vm, state.adapters.adapters[0].luid))
        abort();
    vm_unref(vm);
    event_signal_finish(&core.events);
    store_cache_finish(&core.store);
    if (state.refs != 1 || hold_count(&core.holds))
        abort();
    return 0;
}
