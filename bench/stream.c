/* SPDX-License-Identifier: MIT */
/*
 * What a stream costs between two threads of one process, without a driver: a call with an empty
 * reply (hot, and after idleness), a small command without one, a chunk of a recording. Prints
 * nanoseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/worker/pair.h"
#include "vkwire.h"
#include "wire/spin.h"

static void must(VkResult result)
{
    if (result != VK_SUCCESS)
        abort();
}

static void barrier(struct umd_stream *stream)
{
    struct umd_call call;
    struct wire_encoder *encoder = umd_call_begin(stream, &call);
    if (!encoder)
        abort();
    size_t at = encoder->used;
    struct stream_ask *ask = wire_put(encoder, sizeof(*ask));
    *ask = (struct stream_ask){{.opcode = STREAM_BARRIER}, call.word};
    wire_end_command(encoder, at);
    must(umd_call_wait(&call));
    umd_call_end(&call);
}

static void put_note(struct wire_encoder *encoder, uint16_t opcode)
{
    size_t at = encoder->used;
    struct pair_note *note = wire_put(encoder, sizeof(*note));
    *note = (struct pair_note){{.opcode = opcode}, 1};
    wire_end_command(encoder, at);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void time_calls(struct umd_stream *stream, const char *what, unsigned count,
                       unsigned pause_us)
{
    uint64_t *times = calloc(count, sizeof(*times));
    if (!times)
        abort();
    for (unsigned i = 0; i < count; i++) {
        if (pause_us)
            usleep(pause_us);
        uint64_t start = spin_now();
        barrier(stream);
        times[i] = spin_now() - start;
    }
    qsort(times, count, sizeof(*times), compare);
    printf("%-44s median %8llu  p99 %8llu\n", what, (unsigned long long)times[count / 2],
           (unsigned long long)times[count * 99 / 100]);
    free(times);
}

static void time_commands(struct umd_stream *stream, unsigned count)
{
    uint64_t start = spin_now();
    for (unsigned i = 0; i < count; i++) {
        put_note(umd_stream_begin(stream), PAIR_NOTE);
        must(umd_stream_end(stream, false));
    }
    uint64_t sent = spin_now() - start;
    barrier(stream);
    uint64_t run = spin_now() - start;
    pair_notes.count = 0;
    printf("%-44s undrained %5.1f  drained %5.1f\n", "a command of 8 bytes, each ended alone",
           (double)sent / count, (double)run / count);
}

static void time_recording(struct umd_stream *stream, uint64_t id, unsigned count)
{
    struct wire_encoder recording;
    wire_encoder_init(&recording);
    uint64_t start = spin_now();
    for (unsigned i = 0; i < count; i++) {
        put_note(&recording, PAIR_RECORD);
        if (recording.used >= 16384)
            must(umd_stream_record(stream, id, &recording));
    }
    must(umd_stream_record(stream, id, &recording));
    uint64_t sent = spin_now() - start;
    barrier(stream);
    uint64_t run = spin_now() - start;
    pair_notes.count = 0;
    wire_encoder_finish(&recording);
    printf("%-44s undrained %5.1f  drained %5.1f\n", "a recorded command of 8 bytes",
           (double)sent / count, (double)run / count);
}

int main(void)
{
    static struct pair pair;
    struct umd_stream *stream;
    pair_init(&pair);
    must(umd_stream_create(&pair.adapter, &stream));
    uint64_t id = STREAM_ID(1, 1, VKWIRE_OBJECT_COMMAND_BUFFER);
    if (!exec_object_add(&pair.streams[0]->exec, id, VKWIRE_OBJECT_COMMAND_BUFFER, 0x1000))
        abort();
    time_calls(stream, "a call with an empty reply", 200000, 0);
    time_calls(stream, "the same after 100 us", 2000, 100);
    time_calls(stream, "the same after 20 ms", 100, 20000);
    time_calls(stream, "a call with an empty reply, again", 200000, 0);
    for (int i = 0; i < 3; i++) {
        time_commands(stream, 500000);
        time_recording(stream, id, 500000);
    }
    umd_stream_destroy(stream);
    pair_finish(&pair);
    return 0;
}
