/* SPDX-License-Identifier: MIT */
/* Streams that are refused. */
#include "hostile.h"

#include <stdio.h>

static int refuse(struct stream *s, const char *what, struct stream_open open)
{
    NTSTATUS status = open_queue(s, open);
    if (!NT_SUCCESS(status))
        return 0;
    fprintf(stderr, "hostile: a stream was opened: %s\n", what);
    (void)D3DKMTDestroyHwQueue(&(D3DKMT_DESTROYHWQUEUE){s->queue});
    return 1;
}

int refused_streams(void)
{
    struct stream s;
    int failed = 0;
    open_memory(&s);
    const struct stream_open good = description(&s);
#define REFUSE(what, member, value)                                                                \
    do {                                                                                           \
        struct stream_open open = good;                                                            \
        open.member = value;                                                                       \
        failed |= refuse(&s, what, open);                                                          \
    } while (0)
    REFUSE("without the magic", magic, 1);
    REFUSE("of another build", build[0], '!');
    REFUSE("in no allocation", allocation, 0x40123457);
    REFUSE("in the context", allocation, s.context);
    REFUSE("with a ring of no power of two", ring_size, RING - 64);
    REFUSE("with a ring that is too small", ring_size, 4096);
    REFUSE("with a ring behind the allocation", ring_offset, UINT32_MAX - 63);
    REFUSE("with a ring over the words", ring_offset, 0);
    REFUSE("with a ring that lies askew", ring_offset, PAGE + 8);
    REFUSE("with slots in the ring", slots_offset, PAGE + 64);
    REFUSE("with slots behind the allocation", slots_offset, SIZE);
    REFUSE("with too many slots", slot_count, 33);
    REFUSE("without slots", slot_count, 0);
    REFUSE("with tiny slots", slot_size, 8);
    REFUSE("with huge slots", slot_size, 0xffffffc0);
    REFUSE("with reserved words", reserved, 7);
    s.queue = 0;
    close_stream(&s);
    return failed;
}
