/* SPDX-License-Identifier: MIT */
#include "fake_host.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake_answers.h"
#include "wire/frame.h"

#define MAX_CONNECTIONS 256

struct spoil {
    enum fake_fault fault;
    NTSTATUS status;
    void *payload;
    size_t size;
};

struct seen {
    unsigned requests, asyncs;
    uint8_t *last;
    size_t last_size;
};

struct fake_host {
    char folder[64], uri[128];
    int listener;
    pthread_t acceptor;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool stopping;
    int sockets[MAX_CONNECTIONS];
    pthread_t threads[MAX_CONNECTIONS];
    unsigned connections, open;
    uint32_t last_handle;
    struct spoil spoils[WIRE_COMMAND_END];
    struct seen seen[WIRE_COMMAND_END];
    NTSTATUS hello_status;
    struct wire_hello_reply hello;
};

/* --- Sending, spoilt or not ----------------------------------------------------------------- */

static void send_bytes(int fd, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    while (size) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the peer is gone, which the next read tells */
        bytes += sent;
        size -= (size_t)sent;
    }
}

/* False when the connection shall end. */
static bool send_answer(int fd, const struct wire_header *request, struct answer *answer,
                        enum fake_fault fault)
{
    struct wire_header header = {
        .command = request->command,
        .kind = WIRE_REPLY,
        .sequence = request->sequence,
        .status = answer->status,
    };
    if (fault == FAULT_SHORT && answer->size)
        answer->size--;
    if (fault == FAULT_LONG)
        answer->payload[answer->size++] = 0;
    if (fault == FAULT_EMPTY)
        answer->size = 0;
    if (fault == FAULT_SEQUENCE)
        header.sequence++;
    if (fault == FAULT_COMMAND)
        header.command = header.command == WIRE_HELLO ? WIRE_ESCAPE : WIRE_HELLO;
    if (fault == FAULT_KIND)
        header.kind = WIRE_REQUEST, header.status = 0;
    header.size = (uint32_t)(sizeof(header) + answer->size);
    if (fault == FAULT_OVERSIZED)
        header.size = WIRE_MAX_MESSAGE + 4;
    if (fault == FAULT_GARBAGE)
        memset(&header, 0xa5, sizeof(header));
    switch (fault) {
    case FAULT_DIE:
        return false;
    case FAULT_DIE_MID_HEADER:
        send_bytes(fd, &header, sizeof(header) / 2);
        return false;
    case FAULT_DIE_MID_PAYLOAD:
        send_bytes(fd, &header, sizeof(header));
        send_bytes(fd, answer->payload, answer->size / 2);
        return false;
    case FAULT_HANG:
        return true;
    default:
        send_bytes(fd, &header, sizeof(header));
        send_bytes(fd, answer->payload, answer->size);
        return true;
    }
}

/* --- Connections ---------------------------------------------------------------------------- */

static void answer_message(struct fake_host *host, const struct wire_header *header,
                           const uint8_t *payload, struct answer *answer)
{
    if (header->command != WIRE_HELLO) {
        answer_make(header, payload, &host->last_handle, answer);
        return;
    }
    answer->status = host->hello_status;
    answer->size = 0;
    answer_put(answer, &host->hello, sizeof(host->hello));
}

static void note(struct fake_host *host, const struct wire_header *header, const uint8_t *payload)
{
    struct seen *seen = &host->seen[header->command];
    if (header->kind == WIRE_ASYNC)
        seen->asyncs++;
    else
        seen->requests++;
    free(seen->last);
    seen->last_size = frame_payload_size(header);
    seen->last = malloc(seen->last_size + 1);
    require(seen->last != NULL, "malloc");
    memcpy(seen->last, payload, seen->last_size);
    pthread_cond_broadcast(&host->changed);
}

static bool serve_message(struct fake_host *host, int fd, const struct wire_header *header,
                          const uint8_t *payload, struct answer *answer)
{
    pthread_mutex_lock(&host->lock);
    note(host, header, payload);
    enum fake_fault fault = FAULT_NONE;
    if (header->kind == WIRE_REQUEST) {
        answer_message(host, header, payload, answer);
        struct spoil *spoil = &host->spoils[header->command];
        fault = spoil->fault;
        if (fault == FAULT_REPLY) {
            answer->status = spoil->status;
            answer->size = 0;
            answer_put(answer, spoil->payload, spoil->size);
            free(spoil->payload);
        }
        *spoil = (struct spoil){0};
    }
    pthread_mutex_unlock(&host->lock);
    return header->kind != WIRE_REQUEST || send_answer(fd, header, answer, fault);
}

static void serve(struct fake_host *host, int fd)
{
    struct answer *answer = malloc(sizeof(*answer));
    require(answer != NULL, "malloc");
    struct frame_reader reader;
    frame_reader_init(&reader);
    bool alive = true;
    while (alive) {
        struct wire_header header;
        const uint8_t *payload;
        int result = frame_reader_next(&reader, &header, &payload, NULL);
        if (result == 1) {
            alive = serve_message(host, fd, &header, payload, answer);
            continue;
        }
        uint8_t *space;
        size_t size;
        if (result < 0 || frame_reader_space(&reader, &space, &size))
            break;
        ssize_t got = recv(fd, space, size, 0);
        if (got <= 0)
            break;
        frame_reader_filled(&reader, (size_t)got);
    }
    frame_reader_finish(&reader);
    free(answer);
}

struct connection {
    struct fake_host *host;
    unsigned index;
};

static void *serve_thread(void *argument)
{
    struct connection connection = *(struct connection *)argument;
    free(argument);
    struct fake_host *host = connection.host;
    int fd = host->sockets[connection.index];
    serve(host, fd);
    pthread_mutex_lock(&host->lock);
    host->sockets[connection.index] = -1;
    close(fd);
    host->open--;
    pthread_cond_broadcast(&host->changed);
    pthread_mutex_unlock(&host->lock);
    return NULL;
}

static void *accept_thread(void *argument)
{
    struct fake_host *host = argument;
    for (;;) {
        int fd = accept4(host->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return NULL;
        pthread_mutex_lock(&host->lock);
        if (host->stopping) {
            pthread_mutex_unlock(&host->lock);
            close(fd);
            return NULL;
        }
        require(host->connections < MAX_CONNECTIONS, "too many connections");
        struct connection *connection = malloc(sizeof(*connection));
        require(connection != NULL, "malloc");
        *connection = (struct connection){host, host->connections++};
        host->open++;
        host->sockets[connection->index] = fd;
        require(!pthread_create(&host->threads[connection->index], NULL, serve_thread, connection),
                "pthread_create");
        pthread_mutex_unlock(&host->lock);
    }
}

/* --- Life ----------------------------------------------------------------------------------- */

struct fake_host *fake_host_start(void)
{
    struct fake_host *host = calloc(1, sizeof(*host));
    require(host != NULL, "calloc");
    strcpy(host->folder, "/tmp/gpupv-fake-host-XXXXXX");
    require(mkdtemp(host->folder) != NULL, "mkdtemp");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof(name.sun_path), "%s/s", host->folder);
    snprintf(host->uri, sizeof(host->uri), "unix:%s", name.sun_path);
    host->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(host->listener >= 0, "socket");
    require(!bind(host->listener, (struct sockaddr *)&name, sizeof(name)), "bind");
    require(!listen(host->listener, 64), "listen");
    pthread_mutex_init(&host->lock, NULL);
    pthread_cond_init(&host->changed, NULL);
    host->last_handle = 0x70000000;
    host->hello = (struct wire_hello_reply){
        .version = 1,
        .version_min = 1,
        .version_max = 1,
        .max_message = WIRE_MAX_MESSAGE,
        .guard_mode = 2,
        .host_version = "fake",
    };
    setenv("GPUPV_HOST", host->uri, 1);
    require(!pthread_create(&host->acceptor, NULL, accept_thread, host), "pthread_create");
    return host;
}

void fake_host_hang_up(struct fake_host *host)
{
    pthread_mutex_lock(&host->lock);
    /* Others may connect while these end. */
    unsigned count = host->connections;
    for (unsigned i = 0; i < count; i++) {
        if (host->sockets[i] >= 0)
            shutdown(host->sockets[i], SHUT_RDWR);
    }
    for (unsigned i = 0; i < count; i++) {
        while (host->sockets[i] >= 0)
            pthread_cond_wait(&host->changed, &host->lock);
    }
    pthread_mutex_unlock(&host->lock);
}

void fake_host_stop(struct fake_host *host)
{
    pthread_mutex_lock(&host->lock);
    host->stopping = true;
    pthread_mutex_unlock(&host->lock);
    shutdown(host->listener, SHUT_RDWR);
    pthread_join(host->acceptor, NULL);
    fake_host_hang_up(host);
    for (unsigned i = 0; i < host->connections; i++)
        pthread_join(host->threads[i], NULL);
    close(host->listener);
    unlink(host->uri + strlen("unix:"));
    rmdir(host->folder);
    for (int i = 0; i < WIRE_COMMAND_END; i++) {
        free(host->seen[i].last);
        free(host->spoils[i].payload);
    }
    pthread_cond_destroy(&host->changed);
    pthread_mutex_destroy(&host->lock);
    free(host);
    unsetenv("GPUPV_HOST");
}

/* --- Orders and questions ------------------------------------------------------------------- */

void fake_host_spoil(struct fake_host *host, enum wire_command command, enum fake_fault fault)
{
    pthread_mutex_lock(&host->lock);
    host->spoils[command] = (struct spoil){.fault = fault};
    pthread_mutex_unlock(&host->lock);
}

void fake_host_reply_once(struct fake_host *host, enum wire_command command, NTSTATUS status,
                          const void *payload, size_t size)
{
    void *copy = malloc(size + 1);
    require(copy != NULL, "malloc");
    if (size)
        memcpy(copy, payload, size);
    pthread_mutex_lock(&host->lock);
    host->spoils[command] = (struct spoil){FAULT_REPLY, status, copy, size};
    pthread_mutex_unlock(&host->lock);
}

void fake_host_set_hello(struct fake_host *host, NTSTATUS status,
                         const struct wire_hello_reply *reply)
{
    pthread_mutex_lock(&host->lock);
    host->hello_status = status;
    host->hello = *reply;
    pthread_mutex_unlock(&host->lock);
}

unsigned fake_host_connections(struct fake_host *host)
{
    pthread_mutex_lock(&host->lock);
    unsigned count = host->connections;
    pthread_mutex_unlock(&host->lock);
    return count;
}

unsigned fake_host_open_connections(struct fake_host *host)
{
    pthread_mutex_lock(&host->lock);
    unsigned count = host->open;
    pthread_mutex_unlock(&host->lock);
    return count;
}

unsigned fake_host_requests(struct fake_host *host, enum wire_command command)
{
    pthread_mutex_lock(&host->lock);
    unsigned count = host->seen[command].requests;
    pthread_mutex_unlock(&host->lock);
    return count;
}

unsigned fake_host_asyncs(struct fake_host *host, enum wire_command command)
{
    pthread_mutex_lock(&host->lock);
    unsigned count = host->seen[command].asyncs;
    pthread_mutex_unlock(&host->lock);
    return count;
}

size_t fake_host_last(struct fake_host *host, enum wire_command command, void *payload,
                      size_t capacity)
{
    pthread_mutex_lock(&host->lock);
    const struct seen *seen = &host->seen[command];
    size_t size = seen->last_size;
    if (seen->last)
        memcpy(payload, seen->last, size < capacity ? size : capacity);
    pthread_mutex_unlock(&host->lock);
    return size;
}

void fake_host_wait_asyncs(struct fake_host *host, enum wire_command command, unsigned count)
{
    pthread_mutex_lock(&host->lock);
    while (host->seen[command].asyncs < count)
        pthread_cond_wait(&host->changed, &host->lock);
    pthread_mutex_unlock(&host->lock);
}

void fake_host_wait_open_connections(struct fake_host *host, unsigned count)
{
    pthread_mutex_lock(&host->lock);
    while (host->open != count)
        pthread_cond_wait(&host->changed, &host->lock);
    pthread_mutex_unlock(&host->lock);
}

const char *fake_host_uri(const struct fake_host *host)
{
    return host->uri;
}
