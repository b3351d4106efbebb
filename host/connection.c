/* SPDX-License-Identifier: MIT */
/*
 * A guest process' stream. The guest is not trusted, and owes the service nothing:
 *   - until it has said hello it may wait 10 s, and no longer;
 *   - while a reply is under way, or the driver owes one, nothing more is read from it, so that a
 *     guest that never reads costs one reply;
 *   - descriptors that come are kept for the messages that carry them, a few at a time;
 *   - after a number of messages in one go the other guests have their turn;
 *   - what breaks the protocol ends its stream, and no other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/descriptors.h"
#include "host/request.h"
#include "host/service_internal.h"
#include "util/log.h"

#define HELLO_DEADLINE_USEC (10 * 1000000ull)
#define MESSAGES_AT_ONCE 32

struct connection {
    struct connection *next, *previous;
    struct service *service;
    struct vm *vm;
    int fd;
    pid_t pid;     /* SO_PEERCRED; 0 if unknown */
    bool refused;  /* the service or the VM is full: hello is answered with that */
    bool closing;  /* to be closed when the reply is out */
    bool buffered; /* whole messages may wait in the reader */
    bool awaiting; /* the driver owes the answer to `asked` */
    struct wire_header asked;
    struct frame_reader reader;
    struct descriptor_list descriptors;
    struct process *process; /* NULL before the hello */
    uint8_t *unsent;         /* the rest of a reply */
    size_t unsent_size, unsent_used;
    int unsent_descriptor; /* that goes with its first byte, or -1: the process', or … */
    bool unsent_owned;     /* … closed when it has gone */
    sd_event_source *io, *more, *deadline;
};

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *context);
static int on_more(sd_event_source *source, void *context);
static int on_deadline(sd_event_source *source, uint64_t usec, void *context);

/* --- Life --- */

static pid_t peer_pid(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

static void link_connection(struct connection *connection)
{
    struct service *service = connection->service;
    connection->next = service->connections;
    if (service->connections)
        service->connections->previous = connection;
    service->connections = connection;
    if (connection->refused) {
        service->refused_count++;
    } else {
        service->client_count++;
        connection->vm->clients++;
    }
}

static void unlink_connection(struct connection *connection)
{
    struct service *service = connection->service;
    if (connection->next)
        connection->next->previous = connection->previous;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        service->connections = connection->next;
    if (connection->refused) {
        service->refused_count--;
    } else {
        service->client_count--;
        connection->vm->clients--;
    }
}

static void close_unsent(struct connection *connection)
{
    if (connection->unsent_owned)
        close(connection->unsent_descriptor);
    connection->unsent_owned = false;
    connection->unsent_descriptor = -1;
}

static void connection_destroy(struct connection *connection)
{
    struct service *service = connection->service;
    close_unsent(connection);
    unlink_connection(connection);
    sd_event_source_disable_unref(connection->io);
    sd_event_source_disable_unref(connection->more);
    sd_event_source_disable_unref(connection->deadline);
    close(connection->fd);
    process_destroy(connection->process);
    descriptor_list_close(&connection->descriptors);
    vm_unref(connection->vm);
    frame_reader_finish(&connection->reader);
    free(connection->unsent);
    free(connection);
    if (service->options.embedded_fd >= 0)
        sd_event_exit(service->event, 0);
}

void connection_destroy_all(struct service *service)
{
    while (service->connections)
        connection_destroy(service->connections);
}

static int add_sources(struct connection *connection)
{
    sd_event *event = connection->service->event;
    int result =
        sd_event_add_io(event, &connection->io, connection->fd, EPOLLIN, on_io, connection);
    if (result >= 0)
        result = sd_event_add_defer(event, &connection->more, on_more, connection);
    if (result >= 0)
        result = sd_event_source_set_enabled(connection->more, SD_EVENT_OFF);
    if (result >= 0)
        result = sd_event_add_time_relative(event, &connection->deadline, CLOCK_MONOTONIC,
                                            HELLO_DEADLINE_USEC, 0, on_deadline, connection);
    return result;
}

void port_take(void *context, int fd)
{
    struct port *port = context;
    connection_take(port->service, port->vm, fd);
}

void connection_take(struct service *service, struct vm *vm, int fd)
{
    bool full = service->client_count >= service->core.state->config->max_clients ||
                vm->clients >= vm->settings->max_clients;
    struct connection *connection = NULL;
    if (!full || service->refused_count < SERVICE_MAX_REFUSED)
        connection = calloc(1, sizeof(*connection));
    if (!connection) {
        close(fd);
        return;
    }
    *connection = (struct connection){.service = service,
                                      .vm = vm_ref(vm),
                                      .fd = fd,
                                      .pid = peer_pid(fd),
                                      .refused = full,
                                      .unsent_descriptor = -1};
    frame_reader_init(&connection->reader);
    link_connection(connection);
    int result = add_sources(connection);
    if (result < 0) {
        log_error("service", "cannot serve a connection: %s", strerror(-result));
        connection_destroy(connection);
    }
}

const struct process *connection_next_process(const struct service *service,
                                              const struct process *after)
{
    const struct connection *at = service->connections;
    if (after) {
        while (at && at->process != after)
            at = at->next;
        at = at ? at->next : NULL;
    }
    while (at && !at->process)
        at = at->next;
    return at ? at->process : NULL;
}

/* --- Out --- */

/* 1 when all is out, 0 when the rest must wait, negative when the peer is gone. */
static int send_some(int fd, const uint8_t *data, size_t size, size_t *used, int descriptor)
{
    while (*used < size) {
        ssize_t sent = descriptor_send(fd, data + *used, size - *used, *used ? -1 : descriptor);
        if (sent >= 0)
            *used += (size_t)sent;
        else if (errno == EAGAIN)
            return 0;
        else if (errno != EINTR)
            return -errno;
    }
    return 1;
}

/* The reply's payload lies in the scratch buffer already, behind the place of its header. An
 * `owned` descriptor is closed when it has gone. */
static int send_reply(struct connection *connection, const struct wire_header *request,
                      NTSTATUS status, size_t payload_size, int descriptor, bool owned)
{
    uint8_t *scratch = connection->service->scratch.bytes;
    struct wire_header header = {
        .size = (uint32_t)(sizeof(header) + payload_size),
        .command = request->command,
        .kind = WIRE_REPLY,
        .sequence = request->sequence,
        .status = status,
    };
    memcpy(scratch, &header, sizeof(header));
    size_t used = 0;
    int result = send_some(connection->fd, scratch, header.size, &used, descriptor);
    connection->unsent_descriptor = descriptor;
    connection->unsent_owned = owned;
    if (result || used)
        close_unsent(connection);
    if (result)
        return result < 0 ? result : 0;
    connection->unsent_size = header.size - used;
    connection->unsent_used = 0;
    connection->unsent = malloc(connection->unsent_size);
    if (!connection->unsent)
        return -ENOMEM;
    memcpy(connection->unsent, scratch + used, connection->unsent_size);
    return 0;
}

static int send_rest(struct connection *connection)
{
    int result = send_some(connection->fd, connection->unsent, connection->unsent_size,
                           &connection->unsent_used, connection->unsent_descriptor);
    if (connection->unsent_used)
        close_unsent(connection);
    if (result > 0) {
        free(connection->unsent);
        connection->unsent = NULL;
    }
    return result < 0 ? result : 0;
}

/* The driver has answered, maybe while something else is being served: the reply is sent from the
 * loop. */
static void on_answered(void *context, NTSTATUS status, const void *head, size_t head_size,
                        const void *payload, size_t size)
{
    struct connection *connection = context;
    if (!connection->awaiting)
        return;
    connection->awaiting = false;
    struct wire_header header = {
        .size = (uint32_t)(sizeof(header) + head_size + size),
        .command = connection->asked.command,
        .kind = WIRE_REPLY,
        .sequence = connection->asked.sequence,
        .status = status,
    };
    uint8_t *message = malloc(header.size);
    if (message) {
        memcpy(message, &header, sizeof(header));
        if (head_size)
            memcpy(message + sizeof(header), head, head_size);
        if (size)
            memcpy(message + sizeof(header) + head_size, payload, size);
        connection->unsent = message;
        connection->unsent_size = header.size;
        connection->unsent_used = 0;
        connection->unsent_descriptor = -1;
    } else {
        connection->closing = true;
    }
    sd_event_source_set_enabled(connection->more, SD_EVENT_ON);
}

/* --- Messages --- */

static NTSTATUS greet(struct connection *connection, const struct wire_hello_request *hello,
                      struct wire_hello_reply *reply)
{
    if (hello->version_min > WIRE_VERSION_MAX || hello->version_max < WIRE_VERSION_MIN ||
        hello->version_min > hello->version_max)
        return STATUS_REVISION_MISMATCH;
    if (hello->guest_flags)
        return STATUS_INVALID_PARAMETER;
    if (connection->refused)
        return STATUS_INSUFFICIENT_RESOURCES;
    pid_t pid = connection->pid ? connection->pid : (pid_t)hello->pid;
    NTSTATUS status = process_create(connection->vm, pid, hello->process_name,
                                     sizeof(hello->process_name), &connection->process);
    if (NT_SUCCESS(status)) {
        reply->version =
            hello->version_max < WIRE_VERSION_MAX ? hello->version_max : (uint16_t)WIRE_VERSION_MAX;
        connection->process->version = reply->version;
        connection->process->descriptors = descriptors_pass(connection->fd);
        connection->process->answered = on_answered;
        connection->process->answered_context = connection;
    }
    return status;
}

/* The first message. A refusal is told, and ends the stream. */
static int take_hello(struct connection *connection, const struct wire_header *header,
                      const uint8_t *payload, struct error *err)
{
    struct wire_hello_request hello;
    if (header->command != WIRE_HELLO || header->kind != WIRE_REQUEST)
        return error_set(err, -EPROTO, "the first message is not hello");
    if (frame_payload_size(header) != sizeof(hello))
        return error_set(err, -EPROTO, "hello has %zu bytes, not %zu", frame_payload_size(header),
                         sizeof(hello));
    memcpy(&hello, payload, sizeof(hello));
    if (hello.magic != WIRE_MAGIC)
        return error_set(err, -EPROTO, "hello does not carry gpupv's number");

    struct wire_hello_reply reply = {
        .version_min = WIRE_VERSION_MIN,
        .version_max = WIRE_VERSION_MAX,
        .max_message = WIRE_MAX_MESSAGE,
        .guard_mode = connection->service->core.state->config->guard,
    };
    memcpy(reply.host_version, GPUPV_VERSION, sizeof(GPUPV_VERSION));
    NTSTATUS status = greet(connection, &hello, &reply);
    connection->deadline = sd_event_source_disable_unref(connection->deadline);
    if (!NT_SUCCESS(status)) {
        connection->closing = true;
        log_warning("service",
                    "process %d of the VM %s is refused with status 0x%08x: it speaks versions %u "
                    "to %u of the protocol, this service %u to %u%s",
                    (int)connection->pid, connection->vm->name, (uint32_t)status, hello.version_min,
                    hello.version_max, WIRE_VERSION_MIN, WIRE_VERSION_MAX,
                    connection->refused ? "; max-clients is reached" : "");
    }
    memcpy(connection->service->scratch.bytes + sizeof(*header), &reply, sizeof(reply));
    return send_reply(connection, header, status, sizeof(reply), -1, false);
}

static int take_request(struct connection *connection, const struct wire_header *header,
                        const uint8_t *payload, struct error *err)
{
    struct request request = {
        .process = connection->process,
        .payload = wire_cursor_make(payload, frame_payload_size(header)),
        .reply = connection->service->scratch.bytes + sizeof(*header),
        .descriptors = &connection->descriptors,
    };
    NTSTATUS status;
    int result = request_dispatch(header, &request, &status, err);
    if (result || header->kind == WIRE_ASYNC)
        return result;
    if (status == STATUS_PENDING && connection->process->pending.finish) {
        connection->awaiting = true;
        connection->asked = *header;
        return 0;
    }
    return send_reply(connection, header, status, request.reply_size, request.reply_descriptor,
                      request.reply_descriptor_owned);
}

static void log_broken(const struct connection *connection, const struct error *err)
{
    log_warning("service", "process %d%s%s%s broke the protocol and is disconnected: %s",
                (int)connection->pid, connection->process ? " (" : "",
                connection->process ? connection->process->name : "",
                connection->process ? ")" : "", err->text);
}

static bool must_wait(const struct connection *connection)
{
    return connection->unsent || connection->awaiting || connection->closing;
}

/* Answers messages until none is whole, a reply must wait, or others should have a turn. */
static int take_messages(struct connection *connection)
{
    for (int i = 0; i < MESSAGES_AT_ONCE && !must_wait(connection); i++) {
        struct wire_header header;
        const uint8_t *payload;
        struct error err = {{0}};
        int result = frame_reader_next(&connection->reader, &header, &payload, &err);
        connection->buffered = result > 0;
        if (result == 0)
            return 0;
        if (result > 0)
            result = connection->process ? take_request(connection, &header, payload, &err)
                                         : take_hello(connection, &header, payload, &err);
        if (result == -EPROTO)
            log_broken(connection, &err);
        if (result < 0)
            return result;
    }
    return 0;
}

/* --- In --- */

static int read_some(struct connection *connection)
{
    uint8_t *space;
    size_t size;
    int result = frame_reader_space(&connection->reader, &space, &size);
    if (result)
        return result;
    /* Before hello, and in older versions, no message carries a descriptor. */
    bool known = connection->process && connection->process->version >= 3;
    ssize_t got = descriptor_list_receive(known ? &connection->descriptors : NULL, connection->fd,
                                          space, size);
    if (got == -EPROTO)
        log_warning("service", "process %d sent more than %d descriptors that nothing asks for",
                    (int)connection->pid, MAX_DESCRIPTORS);
    if (got < 0)
        return got == -EAGAIN || got == -EINTR ? 0 : (int)got;
    if (got == 0)
        return -ECONNRESET;
    frame_reader_filled(&connection->reader, (size_t)got);
    connection->buffered = true;
    return 0;
}

/* What to wait for next. A hang-up is always told. */
static int arm(struct connection *connection)
{
    bool more = connection->buffered && !must_wait(connection);
    uint32_t events = connection->unsent ? EPOLLOUT : more || connection->awaiting ? 0 : EPOLLIN;
    int result = sd_event_source_set_io_events(connection->io, events);
    if (result >= 0)
        result = sd_event_source_set_enabled(connection->more, more ? SD_EVENT_ON : SD_EVENT_OFF);
    return result;
}

/* Goes on after something has happened; ends the connection when that failed or was the last. */
static void proceed(struct connection *connection, int result)
{
    if (result >= 0)
        result = take_messages(connection);
    if (result >= 0 && connection->closing && !connection->unsent)
        result = -ECONNRESET;
    if (result >= 0)
        result = arm(connection);
    if (result < 0 && result != -ECONNRESET && result != -EPIPE && result != -EPROTO)
        log_error("service", "process %d is disconnected: %s", (int)connection->pid,
                  strerror(-result));
    if (result < 0)
        connection_destroy(connection);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *context)
{
    (void)source, (void)fd;
    struct connection *connection = context;
    int result = 0;
    if (revents & (EPOLLERR | EPOLLHUP))
        result = -ECONNRESET; /* nobody is left to read an answer; what it had open goes */
    else if (connection->unsent)
        result = send_rest(connection);
    else if (revents & EPOLLIN)
        result = read_some(connection);
    proceed(connection, result);
    return 0;
}

static int on_more(sd_event_source *source, void *context)
{
    (void)source;
    proceed(context, 0);
    return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *context)
{
    (void)source, (void)usec;
    struct connection *connection = context;
    log_warning("service", "process %d connected and said nothing for %d s; disconnected",
                (int)connection->pid, (int)(HELLO_DEADLINE_USEC / 1000000));
    connection_destroy(connection);
    return 0;
}
