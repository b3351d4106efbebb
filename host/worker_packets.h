/* SPDX-License-Identifier: MIT */
/* Packets to a worker that it has not taken yet: a bounded queue before its link. */
#ifndef GPUPV_HOST_WORKER_PACKETS_H
#define GPUPV_HOST_WORKER_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/worker/link.h"

#define WORKER_MAX_DESCRIPTORS 2

struct worker_packet {
    struct worker_packet *next;
    int descriptors[WORKER_MAX_DESCRIPTORS]; /* duplicates, owned */
    size_t descriptor_count, size;
    uint8_t data[];
};

struct worker_packets {
    struct worker_packet *first, *last;
    size_t bytes, count;
};

/* What a message consists of: `head` and `data` follow its header. Descriptors are borrowed; a
 * negative one is left out. */
struct worker_message {
    struct link_header header;
    const void *head;
    size_t head_size;
    const void *data;
    size_t data_size;
    int descriptors[WORKER_MAX_DESCRIPTORS];
    size_t descriptor_count;
};

/* -ENOBUFS: the worker has not taken what was queued before. -ENOMEM, -EMSGSIZE. */
int worker_packets_add(struct worker_packets *packets, const struct worker_message *message);
/* Whether the same message, without descriptors, waits already. */
bool worker_packets_have(const struct worker_packets *packets,
                         const struct worker_message *message);
/* Sends what can be sent at once. 0, or the negative errno of a broken link. */
int worker_packets_send(struct worker_packets *packets, int link);
void worker_packets_finish(struct worker_packets *packets);

#endif
