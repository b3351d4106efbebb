/* SPDX-License-Identifier: MIT */
/* Rings and batches that cannot be. */
#include "hostile.h"

#define RING_BROKEN "indices of the ring, or a batch's header, that cannot be"

static void set_tail(struct stream *s, uint32_t tail)
{
    s->ring.tail = tail;
    ring_bell(s);
}

static void tail_jumps(struct stream *s)
{
    set_tail(s, s->ring.tail + 2 * RING + 16);
}

static void tail_goes_back(struct stream *s)
{
    set_tail(s, s->ring.tail - 8);
}

static void tail_crawls(struct stream *s)
{
    set_tail(s, s->ring.tail + 4);
}

static void send_header(struct stream *s, uint32_t size, uint16_t kind, uint16_t flags)
{
    const uint64_t nothing[4] = {0};
    const struct stream_batch batch = {size, kind, flags, 0};
    send_as(s, &batch, nothing, sizeof(nothing));
}

static void batch_empty(struct stream *s)
{
    send_header(s, 0, STREAM_BATCH_COMMANDS, 0);
}

static void batch_odd(struct stream *s)
{
    send_header(s, 12, STREAM_BATCH_COMMANDS, 0);
}

static void batch_beyond(struct stream *s)
{
    send_header(s, 64, STREAM_BATCH_COMMANDS, 0);
}

static void batch_huge(struct stream *s)
{
    send_header(s, UINT32_MAX - 7, STREAM_BATCH_COMMANDS, 0);
}

static void batch_kind(struct stream *s)
{
    send_header(s, 32, 99, 0);
}

static void batch_flags(struct stream *s)
{
    send_header(s, 32, STREAM_BATCH_COMMANDS, 0x8000);
}

static const struct hostile_case cases[] = {
    CASE(tail_jumps, BARE, RING_BROKEN),  CASE(tail_goes_back, DEVICE, RING_BROKEN),
    CASE(tail_crawls, BARE, RING_BROKEN), CASE(batch_empty, BARE, RING_BROKEN),
    CASE(batch_odd, BARE, RING_BROKEN),   CASE(batch_beyond, BARE, RING_BROKEN),
    CASE(batch_huge, BARE, RING_BROKEN),  CASE(batch_kind, BARE, RING_BROKEN),
    CASE(batch_flags, BARE, RING_BROKEN),
};
const struct hostile_group hostile_batches = GROUP(cases);
