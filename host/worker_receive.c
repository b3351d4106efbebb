/* SPDX-License-Identifier: MIT */
/* What a worker says: every length, kind and sequence is checked, and a worker that breaks the
 * rules is lost. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/worker_client_internal.h"
#include "util/log.h"
#include "util/rights.h"

#define EXIT_STATUS_MS 200 /* a process that has closed its link may be about to end */

/* Each absolute and ended. */
static bool are_folders(const struct worker_folders *folders)
{
    if (folders->size > LINK_MAX_FOLDERS ||
        (folders->size && folders->text[folders->size - 1] != '\0'))
        return false;
    for (size_t at = 0; at < folders->size; at += strlen(folders->text + at) + 1) {
        if (folders->text[at] != '/')
            return false;
    }
    return true;
}

static void take_ready(struct worker_client *worker, const uint8_t *payload, size_t size,
                       int *descriptor)
{
    struct worker_folders folders = {(const char *)payload, size};
    if (worker->ready || !are_folders(&folders)) {
        worker_client_lose(worker, "it broke the link's rules: %s",
                           worker->ready ? "ready twice" : "ready with what are no folders");
        return;
    }
    worker->ready = true;
    if (*descriptor >= 0) {
        int result = worker_watch_create(worker->event, *descriptor, worker->pid, worker->config,
                                         &folders, worker_client_stopped, worker, &worker->watch);
        *descriptor = -1;
        if (result) {
            worker_client_lose(worker, "cannot watch over its sandbox: %s", strerror(-result));
            return;
        }
    } else if (worker->config->worker_sandbox) {
        if (!*worker->told_unwatched)
            log_warning("worker", "this kernel does not tell what a sandboxed worker tries to do: "
                                  "drivers cannot open files, and a worker that does what it may "
                                  "not is killed without a word");
        *worker->told_unwatched = true;
    }
    uint64_t deadline = worker_client_now() + worker->timing.answer_ms * 1000ull;
    for (struct worker_request *at = worker->requests; at; at = at->next)
        at->deadline = deadline;
    worker_client_arm(worker, worker_client_deadline(worker));
    log_debug("worker", "%s is ready", worker->name);
    worker_client_send(worker);
    worker->events->ready(worker->owner, worker);
}

static void take_reply(struct worker_client *worker, uint32_t sequence, const uint8_t *payload,
                       size_t size)
{
    struct link_reply reply;
    struct worker_request **at = &worker->requests;
    while (*at && (*at)->sequence != sequence)
        at = &(*at)->next;
    struct worker_request *request = *at;
    if (!request || size < sizeof(reply)) {
        worker_client_lose(worker, "it broke the link's rules: %s",
                           request ? "a reply that is too short" : "a reply that nobody waits for");
        return;
    }
    *at = request->next;
    if (!*at)
        worker->last_request = at;
    worker_client_arm(worker, worker_client_deadline(worker));
    struct host_completion completion = request->completion;
    free(request);
    memcpy(&reply, payload, sizeof(reply));
    /* It would stand for a reply that is still to come. */
    NTSTATUS status = reply.status == STATUS_PENDING ? STATUS_UNSUCCESSFUL : reply.status;
    if (completion.done)
        completion.done(completion.data, status, payload + sizeof(reply),
                        (uint32_t)(size - sizeof(reply)));
}

static void take_stream_lost(struct worker_client *worker, const uint8_t *payload, size_t size)
{
    struct link_stream_lost lost;
    char why[512];
    memcpy(&lost, payload, sizeof(lost));
    size_t length = size - sizeof(lost) < sizeof(why) - 1 ? size - sizeof(lost) : sizeof(why) - 1;
    memcpy(why, payload + sizeof(lost), length);
    why[length] = '\0';
    worker_log_clean(why, strlen(why));
    /* The worker has written a line of its own, which is heard also when it is ended now. */
    if (worker_log_may_write(&worker->log))
        log_debug("worker", "%s: the stream 0x%08x is lost: %s", worker->name, lost.queue, why);
    worker->events->stream_lost(worker->owner, lost.queue, lost.reason, why);
}

static void take_export(struct worker_client *worker, const uint8_t *payload, int *descriptor)
{
    struct link_exported exported;
    memcpy(&exported, payload, sizeof(exported));
    int file = *descriptor;
    *descriptor = -1;
    if (worker->events->exported)
        file = worker->events->exported(worker->owner, exported.allocation, exported.offset, file)
                   ? -1
                   : -2;
    if (file >= 0)
        close(file);
    if (file != -1)
        worker_client_lose(worker, "it broke the link's rules: memory that nobody waits for");
}

static void take_message(struct worker_client *worker, const uint8_t *data, size_t size,
                         int *descriptor)
{
    struct link_header header;
    struct link_signal_event signal_event;
    if (size < sizeof(header)) {
        worker_client_lose(worker, "it broke the link's rules: a message of %zu bytes", size);
        return;
    }
    memcpy(&header, data, sizeof(header));
    data += sizeof(header);
    size -= sizeof(header);
    if (!worker->ready && header.message != LINK_READY) {
        worker_client_lose(worker, "it broke the link's rules: the message %u before it was ready",
                           header.message);
    } else if (header.message == LINK_READY) {
        take_ready(worker, data, size, descriptor);
    } else if (header.message == LINK_REPLY) {
        take_reply(worker, header.sequence, data, size);
    } else if (header.message == LINK_SIGNAL_EVENT && size == sizeof(signal_event)) {
        memcpy(&signal_event, data, sizeof(signal_event));
        worker->events->signal_event(worker->owner, signal_event.event);
    } else if (header.message == LINK_EXPORTED && size == sizeof(struct link_exported) &&
               *descriptor >= 0) {
        take_export(worker, data, descriptor);
    } else if (header.message == LINK_STREAM_LOST && size >= sizeof(struct link_stream_lost)) {
        take_stream_lost(worker, data, size);
    } else {
        worker_client_lose(worker, "it broke the link's rules: the message %u with %zu bytes",
                           header.message, size);
    }
}

/* How the process ended is known in a moment. */
static void take_end(struct worker_client *worker)
{
    worker->io = sd_event_source_disable_unref(worker->io);
    worker_client_arm(worker, worker_client_now() + EXIT_STATUS_MS * 1000ull);
}

/* Where messages are received: of the thread that runs the loop. */
static _Thread_local uint8_t buffer[LINK_MAX];

bool worker_client_receive(struct worker_client *worker)
{
    union rights_control control;
    struct iovec data = {buffer, sizeof(buffer)};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    rights_expect(&message, &control, 4);
    ssize_t got = recvmsg(worker->link, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0) { /* the end, also an empty packet: a worker that sends one has ended itself */
        take_end(worker);
        return false;
    }
    int descriptor = -1;
    size_t count = 0;
    rights_take(&message, &descriptor, 1, &count);
    if (message.msg_flags & MSG_TRUNC)
        worker_client_lose(worker, "it broke the link's rules: a message that is too long");
    else
        take_message(worker, buffer, (size_t)got, &descriptor);
    if (descriptor >= 0)
        close(descriptor);
    return true;
}
