/* SPDX-License-Identifier: MIT */
#include "host/worker_client_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/program.h"
#include "util/log.h"

#define LINK_BUFFER (512 * 1024)
#define MESSAGES_AT_ONCE 32

uint64_t worker_client_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

bool worker_client_is_ready(const struct worker_client *worker)
{
    return worker->ready && !worker_client_is_lost(worker);
}

bool worker_client_is_lost(const struct worker_client *worker)
{
    return worker->lost || !worker->io;
}

pid_t worker_client_pid(const struct worker_client *worker)
{
    return worker->pid;
}

/* --- Loss --- */

/* What it has started has its process group. */
static void kill_group(const struct worker_client *worker)
{
    if (worker->reaped)
        return;
    kill(-worker->pid, SIGKILL);
    kill(worker->pid, SIGKILL);
}

static void fail_requests(struct worker_client *worker)
{
    while (worker->requests) {
        struct worker_request *request = worker->requests;
        worker->requests = request->next;
        if (request->completion.done)
            request->completion.done(request->completion.data, STATUS_DEVICE_REMOVED, NULL, 0);
        free(request);
    }
    worker->last_request = &worker->requests;
}

/* Closes what the worker could still be heard on. */
static void disconnect(struct worker_client *worker)
{
    worker->io = sd_event_source_disable_unref(worker->io);
    worker->timer = sd_event_source_disable_unref(worker->timer);
    worker_packets_finish(&worker->packets);
    if (worker->link >= 0)
        close(worker->link);
    worker->link = -1;
}

static void free_worker(struct worker_client *worker)
{
    disconnect(worker);
    while (worker->requests) {
        struct worker_request *request = worker->requests;
        worker->requests = request->next;
        free(request);
    }
    worker->exit = sd_event_source_disable_unref(worker->exit);
    worker->report = sd_event_source_disable_unref(worker->report);
    worker_watch_destroy(worker->watch);
    worker_log_finish(&worker->log);
    if (worker->pidfd >= 0)
        close(worker->pidfd);
    config_unref(worker->config);
    free(worker);
}

/* Nobody's any more, and ended. */
static void finish_reaped(struct worker_client *worker)
{
    void (*reaped)(void *) = worker->on_reaped;
    void *context = worker->reaped_context;
    free_worker(worker);
    if (reaped)
        reaped(context);
}

static int on_report(sd_event_source *source, void *context)
{
    (void)source;
    struct worker_client *worker = context;
    if (!worker->events) {
        if (worker->reaped)
            finish_reaped(worker);
        return 0;
    }
    log_error("worker", "%s is lost: %s", worker->name, worker->why);
    fail_requests(worker);
    if (worker->events) /* a completion may have ended it */
        worker->events->lost(worker->owner, worker, worker->why);
    return 0;
}

/* The first reason stands. The owner hears of it from the loop. */
void worker_client_lose(struct worker_client *worker, const char *format, ...)
{
    if (worker->lost)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(worker->why, sizeof(worker->why), format, args);
    va_end(args);
    worker->lost = true;
    kill_group(worker);
    disconnect(worker);
    sd_event_source_set_enabled(worker->report, SD_EVENT_ONESHOT);
}

void worker_client_stopped(void *context, const char *what)
{
    worker_client_lose(context, "stopped by its sandbox: %s", what);
}

/* --- The end of the process --- */

static void describe_end(const siginfo_t *info, char *text, size_t size)
{
    if (info->si_code == CLD_EXITED)
        snprintf(text, size, "it ended with exit status %d", info->si_status);
    else if (info->si_status == SIGSYS)
        snprintf(text, size, "stopped by its sandbox: it made a system call that it may not make");
    else
        snprintf(text, size, "it crashed (signal %d, %s)", info->si_status,
                 strsignal(info->si_status));
}

/* False while it lives. */
static bool reap(struct worker_client *worker, siginfo_t *info)
{
    *info = (siginfo_t){0};
    if (worker->reaped)
        return true;
    int code;
    do
        code = waitid(P_PID, (id_t)worker->pid, info, WEXITED | WNOHANG);
    while (code < 0 && errno == EINTR);
    /* ECHILD: somebody ignores SIGCHLD, and how it ended cannot be known. */
    worker->reaped = code < 0 || info->si_pid == worker->pid;
    return worker->reaped;
}

static int on_exit_event(sd_event_source *source, int fd, uint32_t events, void *context)
{
    (void)source, (void)fd, (void)events;
    struct worker_client *worker = context;
    siginfo_t info;
    kill(-worker->pid, SIGKILL); /* before its number is free: what is left of its group */
    if (!reap(worker, &info))
        return 0;
    worker->exit = sd_event_source_disable_unref(worker->exit);
    worker_log_finish(&worker->log);
    if (!worker->events) {
        finish_reaped(worker);
        return 0;
    }
    char how[128];
    describe_end(&info, how, sizeof(how));
    worker_client_lose(worker, "%s%s", how, worker->ready ? "" : " before it was ready");
    return 0;
}

/* --- Deadlines --- */

uint64_t worker_client_deadline(const struct worker_client *worker)
{
    return worker->requests ? worker->requests->deadline : UINT64_MAX;
}

void worker_client_arm(struct worker_client *worker, uint64_t usec)
{
    if (usec == UINT64_MAX) {
        sd_event_source_set_enabled(worker->timer, SD_EVENT_OFF);
        return;
    }
    sd_event_source_set_time(worker->timer, usec);
    sd_event_source_set_enabled(worker->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
    (void)source, (void)usec;
    struct worker_client *worker = context;
    if (!worker->events) /* ending: the time that it was given is over */
        kill_group(worker);
    else if (!worker->io)
        worker_client_lose(worker, "it closed its link");
    else if (!worker->ready)
        worker_client_lose(worker, "it was not ready within %u ms", worker->timing.start_ms);
    else if (worker_client_now() >= worker_client_deadline(worker))
        worker_client_lose(worker, "it did not answer within %u ms", worker->timing.answer_ms);
    else
        worker_client_arm(worker, worker_client_deadline(worker));
    return 0;
}

/* --- Out --- */

void worker_client_send(struct worker_client *worker)
{
    if (!worker->ready || worker->lost || !worker->io)
        return;
    int result = worker_packets_send(&worker->packets, worker->link);
    /* A broken link is read to its end, and how the process ended is told. */
    uint32_t events = EPOLLIN | (worker->packets.first && !result ? EPOLLOUT : 0);
    sd_event_source_set_io_events(worker->io, events);
}

static struct worker_request *add_request(struct worker_client *worker,
                                          const struct host_completion *completion)
{
    struct worker_request *request = calloc(1, sizeof(*request));
    if (!request)
        return NULL;
    request->sequence = ++worker->sequence ? worker->sequence : ++worker->sequence;
    request->deadline = worker_client_now() + worker->timing.answer_ms * 1000ull;
    request->completion = *completion;
    *worker->last_request = request;
    worker->last_request = &request->next;
    if (worker->ready && worker->requests == request)
        worker_client_arm(worker, request->deadline);
    return request;
}

static void remove_newest(struct worker_client *worker, struct worker_request *request)
{
    struct worker_request **at = &worker->requests;
    while (*at != request)
        at = &(*at)->next;
    *at = NULL;
    worker->last_request = at;
    free(request);
}

int worker_client_ask(struct worker_client *worker, const struct worker_message *message,
                      const struct host_completion *completion, struct worker_request **request)
{
    struct worker_message numbered = *message;
    *request = NULL;
    if (worker_client_is_lost(worker))
        return -EPIPE;
    if (!completion->done && !message->descriptor_count &&
        worker_packets_have(&worker->packets, message))
        return 0;
    if (completion->done) {
        *request = add_request(worker, completion);
        if (!*request)
            return -ENOMEM;
        numbered.header.sequence = (*request)->sequence;
    }
    int result = worker_packets_add(&worker->packets, &numbered);
    if (result && *request) {
        remove_newest(worker, *request);
        *request = NULL;
    }
    if (!result)
        worker_client_send(worker);
    return result;
}

void worker_client_forget(struct worker_request *request)
{
    request->completion.done = NULL;
}

/* --- In: worker_receive.c --- */

/* A callback may have ended it: `io` is gone then. */
static void receive_some(struct worker_client *worker, int most)
{
    for (int i = 0; i < most && worker->io && !worker->lost; i++) {
        if (!worker_client_receive(worker))
            break;
    }
}

static int on_link(sd_event_source *source, int fd, uint32_t events, void *context)
{
    (void)source, (void)fd;
    struct worker_client *worker = context;
    if (events & EPOLLOUT)
        worker_client_send(worker);
    receive_some(worker, MESSAGES_AT_ONCE);
    return 0;
}

/* More than a link holds: what was said before the question is among it. */
void worker_client_hear(struct worker_client *worker)
{
    receive_some(worker, 1024);
}

/* --- Life --- */

static int add_sources(struct worker_client *worker)
{
    int result =
        sd_event_add_io(worker->event, &worker->io, worker->link, EPOLLIN, on_link, worker);
    if (result >= 0)
        result = sd_event_add_io(worker->event, &worker->exit, worker->pidfd, EPOLLIN,
                                 on_exit_event, worker);
    /* What the worker has said before it ended comes first. */
    if (result >= 0)
        result = sd_event_source_set_priority(worker->exit, SD_EVENT_PRIORITY_NORMAL + 1);
    if (result >= 0)
        result = sd_event_add_time_relative(worker->event, &worker->timer, CLOCK_MONOTONIC,
                                            worker->timing.start_ms * 1000ull, 0, on_timer, worker);
    if (result >= 0)
        result = sd_event_add_defer(worker->event, &worker->report, on_report, worker);
    if (result >= 0)
        result = sd_event_source_set_enabled(worker->report, SD_EVENT_OFF);
    return result < 0 ? result : 0;
}

struct ends {
    int link[2], log[2]; /* ours, and the worker's */
};

static int open_ends(struct ends *ends)
{
    int size = LINK_BUFFER;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends->link) < 0)
        return -errno;
    for (int i = 0; i < 2; i++)
        setsockopt(ends->link[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (pipe2(ends->log, O_CLOEXEC) == 0)
        return 0;
    int result = -errno;
    close(ends->link[0]);
    close(ends->link[1]);
    return result;
}

static int start_process(struct worker_client *worker, const struct worker_start *start,
                         const struct ends *ends)
{
    /* The link last: the other one may have its number. */
    struct program_file files[] = {
        {ends->log[1], STDOUT_FILENO}, {ends->log[1], STDERR_FILENO}, {ends->link[1], LINK_FD}};
    int result =
        program_start(start->path, start->arguments, start->environment, files, 3, &worker->pid);
    if (result) {
        worker->reaped = true;
        return result;
    }
    worker->pidfd = pidfd_open(worker->pid, 0);
    return worker->pidfd < 0 ? -errno : 0;
}

int worker_client_start(const struct worker_start *start, const struct worker_events *events,
                        void *owner, struct worker_client **made, struct error *err)
{
    struct ends ends;
    struct worker_client *worker = calloc(1, sizeof(*worker));
    if (!worker)
        return error_set(err, -ENOMEM, "out of memory");
    *worker = (struct worker_client){
        .event = start->event,
        .events = events,
        .owner = owner,
        .pidfd = -1,
        .link = -1,
        .timing = start->timing,
        .config = config_ref(start->config),
        .told_unwatched = start->told_unwatched,
        .log = {.fd = -1},
        .last_request = &worker->requests,
    };
    int result = open_ends(&ends);
    if (result) {
        config_unref(worker->config);
        free(worker);
        return error_set(err, result, "cannot make a worker's link: %s", strerror(-result));
    }
    result = start_process(worker, start, &ends);
    close(ends.link[1]);
    close(ends.log[1]);
    worker->link = ends.link[0];
    int log_result = worker_log_init(&worker->log, worker->event, ends.log[0], worker->pid);
    if (!result)
        result = log_result;
    if (!result)
        result = add_sources(worker);
    if (result) {
        worker_client_destroy(worker);
        return error_set(err, result, "cannot run %s: %s", start->path, strerror(-result));
    }
    snprintf(worker->name, sizeof(worker->name), "warm worker %d", (int)worker->pid);
    *made = worker;
    return 0;
}

void worker_client_give(struct worker_client *worker, const struct worker_events *events,
                        void *owner, const char *name)
{
    worker->events = events;
    worker->owner = owner;
    snprintf(worker->name, sizeof(worker->name), "worker %d of %s", (int)worker->pid, name);
}

void worker_client_end(struct worker_client *worker, void (*reaped)(void *context), void *context)
{
    worker->events = NULL;
    worker->on_reaped = reaped;
    worker->reaped_context = context;
    disconnect(worker);
    if (worker->reaped)
        sd_event_source_set_enabled(worker->report, SD_EVENT_ONESHOT);
    else if (worker->lost ||
             sd_event_add_time_relative(worker->event, &worker->timer, CLOCK_MONOTONIC,
                                        worker->timing.grace_ms * 1000ull, 0, on_timer, worker) < 0)
        kill_group(worker);
    worker->lost = true;
}

void worker_client_wait(struct worker_client *worker, unsigned ms)
{
    struct pollfd ended = {worker->pidfd, POLLIN, 0};
    if (!worker->reaped)
        (void)poll(&ended, 1, (int)ms);
}

void worker_client_destroy(struct worker_client *worker)
{
    if (!worker)
        return;
    disconnect(worker);
    kill_group(worker);
    while (!worker->reaped) {
        siginfo_t info;
        if (waitid(P_PID, (id_t)worker->pid, &info, WEXITED) == 0 || errno != EINTR)
            worker->reaped = true;
    }
    free_worker(worker);
}
