/* SPDX-License-Identifier: MIT */
/* Accepts connections on the event loop. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/service_internal.h"
#include "util/log.h"

/* So many at once, then others have their turn. */
#define ACCEPT_BATCH 16
#define RETRY_USEC (200 * 1000)

void acceptor_init(struct acceptor *acceptor, sd_event *event, void (*take)(void *, int),
                   void *context)
{
    *acceptor = (struct acceptor){.event = event, .take = take, .context = context};
    listener_init(&acceptor->listener);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *context)
{
    (void)source, (void)usec;
    struct acceptor *acceptor = context;
    sd_event_source_set_enabled(acceptor->io, SD_EVENT_ON);
    return 0;
}

/* With no descriptor or memory to be had the socket stays readable, and the loop would spin. */
static void pause_accepting(struct acceptor *acceptor)
{
    log_warning("service", "cannot accept a connection: %s; trying again", strerror(errno));
    acceptor->retry = sd_event_source_disable_unref(acceptor->retry);
    if (sd_event_add_time_relative(acceptor->event, &acceptor->retry, CLOCK_MONOTONIC, RETRY_USEC,
                                   0, on_retry, acceptor) >= 0)
        sd_event_source_set_enabled(acceptor->io, SD_EVENT_OFF);
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *context)
{
    (void)source, (void)events;
    struct acceptor *acceptor = context;
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0) {
            acceptor->take(acceptor->context, client);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(acceptor);
            break;
        } else if (errno == EAGAIN) {
            break;
        } /* else it is the trouble of that one connection */
    }
    return 0;
}

int acceptor_start(struct acceptor *acceptor, struct error *err)
{
    if (acceptor->listener.fd < 0 || acceptor->io)
        return 0;
    int result = sd_event_add_io(acceptor->event, &acceptor->io, acceptor->listener.fd, EPOLLIN,
                                 on_connection, acceptor);
    return result < 0 ? error_set(err, result, "cannot watch the socket: %s", strerror(-result))
                      : 0;
}

void acceptor_finish(struct acceptor *acceptor)
{
    acceptor->io = sd_event_source_disable_unref(acceptor->io);
    acceptor->retry = sd_event_source_disable_unref(acceptor->retry);
    listener_finish(&acceptor->listener);
}
