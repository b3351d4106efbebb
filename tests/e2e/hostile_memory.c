/* SPDX-License-Identifier: MIT */
/* Memory that is not the guest's, and what lies outside of it. */
#include "hostile.h"

static void bind_behind(struct stream *s)
{
    put_bind(s, MEMORY_SIZE);
    send_commands(s);
}

static void bind_far_behind(struct stream *s)
{
    put_bind(s, UINT64_C(1) << 46);
    send_commands(s);
}

static void bind_across_the_end(struct stream *s)
{
    put_bind(s, MEMORY_SIZE / 2);
    send_commands(s);
}

static void bind_around(struct stream *s)
{
    put_bind(s, UINT64_MAX - MEMORY_SIZE + 1);
    send_commands(s);
}

static void memory_of_nobody(struct stream *s)
{
    put_memory(s, ID(OTHER, DEVICE_MEMORY), MEMORY_SIZE, 0x40123457);
    send_commands(s);
}

static void memory_of_the_ring(struct stream *s)
{
    put_memory(s, ID(OTHER, DEVICE_MEMORY), MEMORY_SIZE, s->allocation);
    send_commands(s);
}

static void memory_twice(struct stream *s)
{
    D3DKMT_HANDLE allocation = allocate(s, MEMORY_SIZE);
    put_memory(s, ID(OTHER, DEVICE_MEMORY), MEMORY_SIZE, allocation);
    put_memory(s, ID(OTHER + 1, DEVICE_MEMORY), MEMORY_SIZE, allocation);
    send_commands(s);
}

static void memory_too_large(struct stream *s)
{
    put_memory(s, ID(OTHER, DEVICE_MEMORY), 16 * MEMORY_SIZE, allocate(s, MEMORY_SIZE));
    send_commands(s);
}

static void memory_of_no_type(struct stream *s)
{
    put_memory(s, ID(OTHER, DEVICE_MEMORY), MEMORY_SIZE, allocate(s, MEMORY_SIZE));
    ((struct stream_allocate_memory *)(void *)s->encoder.data)->memory_type = 31;
    send_commands(s);
}

static void memory_freed_twice(struct stream *s)
{
    struct stream_object command = {.head = {STREAM_FREE_MEMORY, 2},
                                    .id = ID(MEMORY, DEVICE_MEMORY)};
    PUT(s, command);
    PUT(s, command);
    send_commands(s);
}

static const struct hostile_case cases[] = {
    CASE(bind_behind, OBJECTS, "vkBindBufferMemory2: "),
    CASE(bind_far_behind, OBJECTS, "vkBindBufferMemory2: "),
    CASE(bind_across_the_end, OBJECTS, "vkBindBufferMemory2: "),
    CASE(bind_around, OBJECTS, "vkBindBufferMemory2: "),
    CASE(memory_of_nobody, DEVICE, "the allocation 0x40123457, which is not there or used"),
    CASE(memory_of_the_ring, DEVICE, "the allocation 0x[0-9a-f]+, which is not there or used"),
    CASE(memory_twice, DEVICE, "the allocation 0x[0-9a-f]+, which is not there or used"),
    CASE(memory_too_large, DEVICE,
         "1048576 bytes of memory in the allocation 0x[0-9a-f]+ of 65536"),
    CASE(memory_of_no_type, DEVICE, "vkAllocateMemory: 65536 bytes of type 31"),
    CASE(memory_freed_twice, OBJECTS, NO_OBJECT),
};
const struct hostile_group hostile_memory = GROUP(cases);
