/* SPDX-License-Identifier: MIT */
/*
 * What the service (gpupvd) and a worker process (gpupv-worker) say to each other, over a
 * SOCK_SEQPACKET pair: one packet is one message, a header and a payload, at most LINK_MAX bytes. The
 * two are of one build. The service trusts nothing that a worker says: its driver may have been taken
 * over by a guest.
 *
 * A worker starts without a guest: it loads the drivers, says LINK_READY and waits ("warm"). With
 * LINK_ASSIGN it becomes that of one guest process for the rest of its life. Closing the link ends it.
 */
#ifndef GPUPV_HOST_WORKER_LINK_H
#define GPUPV_HOST_WORKER_LINK_H

#include <stdint.h>

#define LINK_MAX (160u * 1024u)
#define LINK_MAX_FOLDERS (16u * 1024u) /* bytes of LINK_READY */
#define LINK_MAX_DEVICES 4 /* linked devices of an adapter that a worker can drive */
#define LINK_FD 3 /* the worker's end; its stderr goes to the service's log */

enum link_message {
    /* From the service. Those marked → want a LINK_REPLY with the same sequence. */
    LINK_ASSIGN = 1,       /* struct link_assign; descriptors: aperture, allocation table → */
    LINK_OPEN_STREAM = 2,  /* struct link_open_stream, then the guest's private data → */
    LINK_CLOSE_STREAM = 3, /* struct link_stream; also of a stream that was refused */
    LINK_SUBMIT = 4,       /* struct link_stream, then private data of SubmitCommandToHwQueue: a
                              doorbell when empty */
    LINK_ESCAPE = 5,       /* struct link_escape, then its data → status and data */
    /* From the worker. */
    LINK_READY = 64,        /* the drivers are loaded: the folders of their libraries, each absolute and
                               ended by a NUL; descriptor: of the sandbox (host/worker/sandbox.h), if
                               it has one */
    LINK_REPLY = 65,        /* struct link_reply, then data */
    LINK_SIGNAL_EVENT = 66, /* struct link_signal_event */
    LINK_EXPORTED = 68,     /* struct link_exported; descriptor: of the file that the driver's memory
                               lies in. Before the guest is told that there is the memory. */
    LINK_STREAM_LOST = 67,  /* struct link_stream_lost, then why, as text: for the log and for events */
};

struct link_header {
    uint32_t message;
    uint32_t sequence; /* 0 where no reply is wanted */
};

struct link_reply {
    int32_t status; /* NTSTATUS */
};

struct link_assign {
    uint64_t aperture_size; /* bytes; 0: no aperture, and no descriptor of one */
    uint32_t table_entries; /* struct link_allocation in the allocation table */
    int32_t pid;            /* of the guest process, for logs */
    char process[64], vm[64]; /* names for logs, NUL-padded */
};

/* The allocation table: memory shared by service and worker, written by the service except for
 * `used`. The entry of a handle has the index (handle's slot) that wire/handle_table.h gives it, so
 * that the worker finds it without a search: it looks at entry `handle_index(handle)` and compares
 * `handle`. The service fills an entry before it tells the guest the handle, and clears `handle` when
 * the guest destroys the allocation. It gives memory and quota back once `used` is 0, too. */
struct link_allocation {
    uint32_t handle; /* D3DKMT_HANDLE; 0: free */
    uint32_t used;   /* by the worker: how many host objects live in it. Atomic. */
    uint64_t offset; /* in the aperture; UINT64_MAX: not CPU-visible */
    uint64_t size;   /* bytes, whole pages */
};

/* Behind the table's last entry: what the worker has done so far, for reports. The service believes
 * no sum of them. */
struct link_counters {
    uint64_t submissions; /* batches given to queues. Atomic. */
};

/* Bytes of the table's file. */
#define LINK_TABLE_SIZE(entries)                                                                   \
    ((uint64_t)(entries) * sizeof(struct link_allocation) + sizeof(struct link_counters))

struct link_open_stream {
    uint32_t queue;         /* handle of the hardware queue: names the stream */
    uint32_t adapter;       /* index in the worker's list of adapters: the service's command line */
    uint64_t fence_offset;  /* of its progress fence (struct wire_fence_cell) in the aperture */
    uint32_t flags;         /* LINK_STREAM_* */
    uint32_t size;          /* bytes of private data that follow: struct stream_open */
};

struct link_stream {
    uint32_t queue;
};

struct link_escape {
    uint32_t adapter;
    uint32_t queue; /* of the context that it names; 0: of none */
};

struct link_signal_event {
    uint32_t event; /* the guest's */
};

struct link_exported {
    uint32_t allocation;
    uint32_t reserved;
    uint64_t offset; /* in the file: whole pages */
};

struct link_stream_lost {
    uint32_t queue;
    uint32_t reason; /* enum stream_lost */
};

#endif
