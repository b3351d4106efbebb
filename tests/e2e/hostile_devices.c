/* SPDX-License-Identifier: MIT */
/* Devices that cannot be, and recordings of what has no place there. */
#include "hostile.h"

static void device_twice(struct stream *s)
{
    put_device(s, new_word(s));
    send_commands(s);
}

static void device_gone(struct stream *s)
{
    PUT(s, (struct stream_command){STREAM_DESTROY_DEVICE, 1});
    put_destroy_buffer(s, ID(BUFFER, BUFFER));
    send_commands(s);
}

static void command_without_device(struct stream *s)
{
    put_buffer(s, ID(OTHER, BUFFER));
    send_commands(s);
}

static void memory_without_device(struct stream *s)
{
    put_memory(s, ID(OTHER, DEVICE_MEMORY), MEMORY_SIZE, allocate(s, MEMORY_SIZE));
    send_commands(s);
}

static void queues_too_many(struct stream *s)
{
    size_t at = s->encoder.used;
    put_device(s, new_word(s));
    VkDeviceQueueCreateInfo *queues =
        (void *)(s->encoder.data + at + sizeof(struct stream_create_device) +
                 sizeof(VkDeviceCreateInfo));
    queues->queueCount = 500;
    for (unsigned i = 0; i < 250; i++)
        PUT(s, (float[]){1.0f, 1.0f});
    s->encoder.used -= 8;
    end_command(s, at);
    send_commands(s);
}

static void queue_family_unknown(struct stream *s)
{
    size_t at = s->encoder.used;
    put_device(s, new_word(s));
    VkDeviceQueueCreateInfo *queues =
        (void *)(s->encoder.data + at + sizeof(struct stream_create_device) +
                 sizeof(VkDeviceCreateInfo));
    queues->queueFamilyIndex = 1000;
    send_commands(s);
}

static void put_draw(struct stream *s)
{
    PUT(s, (struct vkwire_CmdDraw){.head = {VKWIRE_CmdDraw, 3}, .vertexCount = 3});
}

static void record_outside(struct stream *s)
{
    put_draw(s);
    send_commands(s);
}

static void record_into_a_buffer(struct stream *s)
{
    put_draw(s);
    send_batch(s, STREAM_BATCH_RECORDING, ID(BUFFER, BUFFER));
}

static void record_into_nothing(struct stream *s)
{
    put_draw(s);
    send_batch(s, STREAM_BATCH_RECORDING, 0);
}

static void create_in_recording(struct stream *s)
{
    put_buffer(s, ID(OTHER, BUFFER));
    send_batch(s, STREAM_BATCH_RECORDING, ID(COMMANDS, COMMAND_BUFFER));
}

static const struct hostile_case cases[] = {
    CASE(device_twice, DEVICE, "vkCreateDevice: the stream has a device"),
    CASE(device_gone, OBJECTS, "vkDestroyBuffer: "),
    CASE(command_without_device, BARE, "vkCreateBuffer: "),
    CASE(memory_without_device, BARE, "the command 61444 without a device"),
    CASE(queues_too_many, BARE, "vkCreateDevice asks for queues that cannot be"),
    CASE(queue_family_unknown, BARE, "vkCreateDevice asks for queues that cannot be"),
    CASE(record_outside, OBJECTS, "outside of a recording"),
    CASE(record_into_a_buffer, OBJECTS, NO_OBJECT),
    CASE(record_into_nothing, OBJECTS, NO_OBJECT),
    CASE(create_in_recording, OBJECTS, "in a recording, where it has no place"),
};
const struct hostile_group hostile_devices = GROUP(cases);
