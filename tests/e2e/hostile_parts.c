/* SPDX-License-Identifier: MIT */
/* Slots of replies, and commands in parts. */
#include "hostile.h"

/* --- Replies --- */

static void reply_slot(struct stream *s)
{
    send_barrier(s, STREAM_REPLY(SLOTS, 5));
}

static void reply_ticket(struct stream *s)
{
    send_barrier(s, STREAM_REPLY(0, 0));
}

static void put_fetch(struct stream *s, uint32_t offset)
{
    PUT(s, (struct stream_fetch){
               .head = {STREAM_FETCH_REPLY, 2}, .reply = new_word(s), .offset = offset});
    send_commands(s);
}

static void fetch_nothing(struct stream *s)
{
    put_fetch(s, 0);
}

static void fetch_behind(struct stream *s)
{
    PUT(s, (struct stream_ask){.head = {STREAM_FACTS, 1}, .reply = new_word(s)});
    put_fetch(s, UINT32_MAX);
}

/* --- Parts --- */

static void send_part(struct stream *s, uint64_t whole, uint64_t command_buffer, uint32_t length)
{
    struct {
        struct stream_part head;
        uint8_t data[256];
    } payload = {.head = {command_buffer}};
    const struct stream_batch batch = {(uint32_t)sizeof(payload.head) + length, STREAM_BATCH_PART,
                                       0, whole};
    send_as(s, &batch, &payload, batch.size);
}

static void parts_too_small(struct stream *s)
{
    send_part(s, 4, 0, 8);
}

static void parts_too_large(struct stream *s)
{
    send_part(s, STREAM_MAX_COMMAND + 8ull, 0, 64);
}

static void part_empty(struct stream *s)
{
    send_part(s, 64, 0, 0);
}

static void parts_too_many(struct stream *s)
{
    send_part(s, 64, 0, 32);
    send_part(s, 0, 0, 64);
}

static void parts_interleaved(struct stream *s)
{
    send_part(s, 128, 0, 64);
    send_part(s, 128, 0, 64);
}

static void parts_of_another(struct stream *s)
{
    send_part(s, 128, 0, 64);
    send_part(s, 0, ID(COMMANDS, COMMAND_BUFFER), 64);
}

static void parts_interrupted(struct stream *s)
{
    send_part(s, 128, 0, 64);
    send_barrier(s, new_word(s));
}

static void parts_tell_another_size(struct stream *s)
{
    struct {
        struct stream_part head;
        struct stream_command command;
        uint32_t rest[15];
    } payload = {.command = {STREAM_BARRIER, 3}};
    const struct stream_batch batch = {sizeof(payload), STREAM_BATCH_PART, 0, 64};
    send_as(s, &batch, &payload, batch.size);
}

/* The stream waits for the rest; closing it ends that. */
static void parts_never_end(struct stream *s)
{
    send_part(s, STREAM_MAX_COMMAND, 0, 64);
}

/* --- All of them --- */

static const struct hostile_case cases[] = {
    CASE(reply_slot, BARE, "the slot word 0x504"),
    CASE(reply_ticket, BARE, "the slot word 0x0"),
    CASE(fetch_nothing, BARE, "the part at 0 of a reply that has none"),
    CASE(fetch_behind, BARE, "the part at 4294967295 of a reply that has none"),
    CASE(parts_too_small, BARE, "the size of a command in parts"),
    CASE(parts_too_large, BARE, "the size of a command in parts"),
    CASE(part_empty, BARE, "an empty part of a command"),
    CASE(parts_too_many, BARE, "parts that are more than the command"),
    CASE(parts_interleaved, BARE, "a part of another command"),
    CASE(parts_of_another, OBJECTS, "a part of another command"),
    CASE(parts_interrupted, BARE, "a batch among the parts of a command"),
    CASE(parts_tell_another_size, BARE, "a command in parts that tells another size"),
    CASE(parts_never_end, BARE, NULL),
};
const struct hostile_group hostile_parts = GROUP(cases);
