/* SPDX-License-Identifier: MIT */
/*
 * KMTQAITYPE_QUERYREGISTRY in the guest. The host sends the whole value; here it gets the caller's
 * WCHAR and is compared with the caller's buffer. Semantics: D3DKMTQueryAdapterInfo in
 * gpupv/d3dkmthk.h.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "kmt/process.h"
#include "kmt/query.h"
#include "util/utf.h"

/* The caller's buffer may lie unaligned: its fields are reached by copying. */
#define OFFSET(field) offsetof(D3DDDI_QUERYREGISTRY_INFO, field)
#define HEAD_SIZE OFFSET(OutputString)

/* The inputs, and the buffer that the outputs go to. */
struct registry_query {
    const D3DKMT_QUERYADAPTERINFO *args;
    uint8_t *buffer;
    size_t capacity; /* bytes from OutputString on */
    struct wire_registry_request request;
    bool is_path;
};

struct registry_reply {
    struct wire_registry_reply head;
    uint8_t value[WIRE_MAX_REGISTRY_VALUE];
};

static void put_number(struct registry_query *query, size_t offset, uint32_t number)
{
    memcpy(query->buffer + offset, &number, sizeof(number));
}

static uint32_t get_number(const struct registry_query *query, size_t offset)
{
    uint32_t number;
    memcpy(&number, query->buffer + offset, sizeof(number));
    return number;
}

static bool take_name(struct registry_query *query)
{
    WCHAR name[MAX_PATH];
    memcpy(name, query->buffer + OFFSET(ValueName), sizeof(name));
    size_t length = wcsnlen(name, MAX_PATH);
    if (length == MAX_PATH)
        return false;
    /* One unit stays for the terminator. */
    return wide_to_utf16(name, length, query->request.name, WIRE_MAX_PATH - 1) >= 0;
}

static bool take_inputs(struct registry_query *query)
{
    query->request = (struct wire_registry_request){
        .query_type = get_number(query, OFFSET(QueryType)),
        .flags = get_number(query, OFFSET(QueryFlags)),
        .value_type = get_number(query, OFFSET(ValueType)),
        .physical_adapter = get_number(query, OFFSET(PhysicalAdapterIndex)),
    };
    query->is_path = query->request.query_type == D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH ||
                     query->request.query_type == D3DDDI_QUERYREGISTRY_DRIVERIMAGEPATH;
    return query->is_path || take_name(query);
}

/* --- Outputs -------------------------------------------------------------------------------- */

static NTSTATUS put_value(struct registry_query *query, const void *value, size_t size)
{
    bool fits = size <= query->capacity;
    put_number(query, OFFSET(OutputValueSize), (uint32_t)size);
    put_number(query, OFFSET(Status),
               fits ? D3DDDI_QUERYREGISTRY_STATUS_SUCCESS
                    : D3DDDI_QUERYREGISTRY_STATUS_BUFFER_OVERFLOW);
    if (fits && size)
        memcpy(query->buffer + HEAD_SIZE, value, size);
    return STATUS_SUCCESS;
}

/* A reader that trusts the terminators of a string must find them. */
static bool is_terminated(const uint16_t *text, size_t units, bool multi)
{
    if (!units || text[units - 1])
        return false;
    return !multi || units == 1 || !text[units - 2];
}

static NTSTATUS put_text(struct registry_query *query, struct kmt_channel *channel,
                         const uint8_t *value, size_t size, bool multi)
{
    uint16_t *text = malloc(size + 1);
    wchar_t *wide = malloc(size / sizeof(*text) * sizeof(*wide) + 1);
    NTSTATUS status = STATUS_NO_MEMORY;
    if (text && wide) {
        memcpy(text, value, size);
        size_t units = size / sizeof(*text);
        ssize_t used = size % sizeof(*text) || !is_terminated(text, units, multi)
                           ? -1
                           : utf16_to_wide(text, units, wide, units);
        status = used < 0 ? kmt_channel_reject(channel, "a registry string is malformed")
                          : put_value(query, wide, (size_t)used * sizeof(*wide));
    }
    free(wide);
    free(text);
    return status;
}

static NTSTATUS put_reply(struct registry_query *query, struct kmt_channel *channel,
                          const struct registry_reply *reply)
{
    size_t size = reply->head.size;
    uint32_t type = query->is_path ? REG_SZ : query->request.value_type;
    switch (type) {
    case REG_SZ:
    case REG_EXPAND_SZ:
    case REG_MULTI_SZ:
        return put_text(query, channel, reply->value, size, type == REG_MULTI_SZ);
    case REG_DWORD:
    case REG_QWORD:
        if (size != (type == REG_DWORD ? sizeof(DWORD) : sizeof(UINT64)))
            return kmt_channel_reject(channel, "a registry number has %zu bytes", size);
        return put_value(query, reply->value, size);
    case REG_BINARY:
        return put_value(query, reply->value, size);
    default:
        return kmt_channel_reject(channel, "a registry value of type %u was found", type);
    }
}

/* --- The call ------------------------------------------------------------------------------- */

static NTSTATUS ask_host(struct registry_query *query, struct kmt_channel *channel)
{
    struct registry_reply *reply = malloc(sizeof(*reply));
    if (!reply)
        return STATUS_NO_MEMORY;
    size_t size = sizeof(*reply);
    NTSTATUS status =
        query_exchange(channel, query->args->hAdapter, KMTQAITYPE_QUERYREGISTRY, &query->request,
                       sizeof(query->request), reply, sizeof(reply->head), &size);
    if (NT_SUCCESS(status)) {
        if (reply->head.status != D3DDDI_QUERYREGISTRY_STATUS_SUCCESS ||
            reply->head.size != size - sizeof(reply->head))
            status = kmt_channel_reject(channel,
                                        "a registry reply of %zu bytes has status %u and "
                                        "says %u",
                                        size, reply->head.status, reply->head.size);
        else
            status = put_reply(query, channel, reply);
    }
    free(reply);
    return status;
}

NTSTATUS query_registry(const D3DKMT_QUERYADAPTERINFO *args)
{
    struct registry_query query = {.args = args, .buffer = args->pPrivateDriverData};
    if (args->PrivateDriverDataSize < HEAD_SIZE)
        return STATUS_INVALID_PARAMETER; /* not even room for Status */

    NTSTATUS status = STATUS_INVALID_PARAMETER;
    if (args->PrivateDriverDataSize >= sizeof(D3DDDI_QUERYREGISTRY_INFO)) {
        query.capacity = args->PrivateDriverDataSize - HEAD_SIZE;
        if (take_inputs(&query)) {
            struct kmt_channel *channel;
            status = kmt_process_channel_of(args->hAdapter, KMT_ADAPTER, &channel);
            if (NT_SUCCESS(status)) {
                status = ask_host(&query, channel);
                kmt_channel_unref(channel);
            }
        }
    }
    if (!NT_SUCCESS(status))
        put_number(&query, OFFSET(Status), D3DDDI_QUERYREGISTRY_STATUS_FAIL);
    return status;
}
