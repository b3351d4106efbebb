/* SPDX-License-Identifier: MIT */
#include "tools/guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "util/utf.h"

#define DEFAULT_HOST_URI "unix:/run/gpupv/host.sock"

const char *guest_host_uri(void)
{
    const char *uri = getenv("GPUPV_HOST");

    return uri && *uri ? uri : DEFAULT_HOST_URI;
}

const char *guest_status_text(NTSTATUS status, char text[16])
{
    const char *name = gpupv_kmt_status_name(status);

    if (name)
        return name;
    snprintf(text, 16, "0x%08x", (unsigned)status);
    return text;
}

int guest_status_code(NTSTATUS status)
{
    switch ((uint32_t)status) {
    case (uint32_t)STATUS_SUCCESS:
        return 0;
    case (uint32_t)STATUS_DEVICE_REMOVED:
        return -ECONNREFUSED;
    case (uint32_t)STATUS_OBJECT_NAME_NOT_FOUND:
        return -ENOENT;
    case (uint32_t)STATUS_ACCESS_DENIED:
        return -EACCES;
    case (uint32_t)STATUS_OBJECT_TYPE_MISMATCH:
        return -EMEDIUMTYPE;
    case (uint32_t)STATUS_NO_MEMORY:
        return -ENOMEM;
    case (uint32_t)STATUS_REVISION_MISMATCH:
        return -EPROTO;
    default:
        return -EINVAL;
    }
}

int guest_connect(struct gpupv_kmt_info *info, struct error *err)
{
    char message[900] = "", number[16];
    NTSTATUS status = gpupv_kmt_connect(info, message, sizeof(message));

    if (NT_SUCCESS(status))
        return 0;
    if (message[0])
        return error_set(err, guest_status_code(status), "%s", message);
    return error_set(err, guest_status_code(status),
                     "the host at %s cannot be reached: %s; is gpupvd running?", guest_host_uri(),
                     guest_status_text(status, number));
}

static int enumerate(D3DKMT_ADAPTERINFO **infos, size_t *count, struct error *err)
{
    D3DKMT_ENUMADAPTERS2 args = {0};
    char number[16];
    NTSTATUS status;

    /* An adapter may appear between the two calls: then ask again. */
    *infos = NULL;
    do {
        free(*infos);
        *infos = NULL;
        args.pAdapters = NULL;
        status = D3DKMTEnumAdapters2(&args);
        if (!NT_SUCCESS(status) || args.NumAdapters == 0)
            break;
        *infos = calloc(args.NumAdapters, sizeof(**infos));
        if (!*infos)
            return error_set(err, -ENOMEM, "no memory for %u adapters", (unsigned)args.NumAdapters);
        args.pAdapters = *infos;
        status = D3DKMTEnumAdapters2(&args);
    } while (status == STATUS_BUFFER_TOO_SMALL);
    *count = args.NumAdapters;
    if (NT_SUCCESS(status))
        return 0;
    free(*infos);
    return error_set(err, guest_status_code(status), "the host does not list its adapters: %s",
                     guest_status_text(status, number));
}

int guest_open_adapters(struct guest_adapter **adapters, size_t *count, struct error *err)
{
    D3DKMT_ADAPTERINFO *infos;
    int result = enumerate(&infos, count, err);

    if (result < 0)
        return result;
    *adapters = calloc(*count ? *count : 1, sizeof(**adapters));
    for (size_t i = 0; i < *count; i++) {
        if (*adapters)
            (*adapters)[i] = (struct guest_adapter){infos[i].hAdapter, infos[i].AdapterLuid};
        else
            D3DKMTCloseAdapter(&(D3DKMT_CLOSEADAPTER){infos[i].hAdapter});
    }
    free(infos);
    return *adapters ? 0 : error_set(err, -ENOMEM, "no memory for %zu adapters", *count);
}

void guest_close_adapters(struct guest_adapter *adapters, size_t count)
{
    for (size_t i = 0; i < count; i++)
        D3DKMTCloseAdapter(&(D3DKMT_CLOSEADAPTER){adapters[i].handle});
    free(adapters);
}

void guest_format_luid(LUID luid, char text[GUEST_LUID_SIZE])
{
    snprintf(text, GUEST_LUID_SIZE, "%08x-%08x", (unsigned)luid.HighPart, (unsigned)luid.LowPart);
}

static int parse_half(const char *text, size_t length, uint32_t *half)
{
    char digits[16];
    unsigned long long number;

    if (length >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text += 2;
        length -= 2;
    }
    if (length == 0 || length > 8)
        return -EINVAL;
    snprintf(digits, sizeof(digits), "0x%.*s", (int)length, text);
    if (cli_parse_number(digits, UINT32_MAX, &number) < 0)
        return -EINVAL;
    *half = (uint32_t)number;
    return 0;
}

int guest_parse_luid(const char *text, LUID *luid)
{
    size_t high = strcspn(text, ":-");
    uint32_t halves[2];

    if (!text[high] || parse_half(text, high, &halves[0]) < 0 ||
        parse_half(text + high + 1, strlen(text + high + 1), &halves[1]) < 0)
        return -EINVAL;
    luid->HighPart = (LONG)halves[0];
    luid->LowPart = halves[1];
    return 0;
}

NTSTATUS guest_query(D3DKMT_HANDLE adapter, KMTQUERYADAPTERINFOTYPE type, void *data, size_t size)
{
    D3DKMT_QUERYADAPTERINFO args = {adapter, type, data, (UINT)size};

    return D3DKMTQueryAdapterInfo(&args);
}

/* `size` WCHARs, NULs among them, as UTF-8 with one NUL after. NULL: bad text, or memory short. */
static char *wide_to_utf8(const WCHAR *wide, size_t size, size_t *result_size)
{
    ssize_t units = wide_to_utf16(wide, size, NULL, 0), bytes;
    uint16_t *utf16 = NULL;
    char *text = NULL;

    if (units < 0)
        return NULL;
    utf16 = malloc(((size_t)units + 1) * sizeof(*utf16));
    if (!utf16)
        return NULL;
    if (size)
        wide_to_utf16(wide, size, utf16, (size_t)units);
    bytes = utf16_to_utf8(utf16, (size_t)units, NULL, 0);
    if (bytes >= 0)
        text = malloc((size_t)bytes + 1);
    if (text) {
        if (bytes)
            utf16_to_utf8(utf16, (size_t)units, text, (size_t)bytes);
        text[bytes] = '\0';
        *result_size = (size_t)bytes;
    }
    free(utf16);
    return text;
}

char *guest_text(const WCHAR *wide, size_t capacity)
{
    size_t size;

    return wide_to_utf8(wide, wcsnlen(wide, capacity), &size);
}
