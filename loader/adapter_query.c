/* SPDX-License-Identifier: MIT */
#include "loader/adapter_query.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "gpupv/kmt.h"
#include "gpupv/ntstatus.h"
#include "loader/wide.h"

#define DRIVER_NAME L"VulkanDriverName"
/* A host that changes its answer between two calls is asked again, but not for ever. */
#define MAX_TRIES 8
/* More than any registry value that the thunks can carry. */
#define MAX_VALUE_SIZE (1024u * 1024u)

static const char *status_text(NTSTATUS status, char text[16])
{
    const char *name = gpupv_kmt_status_name(status);

    if (name)
        return name;
    snprintf(text, 16, "0x%08x", (unsigned)status);
    return text;
}

static NTSTATUS query(D3DKMT_HANDLE adapter, KMTQUERYADAPTERINFOTYPE type, void *data, size_t size)
{
    D3DKMT_QUERYADAPTERINFO args = {
        .hAdapter = adapter,
        .Type = type,
        .pPrivateDriverData = data,
        .PrivateDriverDataSize = (UINT)size,
    };
    return D3DKMTQueryAdapterInfo(&args);
}

int adapter_query_all(D3DKMT_ADAPTERINFO **adapters, size_t *count, struct error *err)
{
    struct gpupv_kmt_info info;
    char message[512] = "", text[16];
    NTSTATUS status = gpupv_kmt_connect(&info, message, sizeof(message));

    if (!NT_SUCCESS(status))
        return error_set(err, -ENOTCONN, "%s",
                         message[0] ? message : "the gpupv host service cannot be reached");
    for (int i = 0; i < MAX_TRIES; i++) {
        D3DKMT_ENUMADAPTERS2 args = {0};

        status = D3DKMTEnumAdapters2(&args);
        if (!NT_SUCCESS(status))
            break;
        /* One element more than said, so that an empty list is an array too. */
        args.pAdapters = calloc((size_t)args.NumAdapters + 1, sizeof(*args.pAdapters));
        if (!args.pAdapters)
            return error_set(err, -ENOMEM, "no memory for the list of adapters");
        if (args.NumAdapters)
            status = D3DKMTEnumAdapters2(&args);
        if (NT_SUCCESS(status)) {
            *adapters = args.pAdapters;
            *count = args.NumAdapters;
            return 0;
        }
        free(args.pAdapters);
        if (status != STATUS_BUFFER_TOO_SMALL)
            break;
    }
    return error_set(err, -EIO, "the host at %s does not list its adapters: %s; look at its log",
                     info.transport, status_text(status, text));
}

char *adapter_query_description(D3DKMT_HANDLE adapter)
{
    D3DKMT_DRIVER_DESCRIPTION *info = calloc(1, sizeof(*info));
    char *text = NULL;

    if (!info)
        return NULL;
    if (NT_SUCCESS(query(adapter, KMTQAITYPE_DRIVER_DESCRIPTION, info, sizeof(*info))))
        text =
            wide_to_utf8(info->DriverDescription, sizeof(info->DriverDescription) / sizeof(WCHAR));
    else
        errno = 0;
    free(info);
    return text || errno == ENOMEM ? text : strdup("");
}

int adapter_query_device_ids(D3DKMT_HANDLE adapter, D3DKMT_DEVICE_IDS *ids, struct error *err)
{
    D3DKMT_QUERY_DEVICE_IDS info = {0};
    char text[16];
    NTSTATUS status = query(adapter, KMTQAITYPE_PHYSICALADAPTERDEVICEIDS, &info, sizeof(info));

    if (!NT_SUCCESS(status))
        return error_set(err, -EIO, "the host does not tell the device ids: %s",
                         status_text(status, text));
    *ids = info.DeviceIds;
    return 0;
}

uint32_t adapter_query_physical_count(D3DKMT_HANDLE adapter)
{
    D3DKMT_PHYSICAL_ADAPTER_COUNT info = {0};
    NTSTATUS status = query(adapter, KMTQAITYPE_PHYSICALADAPTERCOUNT, &info, sizeof(info));

    return NT_SUCCESS(status) && info.Count ? info.Count : 1;
}

/* Asks with a buffer of the structure's size first and grows it as long as the host says that it
 * is too small. On success *reply is malloc'ed and *characters counts what OutputString holds. */
static NTSTATUS query_registry(D3DKMT_HANDLE adapter, const D3DDDI_QUERYREGISTRY_INFO *request,
                               D3DDDI_QUERYREGISTRY_INFO **reply, size_t *characters)
{
    D3DDDI_QUERYREGISTRY_INFO *info = NULL;
    size_t size = sizeof(*request);
    NTSTATUS status = STATUS_NO_MEMORY;

    for (int i = 0; i < MAX_TRIES; i++) {
        D3DDDI_QUERYREGISTRY_INFO *grown = realloc(info, size);
        if (!grown)
            break;
        info = grown;
        memset(info, 0, size);
        *info = *request;
        status = query(adapter, KMTQAITYPE_QUERYREGISTRY, info, size);
        if (!NT_SUCCESS(status))
            break;
        if (info->Status == D3DDDI_QUERYREGISTRY_STATUS_SUCCESS) {
            size_t room = size - offsetof(D3DDDI_QUERYREGISTRY_INFO, OutputString);
            size_t bytes = info->OutputValueSize < room ? info->OutputValueSize : room;
            *characters = bytes / sizeof(WCHAR);
            *reply = info;
            return status;
        }
        status = STATUS_UNSUCCESSFUL;
        if (info->Status != D3DDDI_QUERYREGISTRY_STATUS_BUFFER_OVERFLOW ||
            info->OutputValueSize > MAX_VALUE_SIZE)
            break;
        size = sizeof(*request) + info->OutputValueSize;
    }
    free(info);
    return status;
}

char *adapter_query_store_path(D3DKMT_HANDLE adapter)
{
    D3DDDI_QUERYREGISTRY_INFO request = {.QueryType = D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH};
    D3DDDI_QUERYREGISTRY_INFO *reply;
    size_t characters;
    char *path;

    if (!NT_SUCCESS(query_registry(adapter, &request, &reply, &characters)))
        return NULL;
    path = wide_to_utf8(reply->OutputString, characters);
    free(reply);
    return path;
}

/* Splits "a\0b\0\0"; a string without its terminators ends with the value. */
static int split(const WCHAR *text, size_t characters, bool multiple, char ***result)
{
    size_t count = 0;
    int code = -ENOMEM;
    char **list = calloc(1, sizeof(*list));

    if (!list)
        return code;
    for (size_t at = 0; at < characters && text[at];) {
        size_t length = wcsnlen(text + at, characters - at);
        char **grown = realloc(list, (count + 2) * sizeof(*list));
        code = -ENOMEM;
        if (!grown)
            goto free_list;
        list = grown;
        list[count] = wide_to_utf8(text + at, length);
        code = list[count] ? 0 : -errno;
        if (code < 0)
            goto free_list;
        list[++count] = NULL;
        at += length + 1;
        if (!multiple)
            break;
    }
    code = -ENOENT;
    if (count) {
        *result = list;
        return 0;
    }

free_list:
    adapter_query_free_manifests(list);
    return code;
}

int adapter_query_manifests(D3DKMT_HANDLE adapter, char ***manifests, struct error *err)
{
    D3DDDI_QUERYREGISTRY_INFO request = {
        .QueryType = D3DDDI_QUERYREGISTRY_ADAPTERKEY,
        .QueryFlags.TranslatePath = 1,
        .ValueName = DRIVER_NAME,
        .ValueType = REG_MULTI_SZ,
    };
    D3DDDI_QUERYREGISTRY_INFO *reply;
    size_t characters;
    char text[16];
    bool multiple = true;
    NTSTATUS status = query_registry(adapter, &request, &reply, &characters);

    if (!NT_SUCCESS(status)) {
        request.ValueType = REG_SZ;
        multiple = false;
        status = query_registry(adapter, &request, &reply, &characters);
    }
    if (!NT_SUCCESS(status))
        return error_set(err, -ENOENT,
                         "the adapter key has no VulkanDriverName of type REG_SZ or REG_MULTI_SZ "
                         "(%s); on the host, put a driver into the store: gpupv host store add "
                         "MANIFEST --adapter NAME",
                         status_text(status, text));
    int code = split(reply->OutputString, characters, multiple, manifests);
    free(reply);
    if (code == -ENOENT)
        return error_set(err, code,
                         "VulkanDriverName in the adapter key is empty; on the host: "
                         "gpupv host store add MANIFEST --adapter NAME");
    if (code < 0)
        return error_set(err, code, "VulkanDriverName in the adapter key: %s", strerror(-code));
    return 0;
}

void adapter_query_free_manifests(char **manifests)
{
    if (!manifests)
        return;
    for (char **path = manifests; *path; path++)
        free(*path);
    free(manifests);
}
