/* SPDX-License-Identifier: MIT */
/*
 * The guest's end of a stream (wire/stream.h): queues commands for the worker, waits for replies
 * and for what the worker reports. Thread-safe unless said otherwise.
 *
 * When the worker is gone or the stream is dead, nothing blocks: what is sent is dropped, waits
 * give VK_ERROR_DEVICE_LOST.
 */
#ifndef GPUPV_UMD_STREAM_H
#define GPUPV_UMD_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

#include "gpupv/umd.h"
#include "wire/encoder.h"
#include "wire/stream.h"

struct umd_stream;

/* Opens a stream on an adapter: D3DKMT device, context, shared allocation, hardware queue.
 * VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_INITIALIZATION_FAILED (logged: the host's worker is of
 * another build, or there is no host), VK_ERROR_DEVICE_LOST. */
VkResult umd_stream_create(const struct gpupv_umd_adapter *adapter, struct umd_stream **stream);
/* Waits for nothing: the worker drops what has not run. NULL is accepted. */
void umd_stream_destroy(struct umd_stream *stream);

/* The D3DKMT device of the stream, for its allocations. */
D3DKMT_HANDLE umd_stream_device(const struct umd_stream *stream);

/* --- Commands without a reply --- */

/* Locks the stream and gives its encoder, to which whole commands are put. */
struct wire_encoder *umd_stream_begin(struct umd_stream *stream);
/* Hands what was put to the worker, and unlocks. With `kick` the worker is woken if it sleeps;
 * without, it sees the commands when it next looks, at the latest when somebody waits or 4 KiB have
 * gathered. VK_ERROR_OUT_OF_HOST_MEMORY: memory was short and the last command is lost;
 * VK_ERROR_DEVICE_LOST. Waits while the ring is full. */
VkResult umd_stream_end(struct umd_stream *stream, bool kick);

/* Sends commands recorded into the command buffer `id`, and resets the encoder. As above. */
VkResult umd_stream_record(struct umd_stream *stream, uint64_t id, struct wire_encoder *recording);

/* --- Commands with a reply --- */

struct umd_call {
    struct umd_stream *stream;
    uint32_t word;       /* of the reply: goes into the command's `reply` */
    VkResult result;     /* of the command, once waited for */
    const uint8_t *data; /* the reply's bytes, a private copy */
    size_t size;
    uint8_t *heap;
    bool maps_ring; /* after umd_call_begin: use the wait to have the ring mapped */
    _Alignas(8) uint8_t inline_data[512];
};

/* Takes a reply slot (waits for a free one), locks the stream and gives its encoder for exactly one
 * command. NULL when the stream is dead: umd_call_wait says so too. */
struct wire_encoder *umd_call_begin(struct umd_stream *stream, struct umd_call *call);
/* Sends, unlocks, waits. VK_SUCCESS: result, data and size are there; VK_ERROR_OUT_OF_HOST_MEMORY,
 * VK_ERROR_DEVICE_LOST. */
VkResult umd_call_wait(struct umd_call *call);
/* Frees what the call holds; to be called in any case. */
void umd_call_end(struct umd_call *call);

/* --- State that the worker reports --- */

/* How many submissions of a queue (by its number) have finished on the device. */
uint64_t umd_stream_completed(const struct umd_stream *stream, uint32_t queue);
/* VK_SUCCESS or VK_ERROR_DEVICE_LOST; cheap. */
VkResult umd_stream_status(const struct umd_stream *stream);
/* The same for who asks again and again without ever waiting: looks now and then whether the host
 * is still there, which else nobody would notice. */
VkResult umd_stream_look(struct umd_stream *stream);
/* The stream was made by the parent of this process: nothing of it may reach the host. */
bool umd_stream_is_inherited(const struct umd_stream *stream);
/* Bytes of the ring that have run, and that were sent; modulo 2^32. What was sent at `position` has
 * run when (int32_t)(executed - position) >= 0. */
uint32_t umd_stream_executed(const struct umd_stream *stream);
uint32_t umd_stream_position(struct umd_stream *stream);

/* Whether CPU-visible memory is in the aperture; else its contents are to be sent (umd_mirror.h).
 */
bool umd_stream_shares_memory(const struct umd_stream *stream);
/* Before a state is read that nobody waits for: without shared memory the host is asked. */
void umd_stream_refresh(struct umd_stream *stream);

/* Spins, then sleeps, until ready(data) is true. It is called often and from this thread alone, and
 * reads what the worker or other threads write. VK_SUCCESS; VK_TIMEOUT after `timeout` nanoseconds
 * (0 asks once, UINT64_MAX never ends); VK_ERROR_DEVICE_LOST, unless it is ready all the same. */
VkResult umd_stream_wait(struct umd_stream *stream, bool (*ready)(void *data), void *data,
                         uint64_t timeout);
/* Makes sleepers of umd_stream_wait look again: this process has changed what they wait for. */
void umd_stream_wake(struct umd_stream *stream);
/* Declares the stream dead, with a log line. */
void umd_stream_lose(struct umd_stream *stream, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
