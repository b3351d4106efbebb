/* SPDX-License-Identifier: MIT */
#include "host/request.h"

#include <errno.h>
#include <string.h>

#include "util/log.h"
#include "util/utf.h"

#define ON_REQUEST (1u << WIRE_REQUEST)
#define ON_ASYNC (1u << WIRE_ASYNC)
#define ON_BOTH (1u << WIRE_REQUEST | 1u << WIRE_ASYNC)

/* WIRE_HELLO is not here: the connection answers it, and a second one breaks the protocol. */
static const struct {
    unsigned kinds;
    size_t min_payload; /* a shorter payload is answered with STATUS_INVALID_PARAMETER */
    NTSTATUS (*handle)(struct request *request);
    unsigned since; /* the first version of the protocol that has it; 0: all have */
} commands[WIRE_COMMAND_END] = {
    [WIRE_ENUM_ADAPTERS] = {ON_REQUEST, sizeof(struct wire_enum_adapters_request),
                            request_enum_adapters},
    [WIRE_OPEN_ADAPTER_FROM_LUID] = {ON_REQUEST, sizeof(struct wire_open_adapter_request),
                                     request_open_adapter},
    [WIRE_CLOSE_ADAPTER] = {ON_BOTH, sizeof(struct wire_handle), request_close_adapter},
    [WIRE_QUERY_ADAPTER_INFO] = {ON_REQUEST, sizeof(struct wire_query_adapter_info_request),
                                 request_query_adapter_info},
    [WIRE_ESCAPE] = {ON_REQUEST, sizeof(struct wire_escape_request), request_escape},
    [WIRE_CREATE_DEVICE] = {ON_REQUEST, sizeof(struct wire_create_device_request),
                            request_create_device},
    [WIRE_DESTROY_DEVICE] = {ON_BOTH, sizeof(struct wire_handle), request_destroy_device},
    [WIRE_CREATE_CONTEXT_VIRTUAL] = {ON_REQUEST, sizeof(struct wire_create_context_request),
                                     request_create_context},
    [WIRE_DESTROY_CONTEXT] = {ON_BOTH, sizeof(struct wire_handle), request_destroy_context},
    [WIRE_ENUM_REGISTRY] = {ON_REQUEST, sizeof(struct wire_enum_registry_request),
                            request_enum_registry},
    [WIRE_STORE_LIST] = {ON_REQUEST, sizeof(struct wire_store_list_request), request_store_list, 2},
    [WIRE_STORE_READ] = {ON_REQUEST, sizeof(struct wire_store_read_request), request_store_read, 2},
    [WIRE_STORE_RULES] = {ON_REQUEST, sizeof(struct wire_store_rules_request), request_store_rules,
                          2},
    [WIRE_MAP_APERTURE] = {ON_REQUEST, 0, request_map_aperture, 3},
    [WIRE_CREATE_ALLOCATION] = {ON_REQUEST, sizeof(struct wire_create_allocation_request),
                                request_create_allocation, 3},
    [WIRE_DESTROY_ALLOCATION] = {ON_BOTH, sizeof(struct wire_destroy_allocation_request),
                                 request_destroy_allocation, 3},
    [WIRE_UPDATE_ALLOCATION] = {ON_REQUEST, sizeof(struct wire_update_allocation_request),
                                request_update_allocation, 3},
    [WIRE_QUERY_VIDEO_MEMORY] = {ON_REQUEST, sizeof(struct wire_query_video_memory_request),
                                 request_query_video_memory, 3},
    [WIRE_CREATE_HW_QUEUE] = {ON_REQUEST, sizeof(struct wire_create_hw_queue_request),
                              request_create_hw_queue, 3},
    [WIRE_DESTROY_HW_QUEUE] = {ON_BOTH, sizeof(struct wire_handle), request_destroy_hw_queue, 3},
    [WIRE_SUBMIT_COMMAND] = {ON_ASYNC, sizeof(struct wire_submit_command_request),
                             request_submit_command, 3},
    [WIRE_CREATE_SYNC_OBJECT] = {ON_REQUEST, sizeof(struct wire_create_sync_object_request),
                                 request_create_sync_object, 3},
    [WIRE_DESTROY_SYNC_OBJECT] = {ON_BOTH, sizeof(struct wire_handle), request_destroy_sync_object,
                                  3},
    [WIRE_SIGNAL_FROM_CPU] = {ON_REQUEST, sizeof(struct wire_fence_request),
                              request_signal_from_cpu, 3},
    [WIRE_WAIT_FROM_CPU] = {ON_REQUEST, sizeof(struct wire_fence_request), request_wait_from_cpu,
                            3},
    [WIRE_SIGNAL_FROM_GPU] = {ON_ASYNC, sizeof(struct wire_fence_request), request_signal_from_gpu,
                              3},
    [WIRE_WAIT_FROM_GPU] = {ON_ASYNC, sizeof(struct wire_fence_request), request_wait_from_gpu, 3},
    [WIRE_LOCK_ALLOCATION] = {ON_REQUEST, sizeof(struct wire_handle), request_lock_allocation, 4},
};

int request_dispatch(const struct wire_header *header, struct request *request, NTSTATUS *status,
                     struct error *err)
{
    if (header->command >= WIRE_COMMAND_END || !commands[header->command].handle)
        return error_set(err, -EPROTO, "the command %u is not allowed here", header->command);
    if (request->process->version < commands[header->command].since)
        return error_set(err, -EPROTO, "version %u of the protocol has no command %u",
                         request->process->version, header->command);
    if (!(commands[header->command].kinds & 1u << header->kind))
        return error_set(err, -EPROTO, "the command %u came with the kind %u", header->command,
                         header->kind);
    request->reply_size = 0;
    request->reply_descriptor = -1;
    request->reply_descriptor_owned = false;
    request->process->requests++;
    if (frame_payload_size(header) < commands[header->command].min_payload)
        *status = STATUS_INVALID_PARAMETER;
    else
        *status = commands[header->command].handle(request);
    return 0;
}

void *request_reply(struct request *request, size_t size)
{
    if (size > WIRE_MAX_PAYLOAD - request->reply_size)
        return NULL;
    void *room = request->reply + request->reply_size;
    request->reply_size += size;
    memset(room, 0, size);
    return room;
}

int request_take_descriptor(struct request *request)
{
    return request->descriptors ? descriptor_list_take(request->descriptors) : -1;
}

uint32_t request_only_handle(struct request *request)
{
    struct wire_handle in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    return wire_cursor_done(&request->payload) ? in.handle : 0;
}

struct opened_adapter *request_adapter(const struct request *request, uint32_t handle)
{
    return handle_table_get(request->process->handles, handle, OBJECT_ADAPTER);
}

uint32_t request_call_flags(const struct request *request)
{
    bool secure = vm_is_secure(request->process->vm);
    return HOST_CALL_VIRTUAL_MACHINE_DATA | (secure ? HOST_CALL_SECURE_VIRTUAL_MACHINE : 0);
}

bool request_put_text(const char *text, uint16_t *to, size_t capacity)
{
    ssize_t length = utf8_to_utf16(text, strlen(text), to, capacity - 1);
    if (length < 0)
        return false;
    to[length] = 0;
    return true;
}

NTSTATUS guard_outgoing(const struct process *process, const char *what, const void *sent,
                        const void *data, size_t size)
{
    struct error err;
    if (!guard_scan_changes(process->core->state->config->guard, what, sent, data, size, &err))
        return STATUS_SUCCESS;
    log_error("service", "process %d (%s): withheld what the driver \"%s\" returned: %s",
              (int)process->pid, process->name, process->core->driver->name, err.text);
    return STATUS_UNSUCCESSFUL;
}
