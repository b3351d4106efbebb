/* SPDX-License-Identifier: MIT */
#include "host/event_signal.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/log.h"

static bool prepare(struct event_signal *signal)
{
    if (signal->context)
        return true;
    aio_context_t context = 0;
    int nothing = memfd_create("gpupv-nothing", MFD_CLOEXEC);
    if (nothing < 0)
        return false;
    if (syscall(SYS_io_setup, 4, &context) < 0) {
        log_error("service", "guests' events cannot be signalled: io_setup: %s", strerror(errno));
        close(nothing);
        return false;
    }
    signal->context = context;
    signal->nothing = nothing;
    return true;
}

bool event_signal_accepts(struct event_signal *signal, int fd)
{
    char path[32], target[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ssize_t size = readlink(path, target, sizeof(target) - 1);
    if (size < 0)
        return false;
    target[size] = '\0';
    return !strcmp(target, "anon_inode:[eventfd]") && prepare(signal);
}

void event_signal_send(struct event_signal *signal, int fd)
{
    char byte;
    struct iocb request = {
        .aio_lio_opcode = IOCB_CMD_PREAD,
        .aio_fildes = (uint32_t)signal->nothing,
        .aio_buf = (uintptr_t)&byte,
        .aio_nbytes = 1,
        .aio_flags = IOCB_FLAG_RESFD,
        .aio_resfd = (uint32_t)fd,
    };
    struct iocb *list[] = {&request};
    aio_context_t context = signal->context;
    long submitted = syscall(SYS_io_submit, context, 1, list);
    if (submitted != 1) {
        log_error("service", "cannot signal a guest's event: %s", strerror(errno));
        return;
    }
    struct io_event done;
    syscall(SYS_io_getevents, context, 1, 1, &done, NULL);
}

void event_signal_finish(struct event_signal *signal)
{
    if (!signal->context)
        return;
    syscall(SYS_io_destroy, (aio_context_t)signal->context);
    close(signal->nothing);
    *signal = (struct event_signal){0};
}
