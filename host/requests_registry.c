/* SPDX-License-Identifier: MIT */
/* Requests that read the hive: KMTQAITYPE_QUERYREGISTRY, UMDRIVERNAME, and listing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "host/policy.h"
#include "host/request.h"
#include "util/log.h"
#include "util/utf.h"

/* ValueName has a terminator in its field, and is UTF-16; anything else is no name. */
static bool take_name(const uint16_t *from, char *to, size_t capacity)
{
    size_t length = 0;
    while (length < WIRE_MAX_PATH && from[length])
        length++;
    if (length == WIRE_MAX_PATH)
        return false;
    ssize_t size = utf16_to_utf8(from, length, to, capacity - 1);
    if (size < 0)
        return false;
    to[size] = '\0';
    return true;
}

/* --- Values that the VM's guests may not read --- */

/* Each value once per process, and no more than the process can remember. */
static void log_refusal(struct process *process, uint32_t type, const char *name)
{
    uint8_t digest[16];
    char *folded = policy_fold(name);
    if (!folded)
        return;
    crypto_generichash(digest, sizeof(digest), (const uint8_t *)folded, strlen(folded), NULL, 0);
    free(folded);
    uint64_t mark;
    memcpy(&mark, digest, sizeof(mark));
    mark += type; /* the same name under the other key is another value */
    for (unsigned i = 0; i < process->refused_value_count; i++) {
        if (process->refused_values[i] == mark)
            return;
    }
    if (process->refused_value_count == PROCESS_MAX_REFUSED_VALUES)
        return;
    process->refused_values[process->refused_value_count++] = mark;
    log_warning("service",
                "process %d (%s) of the VM %s may not read the registry value %s\\%s; "
                "registry-allow and registry-deny say so%s",
                (int)process->pid, process->name, process->vm->name,
                type == REG_QUERY_SERVICE_KEY ? "service" : "adapter", name,
                process->refused_value_count == PROCESS_MAX_REFUSED_VALUES
                    ? "; more of this process are not logged"
                    : "");
}

bool registry_is_refused(struct process *process, const struct reg_key *key, uint32_t type,
                         const char *name)
{
    const struct reg_value *value = key ? reg_key_find_value(key, name) : NULL;
    if (!value || policy_allows(process->vm->settings, type, value->name))
        return false;
    log_refusal(process, type, value->name);
    return true;
}

static bool is_path_query(uint32_t type)
{
    return type == REG_QUERY_DRIVER_STORE_PATH || type == REG_QUERY_DRIVER_IMAGE_PATH;
}

static NTSTATUS failure_status(int code)
{
    switch (code) {
    case -ENOENT:
        return STATUS_OBJECT_NAME_NOT_FOUND;
    case -EPROTOTYPE:
        return STATUS_OBJECT_TYPE_MISMATCH;
    case -ENOMEM:
        return STATUS_NO_MEMORY;
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

NTSTATUS query_registry(struct request *request, const struct adapter *adapter, const void *in)
{
    struct wire_registry_request info;
    char name[3 * WIRE_MAX_PATH + 1] = "";
    memcpy(&info, in, sizeof(info));
    if (!is_path_query(info.query_type) && !take_name(info.name, name, sizeof(name)))
        return STATUS_INVALID_PARAMETER;
    struct reg_query query = {
        .type = info.query_type,
        .flags = info.flags,
        .name = name,
        .value_type = info.value_type,
        .physical_adapter = info.physical_adapter,
    };
    /* A refused value is looked for where there are none, so that all else is judged as always. */
    static const struct reg_key *const no_keys[CONFIG_MAX_LINKED + 1];
    struct reg_query_source source = adapter->registry;
    if (!is_path_query(info.query_type) &&
        registry_is_refused(request->process,
                            reg_query_key(&source, info.query_type, info.physical_adapter),
                            info.query_type, name)) {
        source.service = NULL;
        source.adapters = no_keys;
    }
    struct reg_value value;
    int code = reg_query(&source, &query, &value);
    if (code)
        return failure_status(code);

    NTSTATUS status = STATUS_SUCCESS;
    struct wire_registry_reply *out = request_reply(request, sizeof(*out));
    void *data = value.size <= WIRE_MAX_REGISTRY_VALUE ? request_reply(request, value.size) : NULL;
    if (data) {
        out->status = D3DDDI_QUERYREGISTRY_STATUS_SUCCESS;
        out->size = (uint32_t)value.size;
        if (value.size)
            memcpy(data, value.data, value.size);
    } else {
        /* Translation may lengthen a value beyond what the hive lets anybody store. */
        status = STATUS_INVALID_PARAMETER;
    }
    free(value.data);
    return status;
}

/* The string for a version: at its index in a MULTI_SZ, else the last one. */
static const char *pick_string(const struct reg_value *value, uint32_t index)
{
    const char *text = (const char *)value->data;
    if (value->type == REG_TYPE_SZ || value->type == REG_TYPE_EXPAND_SZ)
        return text;
    if (value->type != REG_TYPE_MULTI_SZ || !*text)
        return NULL;
    for (const char *next = text + strlen(text) + 1; index && *next; index--) {
        text = next;
        next += strlen(next) + 1;
    }
    return text;
}

NTSTATUS query_umd_name(struct request *request, const struct adapter *adapter, const void *in)
{
    struct wire_umdrivername_info info;
    memcpy(&info, in, sizeof(info));
    if (info.version >= NUM_KMTUMDVERSIONS)
        return STATUS_INVALID_PARAMETER;
    const struct reg_value *value =
        adapter->keys[0] ? reg_key_find_value(adapter->keys[0], "UserModeDriverName") : NULL;
    if (registry_is_refused(request->process, adapter->keys[0], REG_QUERY_ADAPTER_KEY,
                            "UserModeDriverName"))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    const char *host_path = value ? pick_string(value, info.version) : NULL;
    if (!host_path || !*host_path)
        return STATUS_OBJECT_NAME_NOT_FOUND;

    char *guest_path = NULL;
    int code = adapter->registry.translate(adapter->registry.context, host_path, &guest_path);
    if (code && code != -ENOENT)
        return code == -ENOMEM ? STATUS_NO_MEMORY : STATUS_OBJECT_NAME_NOT_FOUND;
    struct wire_umdrivername_info *out = request_reply(request, sizeof(*out));
    out->version = info.version;
    bool fits = request_put_text(guest_path ? guest_path : host_path, out->name, WIRE_MAX_PATH);
    free(guest_path);
    return fits ? STATUS_SUCCESS : STATUS_OBJECT_NAME_INVALID;
}

/* False when the entry does not fit any more. */
static bool put_entry(struct request *request, const struct reg_value *value)
{
    size_t length = strlen(value->name);
    size_t padded = (length + 3) & ~(size_t)3;
    struct wire_registry_entry entry = {(uint32_t)value->type, (uint32_t)length};
    uint8_t *room = request_reply(request, sizeof(entry) + padded);
    if (!room)
        return false;
    memcpy(room, &entry, sizeof(entry));
    memcpy(room + sizeof(entry), value->name, length);
    return true;
}

NTSTATUS request_enum_registry(struct request *request)
{
    struct wire_enum_registry_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    struct opened_adapter *opened = request_adapter(request, in.adapter);
    if (!wire_cursor_done(&request->payload) || !opened ||
        (in.query_type != REG_QUERY_SERVICE_KEY && in.query_type != REG_QUERY_ADAPTER_KEY))
        return STATUS_INVALID_PARAMETER;
    const struct config_vm *vm = request->process->vm->settings;
    if (!vm->listing)
        return STATUS_ACCESS_DENIED;
    const struct adapter *adapter = process_resolve(request->process, opened);
    if (!adapter)
        return STATUS_NO_MEMORY;
    if (in.query_type == REG_QUERY_ADAPTER_KEY && in.physical_adapter >= adapter->physical_count)
        return STATUS_INVALID_PARAMETER;
    const struct reg_key *key =
        reg_query_key(&adapter->registry, in.query_type, in.physical_adapter);
    if (!key)
        return STATUS_OBJECT_NAME_NOT_FOUND;

    struct wire_enum_registry_reply *out = request_reply(request, sizeof(*out));
    bool fits = true;
    for (size_t i = 0; i < reg_key_value_count(key); i++) {
        const struct reg_value *value = reg_key_value(key, i);
        if (!policy_allows(vm, in.query_type, value->name))
            continue;
        if (out->total++ < in.start || !fits)
            continue;
        fits = put_entry(request, value);
        out->count += fits;
    }
    return STATUS_SUCCESS;
}
