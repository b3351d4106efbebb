/* SPDX-License-Identifier: MIT */
#include "host/worker_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "util/log.h"

#define WINDOW_USEC (10 * 1000000ull)
#define LINES_PER_WINDOW 200u

void worker_log_clean(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            text[i] = '?';
    }
}

static uint64_t now_usec(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

bool worker_log_may_write(struct worker_log *log)
{
    uint64_t now = now_usec();
    if (now - log->window_start >= WINDOW_USEC) {
        if (log->dropped)
            log_warning("worker", "%d: %u lines are left out", (int)log->pid, log->dropped);
        log->window_start = now;
        log->lines = log->dropped = 0;
    }
    if (log->lines == LINES_PER_WINDOW) {
        log->dropped++;
        return false;
    }
    log->lines++;
    return true;
}

/* Behind "gpupv[subsystem] level: ", which the line gets anew. */
static const char *skip_prefix(const char *text)
{
    const char *colon = strncmp(text, "gpupv[", 6) ? NULL : strstr(text, ": ");
    return colon ? colon + 2 : text;
}

static void write_line(struct worker_log *log)
{
    const char *text = log->line;
    char priority = '6';
    log->line[log->used] = '\0';
    worker_log_clean(log->line, log->used);
    if (log->used >= 3 && text[0] == '<' && text[1] >= '0' && text[1] <= '7' && text[2] == '>') {
        priority = text[1];
        text += 3;
    }
    text = skip_prefix(text);
    if (!*text || !worker_log_may_write(log))
        return;
    if (priority <= '3')
        log_error("worker", "%d: %s", (int)log->pid, text);
    else if (priority == '4')
        log_warning("worker", "%d: %s", (int)log->pid, text);
    else if (priority == '7')
        log_debug("worker", "%d: %s", (int)log->pid, text);
    else
        log_info("worker", "%d: %s", (int)log->pid, text);
}

static void take(struct worker_log *log, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n') {
            if (!log->cut)
                write_line(log);
            log->used = 0;
            log->cut = false;
        } else if (!log->cut && log->used < sizeof(log->line) - 1) {
            log->line[log->used++] = data[i];
        } else if (!log->cut) {
            write_line(log);
            log->cut = true;
        }
    }
}

/* False when there is nothing to read now; at the end, too, and then the source is gone. */
static bool read_some(struct worker_log *log)
{
    char data[4096];
    ssize_t got = read(log->fd, data, sizeof(data));
    if (got > 0) {
        take(log, data, (size_t)got);
        return true;
    }
    if (!got || (errno != EAGAIN && errno != EINTR))
        log->source = sd_event_source_disable_unref(log->source);
    return false;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *context)
{
    (void)source, (void)fd, (void)events;
    read_some(context);
    return 0;
}

int worker_log_init(struct worker_log *log, sd_event *event, int fd, pid_t pid)
{
    *log = (struct worker_log){.fd = fd, .pid = pid};
    int flags = fcntl(fd, F_GETFL);
    int result = flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
    if (result >= 0)
        result = sd_event_add_io(event, &log->source, fd, EPOLLIN, on_readable, log);
    if (result >= 0)
        return 0;
    worker_log_finish(log);
    return result;
}

void worker_log_finish(struct worker_log *log)
{
    if (log->fd < 0)
        return;
    for (int i = 0; i < 64 && log->source && read_some(log); i++)
        ;
    if (log->used && !log->cut)
        write_line(log);
    if (log->dropped)
        log_warning("worker", "%d: %u lines are left out", (int)log->pid, log->dropped);
    log->source = sd_event_source_disable_unref(log->source);
    close(log->fd);
    log->fd = -1;
}
