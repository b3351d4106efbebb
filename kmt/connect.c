/* SPDX-License-Identifier: MIT */
/* gpupv_kmt_connect */
#include <stdio.h>

#include "gpupv/kmt.h"
#include "kmt/process.h"
#include "kmt/public.h"

KMT_PUBLIC NTSTATUS gpupv_kmt_connect(struct gpupv_kmt_info *info, char *message,
                                      size_t message_size)
{
    struct kmt_channel *channel;
    struct error err = {""};
    NTSTATUS status = kmt_process_connect(&channel, &err);
    if (message && message_size)
        snprintf(message, message_size, "%s", NT_SUCCESS(status) ? "" : err.text);
    if (!NT_SUCCESS(status))
        return status;
    if (info) {
        const struct kmt_channel_info *from = kmt_channel_info(channel);
        *info = (struct gpupv_kmt_info){
            .protocol_version = from->version,
            .protocol_min = from->version_min,
            .protocol_max = from->version_max,
        };
        snprintf(info->transport, sizeof(info->transport), "%s", from->uri);
        snprintf(info->host_version, sizeof(info->host_version), "%s", from->host_version);
    }
    kmt_channel_unref(channel);
    return status;
}
