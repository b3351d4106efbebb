/* SPDX-License-Identifier: MIT */
/* Registry values through KMTQAITYPE_QUERYREGISTRY. */
#include "tools/guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/utf.h"

#define VALUE_OFFSET offsetof(D3DDDI_QUERYREGISTRY_INFO, OutputString)
/* More than REG_MAX_VALUE_SIZE in 4-byte WCHARs: a host that claims more is not believed. */
#define MAX_OUTPUT (4u * REG_MAX_VALUE_SIZE)

static int set_name(D3DDDI_QUERYREGISTRY_INFO *info, const char *name)
{
    uint16_t utf16[MAX_PATH];
    ssize_t units = utf8_to_utf16(name, strlen(name), utf16, MAX_PATH - 1), size;

    if (units < 0)
        return (int)units;
    size = utf16_to_wide(utf16, (size_t)units, info->ValueName, MAX_PATH - 1);
    if (size < 0)
        return (int)size;
    info->ValueName[size] = L'\0';
    return 0;
}

static NTSTATUS ask(D3DKMT_HANDLE adapter, const struct guest_registry_query *query,
                    D3DDDI_QUERYREGISTRY_INFO *info, size_t size)
{
    info->QueryType = (D3DDDI_QUERYREGISTRY_TYPE)query->query;
    info->QueryFlags.TranslatePath = query->translate;
    info->ValueType = (ULONG)query->type;
    info->PhysicalAdapterIndex = query->physical;
    info->Status = D3DDDI_QUERYREGISTRY_STATUS_FAIL;
    return guest_query(adapter, KMTQAITYPE_QUERYREGISTRY, info, size);
}

static int query_error(NTSTATUS status, const struct guest_registry_query *query, struct error *err)
{
    int code = guest_status_code(status);
    char number[16];

    if (query->query >= D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH)
        return error_set(err, code, "the host tells no driver %s path of this adapter: %s",
                         query->query == D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH ? "store" : "image",
                         guest_status_text(status, number));
    switch (code) {
    case -ENOENT:
        return error_set(err, code, "the key has no value \"%s\"", query->name);
    case -EMEDIUMTYPE:
        return error_set(err, code, "the value \"%s\" is no %s; leave --type out to take any",
                         query->name, reg_type_name(query->type));
    case -ECONNREFUSED:
        return error_set(err, code, "the host went away while it was asked for \"%s\"",
                         query->name);
    default:
        return error_set(err, code, "the host refuses the query of \"%s\": %s", query->name,
                         guest_status_text(status, number));
    }
}

/* `size` bytes of WCHARs as UTF-8 with their NULs; a missing terminator is added. */
static int take_strings(const D3DDDI_QUERYREGISTRY_INFO *info, struct reg_value *value)
{
    size_t count = info->OutputValueSize / sizeof(WCHAR);
    size_t capacity = 4 * count + 2, used = 0;
    char *text = malloc(capacity);

    if (!text)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        uint16_t utf16[2];
        ssize_t units = wide_to_utf16(&info->OutputString[i], 1, utf16, 2);
        ssize_t bytes =
            units < 0 ? units : utf16_to_utf8(utf16, (size_t)units, text + used, capacity - used);

        if (bytes < 0) {
            free(text);
            return -EILSEQ;
        }
        used += (size_t)bytes;
    }
    if (!used || text[used - 1])
        text[used++] = '\0';
    value->data = (uint8_t *)text;
    value->size = used;
    return 0;
}

static int take_bytes(const D3DDDI_QUERYREGISTRY_INFO *info, struct reg_value *value)
{
    size_t size = info->OutputValueSize;

    if ((value->type == REG_TYPE_DWORD && size != 4) ||
        (value->type == REG_TYPE_QWORD && size != 8))
        return -EPROTO;
    value->data = malloc(size ? size : 1);
    if (!value->data)
        return -ENOMEM;
    memcpy(value->data, info->OutputBinary, size);
    value->size = size;
    return 0;
}

static int take_value(const D3DDDI_QUERYREGISTRY_INFO *info, size_t capacity,
                      const struct guest_registry_query *query, struct reg_value *value,
                      struct error *err)
{
    bool path = query->query >= D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH;
    int result;

    *value = (struct reg_value){.type = path ? REG_TYPE_SZ : query->type};
    if (info->OutputValueSize > capacity)
        return error_set(err, -EPROTO, "the host's answer does not fit into its own size");
    if (value->type == REG_TYPE_SZ || value->type == REG_TYPE_EXPAND_SZ ||
        value->type == REG_TYPE_MULTI_SZ)
        result = take_strings(info, value);
    else
        result = take_bytes(info, value);
    if (result < 0)
        error_set(err, result, "the host's answer for \"%s\" is no %s: %s",
                  query->name ? query->name : "the path", reg_type_name(value->type),
                  strerror(-result));
    return result;
}

int guest_read_registry(D3DKMT_HANDLE adapter, const struct guest_registry_query *query,
                        struct reg_value *value, struct error *err)
{
    size_t size = sizeof(D3DDDI_QUERYREGISTRY_INFO);

    /* The value may grow between two asks; a host that never comes to an end is left. */
    for (int attempt = 0; attempt < 8; attempt++) {
        D3DDDI_QUERYREGISTRY_INFO *info = calloc(1, size);
        NTSTATUS status;
        int result = 0;

        if (!info)
            return error_set(err, -ENOMEM, "no memory for a registry value of %zu bytes", size);
        if (query->name && set_name(info, query->name) < 0) {
            free(info);
            return error_set(
                err, -EINVAL,
                "\"%s\" is no name of a value: names are UTF-8 of at most %d characters",
                query->name, MAX_PATH - 1);
        }
        status = ask(adapter, query, info, size);
        if (!NT_SUCCESS(status) || info->Status == D3DDDI_QUERYREGISTRY_STATUS_FAIL) {
            result = query_error(NT_SUCCESS(status) ? STATUS_UNSUCCESSFUL : status, query, err);
        } else if (info->Status == D3DDDI_QUERYREGISTRY_STATUS_SUCCESS) {
            result = take_value(info, size - VALUE_OFFSET, query, value, err);
        } else if (info->OutputValueSize > MAX_OUTPUT) {
            result = error_set(err, -EPROTO, "the host says that the value has %u bytes",
                               (unsigned)info->OutputValueSize);
        } else {
            size = VALUE_OFFSET + info->OutputValueSize;
            size = size < sizeof(*info) ? sizeof(*info) : size;
            free(info);
            continue;
        }
        free(info);
        return result;
    }
    return error_set(err, -EPROTO, "the value grows each time that it is asked for");
}

int guest_list_registry(D3DKMT_HANDLE adapter, uint32_t query, uint32_t physical,
                        struct gpupv_kmt_registry_entry **entries, size_t *count, struct error *err)
{
    NTSTATUS status = gpupv_kmt_list_registry(adapter, query, physical, entries, count);
    const char *which = query == D3DDDI_QUERYREGISTRY_SERVICEKEY ? "service" : "adapter";
    int code = guest_status_code(status);
    char number[16];

    if (NT_SUCCESS(status))
        return 0;
    if (code == -EACCES)
        return error_set(err, code,
                         "the host does not allow guests to list registry values (listing=deny in "
                         "its gpupv.ini); a value whose NAME is known can still be asked for");
    if (code == -ENOENT)
        return error_set(err, code,
                         "the host has no %s key for physical adapter %u of this adapter", which,
                         (unsigned)physical);
    return error_set(err, code, "the host does not list the %s key: %s", which,
                     guest_status_text(status, number));
}
