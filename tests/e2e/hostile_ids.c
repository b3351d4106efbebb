/* SPDX-License-Identifier: MIT */
/* Ids of no object, of another one, and new ones that cannot be. */
#include "hostile.h"

static void id_of_other_type(struct stream *s)
{
    put_destroy_buffer(s, ID(MEMORY, DEVICE_MEMORY));
    send_commands(s);
}

static void id_with_other_type(struct stream *s)
{
    put_destroy_buffer(s, ID(MEMORY, BUFFER));
    send_commands(s);
}

static void id_freed(struct stream *s)
{
    put_destroy_buffer(s, ID(BUFFER, BUFFER));
    put_bind(s, 0);
    send_commands(s);
}

static void id_of_other_generation(struct stream *s)
{
    put_destroy_buffer(s, STREAM_ID(BUFFER, 2, VKWIRE_OBJECT_BUFFER));
    send_commands(s);
}

static void id_unknown(struct stream *s)
{
    put_destroy_buffer(s, ID(STREAM_MAX_SLOTS - 1, BUFFER));
    send_commands(s);
}

static void id_out_of_range(struct stream *s)
{
    put_destroy_buffer(s, ID(UINT32_MAX, BUFFER));
    send_commands(s);
}

/* The stream beside this one has made it. */
static void id_of_other_stream(struct stream *s)
{
    put_destroy_buffer(s, ID(BUFFER, BUFFER));
    send_commands(s);
}

static void new_id_in_use(struct stream *s)
{
    put_buffer(s, STREAM_ID(BUFFER, 2, VKWIRE_OBJECT_BUFFER));
    send_commands(s);
}

static void new_id_of_other_type(struct stream *s)
{
    put_buffer(s, ID(OTHER, IMAGE));
    send_commands(s);
}

static void new_id_null(struct stream *s)
{
    put_buffer(s, 0);
    send_commands(s);
}

static void new_id_out_of_range(struct stream *s)
{
    put_buffer(s, ID(STREAM_MAX_SLOTS, BUFFER));
    send_commands(s);
}

static void queue_out_of_range(struct stream *s)
{
    PUT(s, (struct vkwire_QueueSubmit){.head = {VKWIRE_QueueSubmit, 3},
                                       .queue = ID(QUEUE + 1, QUEUE)});
    send_commands(s);
}

static const struct hostile_case cases[] = {
    CASE(id_of_other_type, OBJECTS, NO_OBJECT),
    CASE(id_with_other_type, OBJECTS, NO_OBJECT),
    CASE(id_freed, OBJECTS, NO_OBJECT),
    CASE(id_of_other_generation, OBJECTS, NO_OBJECT),
    CASE(id_unknown, DEVICE, NO_OBJECT),
    CASE(id_out_of_range, DEVICE, NO_OBJECT),
    CASE(id_of_other_stream, DEVICE, NO_OBJECT),
    CASE(new_id_in_use, OBJECTS, "the new id 0x[0-9a-f]+, whose slot 0x[0-9a-f]+ has"),
    CASE(new_id_of_other_type, DEVICE, "the id 0x[0-9a-f]+ for a new object of type"),
    CASE(new_id_null, DEVICE, "the id 0x0 for a new object of type"),
    CASE(new_id_out_of_range, DEVICE, "the id 0x[0-9a-f]+ for a new object of type"),
    CASE(queue_out_of_range, DEVICE, NO_OBJECT),
};
const struct hostile_group hostile_ids = GROUP(cases);
