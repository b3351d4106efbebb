/* SPDX-License-Identifier: MIT */
/*
 * A stream whose ring is filled by hand, and the cases that break its rules (hostile.c).
 * What fails that must work ends the program (die).
 */
#ifndef TESTS_E2E_HOSTILE_H
#define TESTS_E2E_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

#include "gpupv/kmt.h"
#include "vkwire.h"
#include "wire/encoder.h"
#include "wire/ring.h"

#define PAGE 4096u
#define RING (1024u * 1024u)
#define SLOT 4096u
#define SLOTS 4u
#define SIZE (PAGE + RING + SLOTS * SLOT)
#define PATIENCE_MS 10000

struct stream {
    D3DKMT_HANDLE device, context, allocation, queue;
    struct stream_shared *shared;
    uint8_t *slots;
    struct ring_producer ring;
    struct wire_encoder encoder;
    uint32_t ticket;
};

extern D3DKMT_HANDLE adapter; /* that streams are opened on */

_Noreturn void die(const char *what, NTSTATUS status);
void check(const char *what, NTSTATUS status);

/* --- A stream --- */

D3DKMT_HANDLE allocate(struct stream *s, uint64_t size);
/* All but the queue. */
void open_memory(struct stream *s);
/* Of the stream that open_memory made, as it has to be. */
struct stream_open description(const struct stream *s);
NTSTATUS open_queue(struct stream *s, struct stream_open open);
void open_stream(struct stream *s);
void close_stream(struct stream *s);

uint64_t now_ms(void);
void nap(void);
enum stream_lost lost(const struct stream *s);

/* --- Sending --- */

/* Pieces are padded to 8 bytes. */
void *put(struct stream *s, const void *data, size_t size);
#define PUT(s, ...) put(s, &(__VA_ARGS__), sizeof(__VA_ARGS__))

void ring_bell(struct stream *s);
/* Puts a batch as it is told, whatever `payload` says. False: the stream was lost meanwhile. */
bool send_as(struct stream *s, const struct stream_batch *batch, const void *payload,
             uint32_t size);
/* Sends what was put. */
void send_batch(struct stream *s, enum stream_batch_kind kind, uint64_t target);
void send_commands(struct stream *s);
/* A command of a head alone. */
void send_words(struct stream *s, uint16_t opcode, uint16_t words);
void send_barrier(struct stream *s, uint32_t word);
/* Ends the command that began at `at`. */
void end_command(struct stream *s, size_t at);

/* The slot word of a reply that is asked for. */
uint32_t new_word(struct stream *s);
/* The result of the command that `word` was for. */
bool await_reply(struct stream *s, uint32_t word, int32_t *result);
/* Whether all before it has run, and the stream lives. */
bool answers(struct stream *s);
void must_answer(struct stream *s, const char *what);

/* --- What cases build on --- */

#define ID(slot, type) STREAM_ID(slot, 1, VKWIRE_OBJECT_##type)
#define HERE ((void *)(uintptr_t)1) /* stands for a pointer: what it points to follows */

enum { QUEUE = 1, BUFFER = 10, MEMORY, POOL, COMMANDS, OTHER, ANOTHER };
#define MEMORY_SIZE (64u * 1024u)

void put_device(struct stream *s, uint32_t reply);
void put_buffer_head(struct stream *s, uint64_t id, const void *next);
void put_buffer(struct stream *s, uint64_t id);
void put_destroy_buffer(struct stream *s, uint64_t id);
/* The slot word of its reply. */
uint32_t put_memory(struct stream *s, uint64_t id, uint64_t size, D3DKMT_HANDLE allocation);
void put_bind(struct stream *s, uint64_t offset);
void make_device(struct stream *s);
/* A buffer, memory, and a command buffer that records. */
void make_objects(struct stream *s);

/* --- Cases --- */

enum needs { BARE, DEVICE, OBJECTS };

struct hostile_case {
    const char *name;
    void (*run)(struct stream *s);
    enum needs needs;
    const char *pattern; /* of the log; NULL: it need not be lost */
};
#define CASE(function, least, logged)                                                              \
    {                                                                                              \
        .name = #function, .run = function, .needs = least, .pattern = logged                      \
    }
/* In patterns. */
#define SHORTER "it is shorter than its counts say"
#define NO_OBJECT "no object of type [0-9]+ has the id 0x[0-9a-f]+"

struct hostile_group {
    const struct hostile_case *cases;
    size_t count;
};
#define GROUP(cases)                                                                               \
    {                                                                                              \
        cases, sizeof(cases) / sizeof((cases)[0])                                                  \
    }
extern const struct hostile_group hostile_batches, hostile_commands, hostile_ids,
    hostile_structures, hostile_memory, hostile_acquired, hostile_parts, hostile_devices;

/* Tries to open streams that must be refused: 0, or 1 when one was opened. */
int refused_streams(void);

#endif
