/* SPDX-License-Identifier: MIT */
/*
 * A host for tests of the thunks, in threads of the test's own process, on a real unix socket. It
 * offers two adapters and answers everything plausibly, unless a test tells it to misbehave.
 * Thread-safe. One at a time: it sets GPUPV_HOST to its socket.
 */
#ifndef GPUPV_TESTS_KMT_FAKE_HOST_H
#define GPUPV_TESTS_KMT_FAKE_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "gpupv/d3dkmthk.h"
#include "wire/protocol.h"

struct fake_host;

/* How a reply is spoilt. */
enum fake_fault {
    FAULT_NONE,
    FAULT_REPLY, /* another status and payload, well framed */
    FAULT_SHORT, /* the payload lacks its last byte */
    FAULT_LONG,  /* the payload has one byte more */
    FAULT_EMPTY, /* success without a payload */
    FAULT_SEQUENCE,
    FAULT_COMMAND,
    FAULT_KIND,
    FAULT_OVERSIZED, /* a header that promises more than a message may have */
    FAULT_GARBAGE,   /* bytes that are no header */
    FAULT_DIE,       /* closes without an answer */
    FAULT_DIE_MID_HEADER,
    FAULT_DIE_MID_PAYLOAD,
    FAULT_HANG, /* no answer, and the connection stays open */
};

struct fake_host *fake_host_start(void);
/* Closes every connection and waits for the threads. */
void fake_host_stop(struct fake_host *host);

/* What the next reply to a command shall be, once. `payload` is for FAULT_REPLY; it is copied. */
void fake_host_spoil(struct fake_host *host, enum wire_command command, enum fake_fault fault);
void fake_host_reply_once(struct fake_host *host, enum wire_command command, NTSTATUS status,
                          const void *payload, size_t size);

/* Closes the connections that are open now, and goes on listening. */
void fake_host_hang_up(struct fake_host *host);

/* What hello says from now on. */
void fake_host_set_hello(struct fake_host *host, NTSTATUS status,
                         const struct wire_hello_reply *reply);

/* What happened so far. */
unsigned fake_host_connections(struct fake_host *host);
unsigned fake_host_open_connections(struct fake_host *host);
unsigned fake_host_requests(struct fake_host *host, enum wire_command command);
unsigned fake_host_asyncs(struct fake_host *host, enum wire_command command);
/* The last message with that command: its payload's size, and up to `capacity` bytes of it. */
size_t fake_host_last(struct fake_host *host, enum wire_command command, void *payload,
                      size_t capacity);
/* Waits until as many asynchronous messages of a command have come. */
void fake_host_wait_asyncs(struct fake_host *host, enum wire_command command, unsigned count);
void fake_host_wait_open_connections(struct fake_host *host, unsigned count);

const char *fake_host_uri(const struct fake_host *host);

/* The two adapters. */
#define FAKE_ADAPTERS 2
#define FAKE_LUID_LOW(index) (0xabc0u + (index))
#define FAKE_LUID_HIGH (-3)

#endif
