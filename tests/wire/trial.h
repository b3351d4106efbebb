/* SPDX-License-Identifier: MIT */
/*
 * What the generated trials of all commands (vkwire_trial.c) stand on: random values, a guest's stream
 * that runs commands at once in this process, a worker without a driver. A handle of the driver is the
 * guest's id, so that both sides see the same numbers.
 */
#ifndef GPUPV_TESTS_TRIAL_H
#define GPUPV_TESTS_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

#include "host/worker/exec.h"
#include "umd/stream.h"
#include "umd/umd.h"

/* sType of a structure that nobody knows. */
#define TRIAL_UNKNOWN ((VkStructureType)0x7ead0001)

/* An enumeration: what vk.xml knows of it. */
struct trial_kind {
    const char *name;
    int32_t first; /* what the driver gets in place of others */
    uint32_t count;
    const int32_t *values;
};

struct trial {
    uint64_t random;
    uint8_t *memory; /* of what the guest's program holds */
    size_t used, size;
    struct wire_encoder encoder;
    struct umd_stream *stream;
    struct exec exec;
    /* What was looked at, as a running digest; and its values at some points. */
    uint64_t seen;
    uint64_t sent, got, written, received;
    bool ran;
    bool answers; /* replies come from `reply` alone, nothing is run */
    char failure[256];
    const char *lost; /* the guest gave the stream up */
    const char *unknown; /* the driver got a value that this enumeration does not have */
    uint8_t *reply;
    size_t reply_size;
    VkResult reply_result;
    uint8_t *copy; /* of what is decoded */
    uint64_t added[64];
    uint32_t added_count;
};

/* The one that runs: the driver's functions have nothing else to find it by. */
extern struct trial *trial_current;

void trial_init(struct trial *trial, uint64_t seed);
void trial_finish(struct trial *trial);
/* Forgets the last command. */
void trial_clear(struct trial *trial);
/* Runs the one command in the encoder on the worker's side. */
void trial_execute(struct trial *trial);
/* A decoder over what is in the encoder, for what is not a command. */
struct exec_decoder;
void trial_decode(struct trial *trial, struct exec_decoder *decoder);

/* --- Random values --- */

uint64_t trial_number(struct trial *trial);
uint64_t trial_pick(struct trial *trial, uint64_t below);
void trial_bytes(struct trial *trial, void *to, size_t size);
/* A count that an enumeration gives: at most `room` where there is an array. */
uint64_t trial_count(struct trial *trial, bool array, uint64_t room);
void *trial_values(struct trial *trial, uint64_t count, size_t size);
/* One of the known values; also others now and then. */
int32_t trial_known(struct trial *trial, const struct trial_kind *kind);
int32_t trial_enum(struct trial *trial, const struct trial_kind *kind);
void *trial_enums(struct trial *trial, uint64_t count, const struct trial_kind *kind);
uint64_t trial_id(struct trial *trial, uint8_t type, bool optional);
void *trial_ids(struct trial *trial, uint64_t count, uint8_t type, bool optional);
const char *trial_string(struct trial *trial);
const char *const *trial_strings(struct trial *trial, uint64_t count);
VkQueue trial_VkQueue(struct trial *trial);
VkCommandBuffer trial_VkCommandBuffer(struct trial *trial);
VkCommandBuffer *trial_VkCommandBuffers(struct trial *trial, uint64_t count);
VkBaseOutStructure *trial_unknown_link(struct trial *trial);

/* --- Looking --- */

void look(struct trial *trial, const void *at, size_t size);
/* The guest looks at what the driver should get. `zero`: 0 is known, too. */
void look_enum(struct trial *trial, int32_t value, const struct trial_kind *kind, bool zero,
               bool host);
bool look_present(struct trial *trial, bool present);
void look_string(struct trial *trial, const char *string);
void look_VkQueue(struct trial *trial, VkQueue queue, bool host);
void look_VkCommandBuffer(struct trial *trial, VkCommandBuffer buffer, bool host);

/* --- Points --- */

void trial_begin(struct trial *trial);
void trial_sent(struct trial *trial);   /* the guest has looked at what it sends */
void trial_switch(struct trial *trial); /* the driver has looked at what it got */
void trial_ran(struct trial *trial);    /* … and at what it gave */
bool trial_answered(struct trial *trial, VkResult result);
void trial_received(struct trial *trial);

#endif
