/* SPDX-License-Identifier: MIT */
#include "gpupv/kmt.h"
#include "kmt/public.h"

#define NAMED(status)                                                                              \
    {                                                                                              \
        status, #status                                                                            \
    }

static const struct {
    NTSTATUS status;
    const char *name;
} names[] = {
    NAMED(STATUS_SUCCESS),
    NAMED(STATUS_UNSUCCESSFUL),
    NAMED(STATUS_INVALID_HANDLE),
    NAMED(STATUS_INVALID_PARAMETER),
    NAMED(STATUS_NO_MEMORY),
    NAMED(STATUS_ACCESS_DENIED),
    NAMED(STATUS_BUFFER_TOO_SMALL),
    NAMED(STATUS_OBJECT_TYPE_MISMATCH),
    NAMED(STATUS_OBJECT_NAME_INVALID),
    NAMED(STATUS_OBJECT_NAME_NOT_FOUND),
    NAMED(STATUS_REVISION_MISMATCH),
    NAMED(STATUS_INSUFFICIENT_RESOURCES),
    NAMED(STATUS_NOT_SUPPORTED),
    NAMED(STATUS_INVALID_BUFFER_SIZE),
    NAMED(STATUS_DEVICE_REMOVED),
    NAMED(STATUS_GRAPHICS_NO_VIDEO_MEMORY),
};

KMT_PUBLIC const char *gpupv_kmt_status_name(NTSTATUS status)
{
    for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].status == status)
            return names[i].name;
    }
    return NULL;
}
