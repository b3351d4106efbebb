/* SPDX-License-Identifier: MIT */
/*
 * A channel: one connection to the host, from hello to its loss. It can be made as an object of its
 * own (tests and benchmarks open many); the D3DKMT functions share the one of kmt/process.h.
 *
 * A channel that failed once stays failed: the stream is shut down at that moment, and every later
 * call gives STATUS_DEVICE_REMOVED. After fork(2) the child's copies are failed, and its copy of
 * the descriptor is closed without a byte sent.
 *
 * Thread-safe: calls of several threads take turns. Reference-counted.
 */
#ifndef GPUPV_KMT_CHANNEL_H
#define GPUPV_KMT_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpupv/d3dkmthk.h"
#include "util/error.h"
#include "wire/guard.h"
#include "wire/protocol.h"

struct kmt_channel;

/* What hello agreed on; does not change while the channel lives. */
struct kmt_channel_info {
    char uri[256];
    uint16_t version, version_min, version_max;  /* the host's range */
    uint32_t max_message;                        /* bytes, header included */
    enum guard_mode host_guard_mode, guard_mode; /* guard_mode: ours, of GPUPV_GUARD */
    char host_version[32];
};

/* One request. Filled by the caller except where said. */
struct kmt_call {
    enum wire_command command;
    const void *fixed; /* the request's structure */
    size_t fixed_size;
    const void *data; /* what follows it, or NULL */
    size_t data_size;
    void *reply;                 /* gets the payload; left alone when the call fails without one */
    size_t reply_min, reply_max; /* bytes of a successful reply's payload */
    size_t failure_max;          /* bytes that a failure's payload may have; most have none */
    size_t reply_size;           /* out: bytes in `reply` */
    const int *descriptor;       /* that goes with the request, or NULL */
    int *reply_descriptor;       /* out: that came with the reply, the caller's, or -1; or NULL */
};

/* Of GPUPV_GUARD. */
enum guard_mode kmt_guard_mode(void);

/* Connects and says hello. The caller has the one reference. STATUS_NOT_SUPPORTED: no such
 * transport; STATUS_REVISION_MISMATCH; STATUS_DEVICE_REMOVED: no host there, or it broke the
 * protocol; another status with which the host refused; STATUS_NO_MEMORY. *err says more. */
NTSTATUS kmt_channel_create(const char *uri, struct kmt_channel **channel, struct error *err);
struct kmt_channel *kmt_channel_ref(struct kmt_channel *channel);
/* NULL is accepted. */
void kmt_channel_unref(struct kmt_channel *channel);

const struct kmt_channel_info *kmt_channel_info(const struct kmt_channel *channel);
/* A number that no other channel of this process ever had or will have; not 0. */
uint64_t kmt_channel_id(const struct kmt_channel *channel);

/* False once the channel has failed, or when the host has hung up in the meantime. */
bool kmt_channel_check(struct kmt_channel *channel);

/* Sends the request and waits for its reply. Returns the reply's status; STATUS_DEVICE_REMOVED when
 * the channel has failed or fails now, which every reply does that is not what was asked for;
 * STATUS_INVALID_BUFFER_SIZE for a request larger than one message. */
NTSTATUS kmt_channel_call(struct kmt_channel *channel, struct kmt_call *call);

/* Sends a message that has no reply. As above. */
NTSTATUS kmt_channel_send_async(struct kmt_channel *channel, enum wire_command command,
                                const void *payload, size_t size);

NTSTATUS kmt_channel_send_async_with(struct kmt_channel *channel, enum wire_command command,
                                     const void *payload, size_t size, const void *data,
                                     size_t data_size);

/* Whether the connection speaks that version of the protocol. */
static inline bool kmt_channel_speaks(const struct kmt_channel *channel, uint16_t version)
{
    return kmt_channel_info(channel)->version >= version;
}

/* The aperture, asked for when it is first needed. STATUS_NOT_SUPPORTED: the host gives none on
 * this connection; STATUS_NO_MEMORY; STATUS_DEVICE_REMOVED: also for one that could shrink. */
NTSTATUS kmt_channel_map_aperture(struct kmt_channel *channel);
/* Its descriptor, the channel's, and size; -1 before. */
int kmt_channel_aperture(struct kmt_channel *channel, uint64_t *size);

/* Bytes of data that a request with `fixed_size` can carry besides. */
size_t kmt_channel_room(const struct kmt_channel *channel, size_t fixed_size);

/* Fails the channel, because what the host sent in a reply makes no sense. */
NTSTATUS kmt_channel_reject(struct kmt_channel *channel, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Why the channel failed; for the thread whose call failed it. */
const char *kmt_channel_why(const struct kmt_channel *channel);

/* How long a call waits, in milliseconds; GPUPV_KMT_TIMEOUT_MS unless set. For all channels. */
void kmt_channel_set_timeout(int milliseconds);

/* In the child of a fork: fails all channels. For kmt/fork.c, which holds its lock. */
void kmt_channels_abandon(void);

#endif
