/* SPDX-License-Identifier: MIT */
/* Inside of a stream's guest end (umd/stream.h): shared by the umd_stream*.c files. */
#ifndef GPUPV_UMD_STREAM_INTERNAL_H
#define GPUPV_UMD_STREAM_INTERNAL_H

#include <stdatomic.h>

#include "umd/stream.h"
#include "umd/umd_lock.h"
#include "wire/protocol.h"
#include "wire/ring.h"
#include "wire/spin.h"

struct umd_stream_messages; /* umd_stream_message.c */

struct umd_stream {
    /* Constant. After fork(2) the child's `shared` and `fence` point to words that say "lost". */
    const struct gpupv_umd_callbacks *callbacks;
    struct stream_shared *shared;
    struct wire_fence_cell *fence;
    uint8_t *slots;
    uint32_t slot_size, slot_count;
    D3DKMT_HANDLE device, context, allocation, queue;
    bool guarded; /* what is sent is searched first */
    struct umd_stream_messages *messages; /* NULL: memory is shared with the host */

    _Atomic bool dead;                        /* declared so by this process */
    _Atomic bool logged;                      /* that it is lost */
    _Atomic uint32_t free_slots;              /* bit mask of reply slots */
    uint32_t tickets[STREAM_MAX_REPLY_SLOTS]; /* last used; each belongs to who holds the slot */
    _Atomic uint32_t waiting;                 /* threads in umd_stream_wait and the like */
    _Atomic uint32_t looked; /* when umd_stream_look last looked for the host */
    _Atomic bool rang; /* since the last wait: the worker slept, and takes a while to wake */
    /* How long waits for replies (and for room), and those of umd_stream_wait, have lately taken.
     */
    struct spin_estimate reply_time, wait_time;

    struct umd_lock lock;        /* for what follows */
    struct wire_encoder encoder; /* commands that are not in the ring yet */
    size_t call_at;              /* where the command of umd_call_begin begins in it */
    struct ring_producer ring;

    struct umd_stream *next, **link; /* in the list of all streams */
};

/* Streams of this process, so that a child after fork(2) finds them (umd_stream_fork.c).
 * VK_ERROR_OUT_OF_HOST_MEMORY. */
VkResult umd_stream_register(struct umd_stream *stream);
void umd_stream_unregister(struct umd_stream *stream);

/* Whether GPUPV_GUARD wants streams to be searched. */
bool umd_stream_guard_wanted(const struct gpupv_umd_callbacks *callbacks);
/* Searches commands. False: they must not cross, and the stream is lost. */
bool umd_stream_guard(struct umd_stream *stream, const uint8_t *data, size_t size);

/* Puts the encoder's commands into the ring. With `kick` (or somebody waiting, or much unseen) the
 * worker is woken. Resets the encoder. */
VkResult umd_stream_flush_locked(struct umd_stream *stream, bool kick);

/* umd_stream_wait with its estimate named. With `locked` the caller holds the lock, and has flushed
 * what matters. */
VkResult umd_stream_wait_for(struct umd_stream *stream, bool (*ready)(void *data), void *data,
                             uint64_t timeout, struct spin_estimate *estimate, bool locked);

/* --- Without shared memory (umd_stream_message.c) --- */

#define UMD_STREAM_MESSAGE_SLOT (64u * 1024u) /* bytes of a reply slot */
#define UMD_STREAM_POLL_US 1000u              /* the longest wait: it holds up other thunks */

/* Sets stream->messages and stream->fence, and gives zeroed memory for the rest. */
VkResult umd_stream_messages_create(struct umd_stream *stream, D3DKMT_HANDLE adapter, size_t size,
                                    void **memory);
void umd_stream_messages_destroy(struct umd_stream *stream);
/* Sends what is in the ring; without `kick`, when much has gathered or somebody waits. */
void umd_stream_send_locked(struct umd_stream *stream, bool kick);
/* Asks the host how far it is; it answers when something is new, or after `wait_us`. False: another
 * thread is asking, and will make sleepers of umd_stream_wait look again. */
bool umd_stream_ask(struct umd_stream *stream, uint32_t wait_us);
/* With the lock of who asks. A failure loses the stream; of umd_stream_ask_once_locked it is the
 * status. */
void umd_stream_ask_locked(struct umd_stream *stream, uint32_t wait_us);
NTSTATUS umd_stream_ask_once_locked(struct umd_stream *stream, uint32_t wait_us);

/* Whether the stream is dead; logs it the first time. */
bool umd_stream_is_lost(struct umd_stream *stream);

#endif
