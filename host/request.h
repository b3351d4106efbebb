/* SPDX-License-Identifier: MIT */
/*
 * One request of a guest process and its reply, without any socket. The dispatcher looks up the
 * command in a table and checks kind and payload size before a handler runs; handlers take the
 * payload through a bounded cursor and answer with an NTSTATUS.
 */
#ifndef GPUPV_HOST_REQUEST_H
#define GPUPV_HOST_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "host/descriptors.h"
#include "host/process.h"
#include "wire/frame.h"

struct request {
    struct process *process;
    struct wire_cursor payload;
    /* Room for the reply's payload, WIRE_MAX_PAYLOAD bytes, 8-byte aligned, and how much is used.
     */
    uint8_t *reply;
    size_t reply_size;
    /* Descriptors that have come with the stream's messages and that none has taken, the oldest
     * first; and one that goes with the reply, or -1: the process', or closed when it is sent. */
    struct descriptor_list *descriptors; /* NULL: none ever come */
    int reply_descriptor;
    bool reply_descriptor_owned;
};

/* Takes the descriptor that a message carries; the caller owns it. -1 when none has come. */
int request_take_descriptor(struct request *request);

/* Room for `size` more bytes of the reply, zeroed; NULL when they do not fit. */
void *request_reply(struct request *request, size_t size);

/* Answers the message. On success *status and the request's reply are filled (for WIRE_ASYNC they
 * are not sent); STATUS_PENDING: the process' pending call is answered later. -EPROTO, with the
 * cause: the message breaks the protocol, the stream is lost. */
int request_dispatch(const struct wire_header *header, struct request *request, NTSTATUS *status,
                     struct error *err);

/* Handlers, by file: requests_object.c, requests_query.c, requests_registry.c, requests_escape.c,
 * requests_store.c, requests_memory.c, requests_queue.c, requests_sync.c */
NTSTATUS request_enum_adapters(struct request *request);
NTSTATUS request_open_adapter(struct request *request);
NTSTATUS request_close_adapter(struct request *request);
NTSTATUS request_create_device(struct request *request);
NTSTATUS request_destroy_device(struct request *request);
NTSTATUS request_create_context(struct request *request);
NTSTATUS request_destroy_context(struct request *request);
NTSTATUS request_query_adapter_info(struct request *request);
NTSTATUS request_enum_registry(struct request *request);
NTSTATUS request_escape(struct request *request);
NTSTATUS request_store_list(struct request *request);
NTSTATUS request_store_read(struct request *request);
NTSTATUS request_store_rules(struct request *request);
NTSTATUS request_map_aperture(struct request *request);
NTSTATUS request_create_allocation(struct request *request);
NTSTATUS request_destroy_allocation(struct request *request);
NTSTATUS request_update_allocation(struct request *request);
NTSTATUS request_lock_allocation(struct request *request);
NTSTATUS request_query_video_memory(struct request *request);
NTSTATUS request_create_hw_queue(struct request *request);
NTSTATUS request_destroy_hw_queue(struct request *request);
NTSTATUS request_submit_command(struct request *request);
NTSTATUS request_create_sync_object(struct request *request);
NTSTATUS request_destroy_sync_object(struct request *request);
NTSTATUS request_signal_from_cpu(struct request *request);
NTSTATUS request_wait_from_cpu(struct request *request);
NTSTATUS request_signal_from_gpu(struct request *request);
NTSTATUS request_wait_from_gpu(struct request *request);

/* Parts of request_query_adapter_info. `in` has the wire size of its type; the reply is added. */
NTSTATUS query_registry(struct request *request, const struct adapter *adapter, const void *in);
NTSTATUS query_umd_name(struct request *request, const struct adapter *adapter, const void *in);

/* Whether a value is there that the process' VM may not read: it must look missing. Logged. */
bool registry_is_refused(struct process *process, const struct reg_key *key, uint32_t type,
                         const char *name);

/* Scans private data of `size` bytes: as the guest sent it, and as the driver left it. What arrives
 * is not judged: the guest would learn from the answers where the host's memory lies. */
NTSTATUS guard_outgoing(const struct process *process, const char *what, const void *sent,
                        const void *data, size_t size);

/* The opened adapter of a handle, and its description now; NULL for what is no such handle. */
struct opened_adapter *request_adapter(const struct request *request, uint32_t handle);

/* The handle of a request that has nothing else; 0, which names nothing, when there is more. */
uint32_t request_only_handle(struct request *request);

/* HOST_CALL_* for the process' VM. */
uint32_t request_call_flags(const struct request *request);

/* Text as NUL-terminated UTF-16 into `to` of `capacity` units. False when it does not fit or is no
 * UTF-8. */
bool request_put_text(const char *text, uint16_t *to, size_t capacity);

#endif
