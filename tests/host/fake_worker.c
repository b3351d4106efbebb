/* SPDX-License-Identifier: MIT */
/*
 * A worker without a driver, which speaks host/worker/link.h and does what it is told:
 *   - before it is ready: by the last part of its first adapter's ICD (/fake/crash);
 *   - when it is assigned: by the name of the guest process;
 *   - when a stream is opened, and for an escape: by the private data, a text.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpupv/d3dkmthk.h"
#include "host/fake_worker.h"
#include "host/worker/libraries.h"
#include "host/worker/link.h"
#include "host/worker/sandbox.h"

static union {
    uint8_t bytes[LINK_MAX];
    struct link_header header;
} in, out;

static char told[256]; /* what LINK_ASSIGN brought, as text */
static unsigned submissions;

static void send_bytes(size_t size, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec data = {out.bytes, size};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    }
    if (sendmsg(LINK_FD, &message, MSG_NOSIGNAL) < 0)
        _exit(9);
}

static void say(uint32_t kind, uint32_t sequence, const void *payload, size_t size)
{
    out.header = (struct link_header){kind, sequence};
    if (size)
        memcpy(out.bytes + sizeof(out.header), payload, size);
    send_bytes(sizeof(out.header) + size, -1);
}

static void say_with(uint32_t kind, const void *payload, size_t size, int fd)
{
    out.header = (struct link_header){kind, 0};
    memcpy(out.bytes + sizeof(out.header), payload, size);
    send_bytes(sizeof(out.header) + size, fd);
}

static void reply(uint32_t sequence, int32_t status, const void *data, size_t size)
{
    out.header = (struct link_header){LINK_REPLY, sequence};
    memcpy(out.bytes + sizeof(out.header), &status, sizeof(status));
    if (size)
        memcpy(out.bytes + sizeof(out.header) + sizeof(status), data, size);
    send_bytes(sizeof(out.header) + sizeof(status) + size, -1);
}

static void hang(void)
{
    for (;;)
        pause();
}

/* What it does to itself, at any stage. False: it was something else. */
static int do_harm(const char *what)
{
    if (!strcmp(what, "crash"))
        raise(SIGKILL);
    else if (!strcmp(what, "exit"))
        _exit(3);
    else if (!strcmp(what, "hang"))
        hang();
    else if (!strcmp(what, "close")) {
        close(LINK_FD);
        hang();
    } else if (!strcmp(what, "short"))
        send_bytes(3, -1);
    else if (!strcmp(what, "unknown"))
        say(99, 0, "x", 1);
    else if (!strcmp(what, "stray-reply"))
        reply(12345, 0, NULL, 0);
    else if (!strcmp(what, "short-event"))
        say(LINK_SIGNAL_EVENT, 0, "x", 1);
    else if (!strcmp(what, "export-nothing"))
        say(LINK_EXPORTED, 0, &(struct link_exported){.allocation = 8},
            sizeof(struct link_exported));
    else if (!strcmp(what, "stray-export"))
        say_with(LINK_EXPORTED, &(struct link_exported){.allocation = 8},
                 sizeof(struct link_exported), STDERR_FILENO);
    else if (!strcmp(what, "ready-again"))
        say(LINK_READY, 0, NULL, 0);
    else if (!strcmp(what, "relative-folder"))
        say(LINK_READY, 0, "/lib\0tmp", 9);
    else if (!strcmp(what, "open-folder"))
        say(LINK_READY, 0, "/lib\0/tmp", 9);
    else if (!strcmp(what, "log")) {
        static const char text[] = "<4>gpupv[exec] warning: a line of\tits own\x1b[0m\nplain\n";
        if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
            _exit(9);
        return 0;
    } else
        return 0;
    return 1;
}

static void take_assign(const uint8_t *payload, const int *fds, int count, uint32_t sequence)
{
    struct link_assign assign;
    struct stat sizes[2] = {0};
    memcpy(&assign, payload, sizeof(assign));
    for (int i = 0; i < count && i < 2; i++)
        fstat(fds[i], &sizes[i]);
    snprintf(told, sizeof(told), "%s %d %s %d:%lld,%lld %u", assign.process, (int)assign.pid,
             assign.vm, count, (long long)sizes[0].st_size, (long long)sizes[1].st_size,
             assign.table_entries);
    if (!do_harm(assign.process))
        reply(sequence, STATUS_SUCCESS, NULL, 0);
}

static void take_open(const uint8_t *payload, uint32_t sequence)
{
    struct link_open_stream open;
    char what[256] = "", answer[512];
    memcpy(&open, payload, sizeof(open));
    memcpy(what, payload + sizeof(open), open.size < 255 ? open.size : 255);
    if (do_harm(what))
        return;
    if (!strcmp(what, "short-reply")) {
        say(LINK_REPLY, sequence, "x", 1);
    } else if (!strcmp(what, "pending")) {
        reply(sequence, STATUS_PENDING, NULL, 0);
    } else if (!strcmp(what, "refuse")) {
        reply(sequence, STATUS_NO_MEMORY, NULL, 0);
    } else if (!strcmp(what, "event")) {
        struct link_signal_event event = {7};
        say(LINK_SIGNAL_EVENT, 0, &event, sizeof(event));
        reply(sequence, STATUS_SUCCESS, NULL, 0);
    } else if (!strcmp(what, "stream-lost")) {
        struct {
            struct link_stream_lost lost;
            char why[16];
        } message = {{open.queue, 1}, "bad\nopcode"};
        say(LINK_STREAM_LOST, 0, &message, sizeof(message.lost) + 10);
        reply(sequence, STATUS_SUCCESS, NULL, 0);
    } else if (!strcmp(what, "told")) {
        int size = snprintf(answer, sizeof(answer), "%s | %x %u %llx | %u", told, open.queue,
                            open.adapter, (unsigned long long)open.fence_offset, submissions);
        reply(sequence, STATUS_SUCCESS, answer, (size_t)size);
    } else if (!strncmp(what, "try ", 4)) {
        int size = snprintf(answer, sizeof(answer), "%d", sandbox_try(what + 4));
        reply(sequence, STATUS_SUCCESS, answer, (size_t)size);
    } else {
        reply(sequence, STATUS_SUCCESS, NULL, 0);
    }
}

static void take_escape(uint8_t *payload, size_t size, uint32_t sequence)
{
    uint8_t *data = payload + sizeof(struct link_escape);
    size -= sizeof(struct link_escape);
    if (size == 5 && !memcmp(data, "hang!", 5))
        return;
    bool longer = size == 6 && !memcmp(data, "longer", 6);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)~data[i];
    reply(sequence, STATUS_SUCCESS, data, size + longer);
}

/* False at the link's end. */
static bool take_message(void)
{
    union {
        char bytes[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec data = {in.bytes, sizeof(in.bytes)};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t got = recvmsg(LINK_FD, &message, 0);
    if (got <= 0)
        return false;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    int fds[4], count = 0;
    if (header) {
        count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(header), (size_t)count * sizeof(int));
    }
    uint8_t *payload = in.bytes + sizeof(in.header);
    size_t size = (size_t)got - sizeof(in.header);
    switch (in.header.message) {
    case LINK_ASSIGN:
        take_assign(payload, fds, count, in.header.sequence);
        break;
    case LINK_OPEN_STREAM:
        take_open(payload, in.header.sequence);
        break;
    case LINK_SUBMIT:
        submissions++;
        if (size > sizeof(struct link_stream))
            do_harm((const char *)payload + sizeof(struct link_stream));
        break;
    case LINK_ESCAPE:
        take_escape(payload, size, in.header.sequence);
        break;
    }
    return true;
}

/* The folders of this program's libraries; "folder": and /tmp. */
static void say_ready(const char *icd, int notify)
{
    static const char folder[] = "/tmp";
    char *folders = (char *)out.bytes + sizeof(out.header);
    size_t size = libraries_folders(folders, LINK_MAX_FOLDERS - sizeof(folder));
    if (!strcmp(icd, "folder")) {
        memcpy(folders + size, folder, sizeof(folder));
        size += sizeof(folder);
    }
    out.header = (struct link_header){LINK_READY, 0};
    send_bytes(sizeof(out.header) + size, notify);
}

int main(int argc, char **argv)
{
    const char *icd = "";
    bool with_sandbox = true;
    for (int i = 1; i < argc; i++) {
        with_sandbox &= strcmp(argv[i], "--no-sandbox") != 0;
        if (!strcmp(argv[i], "--adapter") && i + 1 < argc && !*icd)
            icd = strrchr(argv[i + 1], '/') ? strrchr(argv[i + 1], '/') + 1 : "";
    }
    struct sandbox sandbox;
    struct error err;
    int notify = -1;
    if (with_sandbox && sandbox_prepare(&sandbox, &err)) {
        fprintf(stderr, "<3>%s\n", err.text);
        return 1;
    }
    do_harm(icd);
    if (!strcmp(icd, "unwatched"))
        sandbox_take_notification();
    if (with_sandbox && sandbox_enter(&sandbox, &notify, &err)) {
        fprintf(stderr, "<3>%s\n", err.text);
        return 1;
    }
    say_ready(icd, notify);
    if (notify >= 0)
        close(notify);
    while (take_message())
        ;
    return 0;
}
