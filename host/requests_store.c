/* SPDX-License-Identifier: MIT */
/*
 * Requests of a full VM that copies the driver store: which packages, their files, and the CopyToVm
 * rules. A guest is told of those packages alone that an offered adapter needs, and reads what
 * their catalogs list; nothing else of the host's files can be named.
 *
 * A message reads one part of one file, so that guests take turns as they do with every other
 * request (connection.c): a guest that copies delays another one by one part.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/request.h"
#include "host/store_reader.h"
#include "hoststore/copy_rules.h"
#include "util/log.h"
#include "util/utf.h"

static size_t padded(size_t size)
{
    return (size + 3) & ~(size_t)3;
}

static NTSTATUS status_of(int code)
{
    switch (code) {
    case -ENOMEM:
        return STATUS_NO_MEMORY;
    case -EPERM:
        return STATUS_OBJECT_NAME_INVALID;
    case -ENOENT:
    case -ENOTDIR:
        return STATUS_OBJECT_NAME_NOT_FOUND;
    default:
        return STATUS_UNSUCCESSFUL;
    }
}

/* Missing, and not one of the documented numbers: nothing is copied. */
static uint32_t copy_mode(const struct state *state)
{
    const struct reg_key *key = reg_hive_find(state->hive, ADAPTER_GRAPHICS_DRIVERS_KEY);
    uint32_t mode;
    if (!key || reg_key_dword(key, "DriverStoreCopyMode", &mode) || mode > WIRE_COPY_OVERWRITE)
        return WIRE_COPY_DISABLED;
    return mode;
}

/* --- STORE_LIST --- */

/* Names of the packages that offered adapters need, each once, borrowed from the snapshot. */
static int needed_packages(const struct state *state, const char ***names, size_t *count)
{
    size_t most = 0, used = 0;
    for (size_t i = 0; i < state->adapters.count; i++)
        most += state->adapters.adapters[i].package_count;
    const char **list = calloc(most + 1, sizeof(*list));
    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < state->adapters.count; i++) {
        const struct adapter *adapter = &state->adapters.adapters[i];
        for (size_t j = 0; j < adapter->package_count; j++) {
            size_t at = 0;
            while (at < used && strcmp(list[at], adapter->packages[j]) != 0)
                at++;
            if (at == used)
                list[used++] = adapter->packages[j];
        }
    }
    *names = list;
    *count = used;
    return 0;
}

/* False when the entry does not fit any more. */
static bool put_package(struct request *request, const struct cached_package *package)
{
    size_t length = strlen(package->name);
    struct wire_store_package entry = {
        .size = package->size,
        .catalog_size = package->catalog_size,
        .signature_size = package->signature_size,
        .name_size = (uint32_t)length,
    };
    memcpy(entry.catalog_digest, package->catalog_digest, sizeof(entry.catalog_digest));
    memcpy(entry.signature_digest, package->signature_digest, sizeof(entry.signature_digest));
    uint8_t *room = request_reply(request, sizeof(entry) + padded(length));
    if (!room)
        return false;
    memcpy(room, &entry, sizeof(entry));
    memcpy(room + sizeof(entry), package->name, length);
    return true;
}

/* A package that an adapter names and that cannot be read is left out: the other ones are copied,
 * and the host's log says why. */
static void put_packages(struct request *request, const char *const *names, size_t count,
                         struct wire_store_list_reply *out, uint32_t start)
{
    struct host_core *core = request->process->core;
    uint32_t index = 0;
    bool full = false;
    for (size_t i = 0; i < count; i++) {
        const struct cached_package *package;
        struct error err;
        if (store_cache_get(&core->store, core->state->config->store, names[i], &package, &err)) {
            log_info("service", "not offered for copying: %s", err.text);
            continue;
        }
        if (index++ >= start && !full) {
            full = !put_package(request, package);
            out->count += !full;
        }
    }
    out->total = index;
}

NTSTATUS request_store_list(struct request *request)
{
    struct wire_store_list_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    if (!wire_cursor_done(&request->payload))
        return STATUS_INVALID_PARAMETER;
    const struct state *state = request->process->core->state;
    const char *root = state->config->guest_store;
    size_t root_size = strlen(root), count;
    const char **names;
    if (needed_packages(state, &names, &count))
        return STATUS_NO_MEMORY;
    struct wire_store_list_reply *out = request_reply(request, sizeof(*out));
    void *text = request_reply(request, padded(root_size));
    NTSTATUS status = STATUS_UNSUCCESSFUL;
    if (text) {
        memcpy(text, root, root_size);
        out->copy_mode = copy_mode(state);
        out->root_size = (uint32_t)root_size;
        put_packages(request, names, count, out, in.start);
        status = STATUS_SUCCESS;
    } else {
        request->reply_size = 0;
    }
    free(names);
    return status;
}

/* --- STORE_READ --- */

/* `size` bytes of the payload as a string: UTF-8 without a NUL in it. NULL when it is none. */
static char *take_text(struct wire_cursor *cursor, size_t size)
{
    const char *bytes = wire_cursor_bytes(cursor, size);
    if (!bytes || !size || memchr(bytes, 0, size) || utf8_to_utf16(bytes, size, NULL, 0) < 0)
        return NULL;
    return strndup(bytes, size);
}

static bool is_needed(const struct state *state, const char *package)
{
    for (size_t i = 0; i < state->adapters.count; i++) {
        const struct adapter *adapter = &state->adapters.adapters[i];
        for (size_t j = 0; j < adapter->package_count; j++) {
            if (!strcmp(adapter->packages[j], package))
                return true;
        }
    }
    return false;
}

/* A package that the guest has begun to copy may be copied to its end, also when a new snapshot no
 * longer needs it. */
static int open_part(struct process *process, const char *package, const char *path,
                     struct error *err)
{
    struct host_core *core = process->core;
    const char *root = core->state->config->store;
    struct store_reader *reader = process->reader;
    if (!reader)
        reader = process->reader = store_reader_create();
    if (!reader)
        return error_set(err, -ENOMEM, "out of memory");
    if (!store_reader_has(reader, root, package) && !is_needed(core->state, package))
        return error_set(err, -ENOENT, "no adapter needs the package");
    int result = store_reader_set_package(reader, &core->holds, root, package);
    if (result)
        return error_set(err, result, "the package cannot be held");
    const struct cached_package *cached;
    result = store_cache_get(&core->store, root, package, &cached, err);
    return result ? result : store_reader_open(reader, cached, path, err);
}

static NTSTATUS read_part(struct request *request, const struct wire_store_read_request *in)
{
    struct store_reader *reader = request->process->reader;
    size_t size = in->length < WIRE_STORE_MAX_READ ? in->length : WIRE_STORE_MAX_READ;
    struct wire_store_read_reply out = {
        .file_size = (uint64_t)reader->info.st_size,
        .modified_sec = reader->info.st_mtim.tv_sec,
        .modified_nsec = (uint32_t)reader->info.st_mtim.tv_nsec,
        .flags = reader->info.st_mode & 0111 ? WIRE_STORE_EXECUTABLE : 0,
    };
    /* The bytes are read to their place, without zeroing it before. */
    int result = store_reader_read(reader, in->offset, request->reply + sizeof(out), &size);
    if (result)
        return STATUS_UNSUCCESSFUL;
    memcpy(request->reply, &out, sizeof(out));
    request->reply_size = sizeof(out) + size;
    return STATUS_SUCCESS;
}

NTSTATUS request_store_read(struct request *request)
{
    struct process *process = request->process;
    struct wire_store_read_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    char *package = take_text(&request->payload, in.package_size);
    char *path = package ? take_text(&request->payload, in.path_size) : NULL;
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    if (!path || !wire_cursor_done(&request->payload))
        goto out;
    status = STATUS_NOT_SUPPORTED;
    if (copy_mode(process->core->state) == WIRE_COPY_DISABLED)
        goto out;
    struct error err;
    int result = open_part(process, package, path, &err);
    if (result) {
        log_debug("service", "process %d (%s) is not given %s of the package %s: %s",
                  (int)process->pid, process->name, path, package, err.text);
        status = status_of(result);
        goto out;
    }
    status = read_part(request, &in);
out:
    free(package);
    free(path);
    return status;
}

/* --- STORE_RULES --- */

/* The package that a physical adapter's rules speak of: DRIVERSTOREPATH's, and for further linked
 * adapters that of their own manifest. *length is its name's. */
static const char *rules_package(const struct state *state, const struct adapter *adapter,
                                 uint32_t physical, size_t *length)
{
    const char *path = physical && adapter->keys[physical]
                           ? reg_key_string(adapter->keys[physical], "VulkanDriverName")
                           : NULL;
    const char *package = path ? store_path_package(&state->paths, path, length) : NULL;
    if (package || !adapter->store_path)
        return package;
    package = strrchr(adapter->store_path, '/');
    const char *backslash = strrchr(adapter->store_path, '\\');
    if (!package || (backslash && backslash > package))
        package = backslash;
    package = package ? package + 1 : adapter->store_path;
    *length = strlen(package);
    return package;
}

static bool put_rule(struct request *request, const struct copy_rule *rule)
{
    size_t source = strlen(rule->source), target = strlen(rule->target);
    if (source > UINT16_MAX || target > UINT16_MAX)
        return false;
    struct wire_store_rule entry = {
        .flags = (rule->when == COPY_WHEN_NEWER ? WIRE_RULE_WHEN_NEWER : 0) |
                 (rule->wow64 ? WIRE_RULE_WOW64 : 0),
        .source_size = (uint16_t)source,
        .target_size = (uint16_t)target,
    };
    uint8_t *room = request_reply(request, sizeof(entry) + padded(source + target));
    if (!room)
        return false;
    memcpy(room, &entry, sizeof(entry));
    memcpy(room + sizeof(entry), rule->source, source);
    memcpy(room + sizeof(entry) + source, rule->target, target);
    return true;
}

static NTSTATUS put_rules(struct request *request, const char *package, size_t package_size,
                          const struct copy_rule *rules, size_t count, uint32_t start)
{
    struct wire_store_rules_reply *out = request_reply(request, sizeof(*out));
    void *text = request_reply(request, padded(package_size));
    if (!text)
        return STATUS_UNSUCCESSFUL;
    memcpy(text, package, package_size);
    out->package_size = (uint32_t)package_size;
    out->total = (uint32_t)count;
    for (size_t i = start; i < count && put_rule(request, &rules[i]); i++)
        out->count++;
    return STATUS_SUCCESS;
}

NTSTATUS request_store_rules(struct request *request)
{
    struct wire_store_rules_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    struct opened_adapter *opened = request_adapter(request, in.adapter);
    if (!wire_cursor_done(&request->payload) || !opened)
        return STATUS_INVALID_PARAMETER;
    const struct adapter *adapter = process_resolve(request->process, opened);
    if (!adapter)
        return STATUS_NO_MEMORY;
    if (in.physical_adapter >= adapter->physical_count)
        return STATUS_INVALID_PARAMETER;
    const struct state *state = opened->state;
    if (copy_mode(state) == WIRE_COPY_DISABLED)
        return STATUS_NOT_SUPPORTED;
    size_t length = 0, count = 0;
    const char *package = rules_package(state, adapter, in.physical_adapter, &length);
    if (!package)
        return STATUS_OBJECT_NAME_NOT_FOUND;

    struct copy_rule *rules = NULL;
    struct error err;
    const struct reg_key *key = adapter->keys[in.physical_adapter];
    int result = key ? copy_rules_read(key, &rules, &count, &err) : 0;
    if (result) {
        log_warning("service", "the adapter %s: CopyToVm rules: %s", adapter->name, err.text);
        return result == -ENOMEM ? STATUS_NO_MEMORY : STATUS_INVALID_PARAMETER;
    }
    NTSTATUS status = put_rules(request, package, length, rules, count, in.start);
    if (!NT_SUCCESS(status))
        request->reply_size = 0;
    copy_rules_free(rules, count);
    return status;
}
