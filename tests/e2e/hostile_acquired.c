/* SPDX-License-Identifier: MIT */
/* Semaphores of acquired images. */
#include "hostile.h"

static void put_acquired(struct stream *s, uint64_t id)
{
    PUT(s, (struct stream_object){.head = {STREAM_SIGNAL_ACQUIRED, 2}, .id = id});
}

static void acquired_unknown(struct stream *s)
{
    put_acquired(s, ID(OTHER, SEMAPHORE));
    send_commands(s);
}

static void acquired_of_other_type(struct stream *s)
{
    put_acquired(s, ID(BUFFER, BUFFER));
    send_commands(s);
}

static void acquired_truncated(struct stream *s)
{
    send_words(s, STREAM_SIGNAL_ACQUIRED, 1);
}

static void acquired_without_device(struct stream *s)
{
    put_acquired(s, ID(OTHER, SEMAPHORE));
    send_commands(s);
}

static void put_semaphore(struct stream *s, uint64_t id)
{
    size_t at = s->encoder.used;
    PUT(s, (struct vkwire_CreateSemaphore){.head = {.opcode = VKWIRE_CreateSemaphore},
                                           .pSemaphore = id});
    PUT(s, (VkSemaphoreCreateInfo){.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO});
    end_command(s, at);
}

static void acquired_too_many(struct stream *s)
{
    for (uint32_t i = 0; i < 300; i++) {
        put_semaphore(s, ID(OTHER + i, SEMAPHORE));
        put_acquired(s, ID(OTHER + i, SEMAPHORE));
        send_commands(s);
    }
}

/* Images that are acquired and destroyed again and again cost nothing. */
static void acquired_again_and_again(struct stream *s)
{
    put_semaphore(s, ID(OTHER, SEMAPHORE));
    for (uint32_t i = 0; i < 2000; i++) {
        put_acquired(s, ID(OTHER, SEMAPHORE));
        put_semaphore(s, ID(OTHER + 1, SEMAPHORE));
        put_acquired(s, ID(OTHER + 1, SEMAPHORE));
        PUT(s, (struct vkwire_DestroySemaphore){.head = {VKWIRE_DestroySemaphore, 2},
                                                .semaphore = ID(OTHER + 1, SEMAPHORE)});
        send_commands(s);
    }
    must_answer(s, "images that are acquired");
}

static const struct hostile_case cases[] = {
    CASE(acquired_unknown, DEVICE, NO_OBJECT),
    CASE(acquired_of_other_type, OBJECTS, NO_OBJECT),
    CASE(acquired_truncated, DEVICE, "the command 61452 of only 8 bytes"),
    CASE(acquired_without_device, BARE, "the command 61452 without a device"),
    CASE(acquired_too_many, DEVICE, "more than 256 acquired images that nobody waits for"),
    CASE(acquired_again_and_again, DEVICE, NULL),
};
const struct hostile_group hostile_acquired = GROUP(cases);
