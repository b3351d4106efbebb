/* SPDX-License-Identifier: MIT */
/* A stream between both ends of one process (pair.h), and commands to send on it. */
#ifndef TESTS_WORKER_STREAM_FIXTURE_H
#define TESTS_WORKER_STREAM_FIXTURE_H

#include "tests/worker/pair.h"
#include "umd/stream_internal.h"

struct fixture {
    struct pair pair;
    struct umd_stream *stream;
};

int set_up(void **state);
/* Without shared memory. */
int set_up_messages(void **state);
int tear_down(void **state);

/* --- Commands --- */

void put_note(struct wire_encoder *encoder, uint16_t opcode, uint32_t number);
void put_blob(struct wire_encoder *encoder, uint32_t number, size_t size);
VkResult send_note(struct umd_stream *stream, uint16_t opcode, uint32_t number, bool kick);
/* Asks for `size` bytes, and looks at them. */
VkResult echo(struct umd_stream *stream, uint32_t size, uint32_t number);
/* Waits for all before it. */
VkResult barrier(struct umd_stream *stream);
/* A command buffer that the worker knows, made before anything is sent. */
uint64_t add_command_buffer(struct fixture *f, uint32_t slot, uint64_t handle);

/* --- What tests look at --- */

/* For umd_stream_wait, of a struct umd_stream: whether queue 0 has finished 5 submissions. */
bool has_completed(void *data);
/* Everything must fail on the fixture's stream. */
void expect_lost(struct fixture *f);

#endif
