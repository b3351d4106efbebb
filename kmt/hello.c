/* SPDX-License-Identifier: MIT */
#include "kmt/hello.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "gpupv/kmt.h"

/* Less than this and not even the fixed-size queries fit. */
#define LEAST_MAX_MESSAGE (16u * 1024u)

static void copy_process_name(char name[64])
{
    const char *from = program_invocation_short_name;
    size_t length = strlen(from);
    if (length > 63) {
        length = 63;
        while (length && ((unsigned char)from[length] & 0xc0) == 0x80)
            length--; /* not in the middle of a UTF-8 sequence */
    }
    memset(name, 0, 64);
    memcpy(name, from, length);
}

static NTSTATUS explain_refusal(const struct kmt_channel *channel, NTSTATUS status,
                                const struct wire_hello_reply *reply, size_t size,
                                struct error *err)
{
    const struct kmt_channel_info *info = kmt_channel_info(channel);
    const char *name = gpupv_kmt_status_name(status);
    if (status == STATUS_REVISION_MISMATCH && size == sizeof(*reply))
        error_set(err, -EPROTO,
                  "the host at %s speaks versions %u to %u of the thunk protocol, this program %u "
                  "to %u; update gpupv on the older side",
                  info->uri, reply->version_min, reply->version_max, WIRE_VERSION_MIN,
                  WIRE_VERSION_MAX);
    else if (status == STATUS_DEVICE_REMOVED)
        error_set(err, -EPROTO,
                  "%s accepted the connection but did not answer as a gpupv host does: %s; look at "
                  "the log of what runs there",
                  info->uri, kmt_channel_why(channel));
    else
        error_set(err, -EPROTO,
                  "the host at %s refuses this process with %s (0x%08x); look at "
                  "gpupvd's log",
                  info->uri, name ? name : "a status", (unsigned int)status);
    return status;
}

static const char *find_fault(const struct wire_hello_reply *reply)
{
    if (reply->version < WIRE_VERSION_MIN || reply->version > WIRE_VERSION_MAX ||
        reply->version < reply->version_min || reply->version > reply->version_max)
        return "it chose a protocol version that was not offered";
    if (reply->max_message < LEAST_MAX_MESSAGE)
        return "its messages are too small";
    if (reply->guard_mode > GUARD_ENFORCE)
        return "it names an unknown guard mode";
    if (reply->reserved)
        return "a reserved field is not 0";
    return NULL;
}

NTSTATUS kmt_hello(struct kmt_channel *channel, struct kmt_channel_info *info, struct error *err)
{
    struct wire_hello_request request = {
        .magic = WIRE_MAGIC,
        .version_min = WIRE_VERSION_MIN,
        .version_max = WIRE_VERSION_MAX,
        .pid = (uint32_t)getpid(),
    };
    copy_process_name(request.process_name);
    struct wire_hello_reply reply;
    struct kmt_call call = {
        .command = WIRE_HELLO,
        .fixed = &request,
        .fixed_size = sizeof(request),
        .reply = &reply,
        .reply_min = sizeof(reply),
        .reply_max = sizeof(reply),
        .failure_max = sizeof(reply),
    };
    NTSTATUS status = kmt_channel_call(channel, &call);
    if (!NT_SUCCESS(status))
        return explain_refusal(channel, status, &reply, call.reply_size, err);
    const char *fault = find_fault(&reply);
    if (fault) {
        error_set(err, -EPROTO, "%s answered hello wrongly: %s", info->uri, fault);
        return STATUS_DEVICE_REMOVED;
    }
    info->version = reply.version;
    info->version_min = reply.version_min;
    info->version_max = reply.version_max;
    if (reply.max_message < info->max_message)
        info->max_message = reply.max_message;
    info->host_guard_mode = (enum guard_mode)reply.guard_mode;
    _Static_assert(sizeof(info->host_version) == sizeof(reply.host_version), "copied as it is");
    memcpy(info->host_version, reply.host_version, sizeof(reply.host_version));
    info->host_version[sizeof(info->host_version) - 1] = '\0';
    return STATUS_SUCCESS;
}
