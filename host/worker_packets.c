/* SPDX-License-Identifier: MIT */
#include "host/worker_packets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/rights.h"

#define MAX_BYTES (4u * 1024u * 1024u)
#define MAX_COUNT 1024u

static void packet_destroy(struct worker_packet *packet)
{
    for (size_t i = 0; i < packet->descriptor_count; i++)
        close(packet->descriptors[i]);
    free(packet);
}

static int take_descriptors(struct worker_packet *packet, const struct worker_message *message)
{
    for (size_t i = 0; i < message->descriptor_count; i++) {
        if (message->descriptors[i] < 0)
            continue;
        int copy = fcntl(message->descriptors[i], F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
            return -errno;
        packet->descriptors[packet->descriptor_count++] = copy;
    }
    return 0;
}

static void put(struct worker_packet *packet, const void *data, size_t size)
{
    if (size)
        memcpy(packet->data + packet->size, data, size);
    packet->size += size;
}

int worker_packets_add(struct worker_packets *packets, const struct worker_message *message)
{
    size_t size = sizeof(message->header) + message->head_size + message->data_size;
    if (size > LINK_MAX)
        return -EMSGSIZE;
    if (packets->count >= MAX_COUNT || packets->bytes + size > MAX_BYTES)
        return -ENOBUFS;
    struct worker_packet *packet = calloc(1, sizeof(*packet) + size);
    if (!packet)
        return -ENOMEM;
    int result = take_descriptors(packet, message);
    if (result) {
        packet_destroy(packet);
        return result;
    }
    put(packet, &message->header, sizeof(message->header));
    put(packet, message->head, message->head_size);
    put(packet, message->data, message->data_size);
    if (packets->last)
        packets->last->next = packet;
    else
        packets->first = packet;
    packets->last = packet;
    packets->bytes += size;
    packets->count++;
    return 0;
}

bool worker_packets_have(const struct worker_packets *packets, const struct worker_message *message)
{
    size_t head = sizeof(message->header);
    for (const struct worker_packet *at = packets->first; at; at = at->next) {
        if (at->size == head + message->head_size && !message->data_size &&
            !memcmp(at->data, &message->header, head) &&
            !memcmp(at->data + head, message->head, message->head_size))
            return true;
    }
    return false;
}

static int send_one(const struct worker_packet *packet, int link)
{
    union rights_control control;
    struct iovec data = {(void *)packet->data, packet->size};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    rights_attach(&message, &control, packet->descriptors, packet->descriptor_count);
    ssize_t sent;
    do
        sent = sendmsg(link, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

static void drop_first(struct worker_packets *packets)
{
    struct worker_packet *packet = packets->first;
    packets->first = packet->next;
    if (!packets->first)
        packets->last = NULL;
    packets->bytes -= packet->size;
    packets->count--;
    packet_destroy(packet);
}

int worker_packets_send(struct worker_packets *packets, int link)
{
    while (packets->first) {
        int result = send_one(packets->first, link);
        if (result == -EAGAIN)
            return 0;
        if (result)
            return result;
        drop_first(packets);
    }
    return 0;
}

void worker_packets_finish(struct worker_packets *packets)
{
    while (packets->first)
        drop_first(packets);
}
