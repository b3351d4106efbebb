/* SPDX-License-Identifier: MIT */
/*
 * Both ends of streams in one process: the UMD's end (umd/stream.h) against the worker's threads
 * (host/worker/stream.h), with thunks that give out parts of an anonymous shared mapping, and with
 * commands that only move bytes instead of a Vulkan driver.
 */
#ifndef GPUPV_TESTS_WORKER_PAIR_H
#define GPUPV_TESTS_WORKER_PAIR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gpupv/umd.h"
#include "host/worker/stream.h"
#include "umd/stream.h"

#define PAIR_APERTURE (64u << 20)
#define PAIR_ENTRIES 256u
#define PAIR_STREAMS 16u

struct pair {
    struct worker worker;
    struct worker_adapter host_adapter;
    struct gpupv_umd_adapter adapter;
    struct gpupv_umd_callbacks callbacks;
    struct stream *streams[PAIR_STREAMS];
    struct wire_fence_cell *fences[PAIR_STREAMS];
    uint32_t stream_count;
    uint8_t *aperture; /* PAIR_APERTURE bytes */
    uint64_t taken;    /* of it */
    uint32_t allocations;
    NTSTATUS refuse; /* status of the next CreateHwQueue, unless 0 */
    bool messages;   /* for streams to come: no memory is shared */
    uint32_t messages_sent;
    _Atomic NTSTATUS refuse_escapes;                /* status of escapes, unless 0 */
    void (*spoil)(struct stream_poll *poll); /* changes answers to escapes, unless NULL */
    _Atomic uint32_t losses;
    char logged[512]; /* the UMD's last line */
};

/* One at a time. */
void pair_init(struct pair *pair);
/* After the UMD's ends were destroyed: ends the worker's threads. */
void pair_finish(struct pair *pair);

/* How many escapes there were. */
uint32_t pair_escapes(void);

/* --- Commands that the fake executor knows --- */

enum pair_opcode {
    PAIR_NOTE = 1,      /* struct pair_note: noted */
    PAIR_ECHO = 2,      /* struct pair_echo → `size` bytes, byte i is i * 7 + number */
    PAIR_REFUSED = 3,   /* fails the stream */
    PAIR_SLOW = 4,      /* struct pair_note: sleeps `number` microseconds */
    PAIR_RECORD = 10,   /* struct pair_note, in a recording */
    PAIR_BLOB = 11,     /* struct pair_note, then any number of bytes like those of ECHO; either */
    PAIR_COMPLETE = 12, /* struct pair_note: `number` submissions of queue 0 have finished */
};

struct pair_note {
    struct stream_command head;
    uint32_t number;
};

struct pair_echo {
    struct stream_command head;
    uint32_t reply;
    uint32_t size, number;
};

/* What was noted, in the order of execution: opcode << 32 | number, and for recordings the target.
 */
#define PAIR_MAX_NOTES (1u << 20)
struct pair_notes {
    uint64_t *notes; /* PAIR_MAX_NOTES */
    uint64_t *targets;
    _Atomic uint32_t count;
    _Atomic uint32_t bad_bytes; /* of blobs */
};
extern struct pair_notes pair_notes;

#endif
