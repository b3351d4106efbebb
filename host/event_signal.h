/* SPDX-License-Identifier: MIT */
/*
 * Signals eventfds that guests made. A write(2) to one may block, because the guest can fill its
 * counter and can take back O_NONBLOCK at any time; so the kernel does it, as the notification of
 * an asynchronous read of nothing, which never blocks. Service's thread.
 */
#ifndef GPUPV_HOST_EVENT_SIGNAL_H
#define GPUPV_HOST_EVENT_SIGNAL_H

#include <stdbool.h>
#include <stdint.h>

struct event_signal {
    uint64_t context; /* aio_context_t; 0 until the first use */
    int nothing;      /* what is read */
};

/* A structure of zeros is ready for use. Whether events can be signalled on this machine, and `fd`
 * is one. */
bool event_signal_accepts(struct event_signal *signal, int fd);
void event_signal_send(struct event_signal *signal, int fd);
void event_signal_finish(struct event_signal *signal);

#endif
