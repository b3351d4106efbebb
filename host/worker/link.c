/* SPDX-License-Identifier: MIT */
/* The worker's main loop: what the service says (host/worker/link.h). Packets are the service's,
 * which is believed, but a packet that is not well-formed ends the worker: something is badly
 * wrong. */
#include "host/worker/link_loop.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host/worker/stream.h"
#include "util/log.h"
#include "util/rights.h"

#define MAX_DESCRIPTORS 2

struct packet {
    struct link_header header;
    const uint8_t *payload; /* 8-byte aligned: behind a header of 8 bytes */
    size_t size;
    int descriptors[MAX_DESCRIPTORS]; /* -1 where there is none */
    size_t descriptor_count;
};

struct link_loop {
    struct worker *worker;
    struct stream *streams;
    bool assigned;
    uint8_t *buffer; /* LINK_MAX bytes */
};

/* --- Packets --- */

/* `descriptor`: to go along, or -1. */
static int send_packet(int link, const struct link_header *header, const void *fixed,
                       size_t fixed_size, const void *data, size_t size, int descriptor)
{
    struct iovec parts[3] = {{(void *)(uintptr_t)header, sizeof(*header)},
                             {(void *)(uintptr_t)fixed, fixed_size},
                             {(void *)(uintptr_t)data, size}};
    union rights_control control;
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    rights_attach(&message, &control, &descriptor, descriptor >= 0);
    ssize_t sent;
    do {
        sent = sendmsg(link, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

int worker_send(struct worker *worker, uint32_t message, uint32_t sequence, const void *fixed,
                size_t fixed_size, const void *data, size_t size)
{
    struct link_header header = {.message = message, .sequence = sequence};
    return send_packet(worker->link, &header, fixed, fixed_size, data, size, -1);
}

int worker_send_file(struct worker *worker, uint32_t message, const void *fixed, size_t fixed_size,
                     int descriptor)
{
    struct link_header header = {.message = message};
    return send_packet(worker->link, &header, fixed, fixed_size, NULL, 0, descriptor);
}

int worker_send_ready(struct worker *worker, const char *folders, size_t size, int notify)
{
    struct link_header header = {.message = LINK_READY};
    return send_packet(worker->link, &header, NULL, 0, folders, size, notify);
}

static void close_descriptors(struct packet *packet)
{
    for (size_t i = 0; i < packet->descriptor_count; i++)
        close(packet->descriptors[i]);
}

/* 1; 0 at the end of the link. */
static int receive(struct link_loop *loop, struct packet *packet)
{
    struct iovec part = {loop->buffer, LINK_MAX};
    union rights_control control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    rights_expect(&message, &control, MAX_DESCRIPTORS);
    ssize_t got;
    do {
        got = recvmsg(loop->worker->link, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno != ECONNRESET)
        return -errno;
    if (got <= 0)
        return 0;
    *packet =
        (struct packet){.payload = loop->buffer + sizeof(packet->header), .descriptors = {-1, -1}};
    rights_take(&message, packet->descriptors, MAX_DESCRIPTORS, &packet->descriptor_count);
    if ((size_t)got < sizeof(packet->header) || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        close_descriptors(packet);
        return -EPROTO;
    }
    memcpy(&packet->header, loop->buffer, sizeof(packet->header));
    packet->size = (size_t)got - sizeof(packet->header);
    return 1;
}

static int reply(struct link_loop *loop, const struct packet *packet, NTSTATUS status,
                 const void *data, size_t size)
{
    struct link_reply answer = {.status = status};
    return worker_send(loop->worker, LINK_REPLY, packet->header.sequence, &answer, sizeof(answer),
                       data, size);
}

/* --- Messages --- */

static void name_process(struct worker *worker, const struct link_assign *assign)
{
    snprintf(worker->process, sizeof(worker->process), "%.*s (%d)", (int)sizeof(assign->process),
             assign->process, assign->pid);
    snprintf(worker->vm, sizeof(worker->vm), "%.*s", (int)sizeof(assign->vm), assign->vm);
}

static int take_assign(struct link_loop *loop, const struct packet *packet)
{
    struct link_assign assign;
    memcpy(&assign, packet->payload, sizeof(assign));
    bool has_aperture = assign.aperture_size != 0;
    if (loop->assigned || packet->descriptor_count != (has_aperture ? 2u : 1u))
        return -EPROTO;
    int aperture = has_aperture ? packet->descriptors[0] : -1;
    int table = packet->descriptors[has_aperture ? 1 : 0];
    struct error err;
    name_process(loop->worker, &assign);
    int code = worker_memory_map(loop->worker, &assign, aperture, table, &err);
    if (code)
        log_error("worker", "%s: %s", loop->worker->process, err.text);
    loop->assigned = code == 0;
    return reply(loop, packet, code ? STATUS_NO_MEMORY : STATUS_SUCCESS, NULL, 0);
}

static struct stream **find_stream(struct link_loop *loop, uint32_t queue)
{
    struct stream **link = &loop->streams;
    while (*link && (*link)->queue != queue)
        link = &(*link)->next;
    return link;
}

static int take_open_stream(struct link_loop *loop, const struct packet *packet)
{
    struct link_open_stream args;
    struct stream_open open;
    memcpy(&args, packet->payload, sizeof(args));
    if (!loop->assigned || args.size != packet->size - sizeof(args) ||
        *find_stream(loop, args.queue))
        return -EPROTO;
    if (args.size != sizeof(open)) /* the guest chose it */
        return reply(loop, packet, STATUS_INVALID_PARAMETER, NULL, 0);
    memcpy(&open, packet->payload + sizeof(args), sizeof(open));
    struct stream *stream = NULL;
    NTSTATUS status = stream_create(loop->worker, &args, &open, &stream);
    if (stream) {
        stream->next = loop->streams;
        loop->streams = stream;
    }
    return reply(loop, packet, status, NULL, 0);
}

static int take_close_stream(struct link_loop *loop, const struct packet *packet)
{
    struct link_stream args;
    memcpy(&args, packet->payload, sizeof(args));
    struct stream *stream = *find_stream(loop, args.queue);
    if (!stream)
        return 0;      /* it was refused: the service closes it all the same */
    stream->queue = 0; /* the service may use the number again */
    stream_stop(stream);
    return 0;
}

static int take_submit(struct link_loop *loop, const struct packet *packet)
{
    struct link_stream args;
    memcpy(&args, packet->payload, sizeof(args));
    struct stream *stream = *find_stream(loop, args.queue);
    if (!stream)
        return 0; /* rung before the refusal was known */
    const uint8_t *data = packet->payload + sizeof(args);
    size_t size = packet->size - sizeof(args);
    if (size == 0)
        stream_io_wake_worker(&stream->io);
    else if (stream->messages)
        stream_messages_take(stream, data, size);
    else
        log_warning("worker",
                    "%s: a command of %zu bytes for queue 0x%x is dropped: gpupv's driver "
                    "sends its commands through shared memory",
                    loop->worker->process, size, args.queue);
    return 0;
}

static int take_escape(struct link_loop *loop, const struct packet *packet)
{
    struct link_escape args;
    memcpy(&args, packet->payload, sizeof(args));
    struct stream *stream = args.queue ? *find_stream(loop, args.queue) : NULL;
    if (!stream)
        return reply(loop, packet, STATUS_NOT_SUPPORTED, NULL, 0);
    stream_messages_poll(stream, packet->header.sequence, packet->payload + sizeof(args),
                         packet->size - sizeof(args));
    return 0;
}

static const struct {
    int (*take)(struct link_loop *loop, const struct packet *packet);
    size_t least; /* bytes of payload */
    bool more;    /* may follow */
} messages[] = {
    [LINK_ASSIGN] = {take_assign, sizeof(struct link_assign), false},
    [LINK_OPEN_STREAM] = {take_open_stream, sizeof(struct link_open_stream), true},
    [LINK_CLOSE_STREAM] = {take_close_stream, sizeof(struct link_stream), false},
    [LINK_SUBMIT] = {take_submit, sizeof(struct link_stream), true},
    [LINK_ESCAPE] = {take_escape, sizeof(struct link_escape), true},
};

static int take(struct link_loop *loop, struct packet *packet)
{
    uint32_t message = packet->header.message;
    int code = -EPROTO;
    if (message < sizeof(messages) / sizeof(messages[0]) && messages[message].take &&
        packet->size >= messages[message].least &&
        (messages[message].more || packet->size == messages[message].least))
        code = messages[message].take(loop, packet);
    close_descriptors(packet);
    return code;
}

/* --- The loop --- */

/* Frees the streams that were closed and whose threads are through. */
static void reap(struct link_loop *loop)
{
    for (struct stream **link = &loop->streams; *link;) {
        struct stream *stream = *link;
        if (stream->queue != 0 || !atomic_load(&stream->ended)) {
            link = &stream->next;
            continue;
        }
        *link = stream->next;
        stream_destroy(stream);
    }
}

static void stop_all(struct link_loop *loop)
{
    for (struct stream *stream = loop->streams; stream; stream = stream->next)
        stream_stop(stream);
    while (loop->streams) {
        struct stream *stream = loop->streams;
        loop->streams = stream->next;
        stream_destroy(stream);
    }
}

/* Waits for a packet or for the end of a stream. 1; 0 at the end of the link. */
static int serve_once(struct link_loop *loop)
{
    struct pollfd polled[] = {{.fd = loop->worker->link, .events = POLLIN},
                              {.fd = loop->worker->stream_ended, .events = POLLIN}};
    if (poll(polled, 2, -1) < 0)
        return errno == EINTR ? 1 : -errno;
    eventfd_t count;
    if (polled[1].revents)
        (void)eventfd_read(loop->worker->stream_ended, &count);
    int code = 1;
    if (polled[0].revents) {
        struct packet packet;
        code = receive(loop, &packet);
        if (code > 0) {
            code = take(loop, &packet);
            if (code == -EPROTO)
                log_error("worker", "a packet %u of %zu bytes that cannot be",
                          packet.header.message, packet.size);
            code = code ? code : 1;
        }
    }
    reap(loop);
    return code;
}

int worker_serve(struct worker *worker)
{
    struct link_loop loop = {.worker = worker, .buffer = aligned_alloc(64, LINK_MAX)};
    if (!loop.buffer)
        return -ENOMEM;
    worker->stream_ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->stream_ended < 0) {
        int failure = -errno;
        free(loop.buffer);
        return failure;
    }
    int code;
    do {
        code = serve_once(&loop);
    } while (code > 0);
    stop_all(&loop);
    close(worker->stream_ended);
    free(loop.buffer);
    return code == -EPIPE ? 0 : code;
}
