/* SPDX-License-Identifier: MIT */
/*
 * The administrators' socket: one line of JSON in, one line out, then it is closed. Only root and
 * the service's own user are answered; its mode keeps others out before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/service_internal.h"
#include "util/log.h"

#define MAX_QUESTION 4096
#define MAX_CLIENTS 16
#define DEADLINE_USEC (10 * 1000000ull)

struct control_client {
    struct control_client *next, *previous;
    struct service *service;
    int fd;
    char question[MAX_QUESTION];
    size_t question_size;
    char *answer; /* NULL while the question is read */
    size_t answer_size, answer_used;
    sd_event_source *io, *deadline;
};

static void client_destroy(struct control_client *client)
{
    struct service *service = client->service;
    if (client->next)
        client->next->previous = client->previous;
    if (client->previous)
        client->previous->next = client->next;
    else
        service->control_clients = client->next;
    service->control_count--;
    sd_event_source_disable_unref(client->io);
    sd_event_source_disable_unref(client->deadline);
    close(client->fd);
    free(client->answer);
    free(client);
}

void control_destroy_all(struct service *service)
{
    while (service->control_clients)
        client_destroy(service->control_clients);
}

/* True when the connection is over. */
static bool write_answer(struct control_client *client)
{
    while (client->answer_used < client->answer_size) {
        ssize_t sent = send(client->fd, client->answer + client->answer_used,
                            client->answer_size - client->answer_used, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            return sd_event_source_set_io_events(client->io, EPOLLOUT) < 0;
        if (sent < 0)
            return true;
        client->answer_used += (size_t)sent;
    }
    return true;
}

static bool read_question(struct control_client *client)
{
    size_t room = sizeof(client->question) - client->question_size;
    ssize_t got = recv(client->fd, client->question + client->question_size, room, MSG_DONTWAIT);
    if (got < 0)
        return errno != EAGAIN && errno != EINTR;
    client->question_size += (size_t)got;
    const char *end = memchr(client->question, '\n', client->question_size);
    if (!end && got && client->question_size < sizeof(client->question))
        return false;
    /* A line that is too long, or not ended, is no question; the answer says so. */
    size_t length = end ? (size_t)(end - client->question) : client->question_size;
    if (!got && !length)
        return true;
    client->answer = control_answer(client->service, client->question, length);
    if (!client->answer)
        return true;
    client->answer_size = strlen(client->answer);
    return write_answer(client);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *context)
{
    (void)source, (void)fd;
    struct control_client *client = context;
    bool over =
        revents & EPOLLERR || (client->answer ? write_answer(client) : read_question(client));
    if (over)
        client_destroy(client);
    return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *context)
{
    (void)source, (void)usec;
    client_destroy(context);
    return 0;
}

static bool is_allowed(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return false;
    if (peer.uid == 0 || peer.uid == geteuid())
        return true;
    log_warning("service", "process %d of user %u may not use the control socket", (int)peer.pid,
                (unsigned)peer.uid);
    return false;
}

void control_take(void *context, int fd)
{
    struct service *service = context;
    struct control_client *client = NULL;
    if (service->control_count < MAX_CLIENTS && is_allowed(fd))
        client = calloc(1, sizeof(*client));
    if (!client) {
        close(fd);
        return;
    }
    client->service = service;
    client->fd = fd;
    client->next = service->control_clients;
    if (client->next)
        client->next->previous = client;
    service->control_clients = client;
    service->control_count++;
    if (sd_event_add_io(service->event, &client->io, fd, EPOLLIN, on_io, client) < 0 ||
        sd_event_add_time_relative(service->event, &client->deadline, CLOCK_MONOTONIC,
                                   DEADLINE_USEC, 0, on_deadline, client) < 0)
        client_destroy(client);
}
