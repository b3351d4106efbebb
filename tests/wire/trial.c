/* SPDX-License-Identifier: MIT */
#include "trial.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/worker/decoder.h"
#include "vkwire.h"
#include "vkwire_exec.h"
#include "vkwire_trial.h"

#define MEMORY (8u << 20)

struct trial *trial_current;

static struct vkwire_instance_dispatch instance_functions;
static struct vkwire_device_dispatch device_functions;

void trial_init(struct trial *trial, uint64_t seed)
{
    *trial = (struct trial){ .random = seed * 2 + 1, .size = MEMORY };
    trial->memory = calloc(1, MEMORY);
    if (!trial->memory)
        abort();
    wire_encoder_init(&trial->encoder);
    arena_init(&trial->exec.arena, 16u << 20);
    trial_driver(&instance_functions, &device_functions);
    trial->exec.vki = &instance_functions;
    trial->exec.vk = &device_functions;
    trial->exec.device = (VkDevice)(uintptr_t)0x10;
    trial->exec.command_buffer = (VkCommandBuffer)(uintptr_t)0x20;
    trial_current = trial;
}

void trial_finish(struct trial *trial)
{
    free(trial->memory);
    free(trial->reply);
    free(trial->copy);
    wire_encoder_finish(&trial->encoder);
    arena_finish(&trial->exec.arena);
    trial_current = NULL;
}

void trial_clear(struct trial *trial)
{
    trial->used = 0;
    wire_encoder_reset(&trial->encoder);
    trial->sent = trial->got = trial->written = trial->received = 0;
    trial->ran = false;
    trial->failure[0] = '\0';
    trial->lost = NULL;
    trial->unknown = NULL;
    trial->added_count = 0;
    trial->exec.lost = STREAM_ALIVE;
    arena_reset(&trial->exec.arena);
}

/* What is decoded lies in memory of exactly its size, so that a sanitizer sees who reads over its end. */
static uint8_t *copy(struct trial *trial)
{
    size_t size = trial->encoder.used;

    free(trial->copy);
    trial->copy = malloc(size ? size : 1);
    if (!trial->copy)
        abort();
    if (size)
        memcpy(trial->copy, trial->encoder.data, size);
    return trial->copy;
}

void trial_execute(struct trial *trial)
{
    uint8_t *command = copy(trial);

    vkwire_run(&trial->exec, ((struct stream_command *)(void *)command)->opcode, command,
               trial->encoder.used);
}

void trial_decode(struct trial *trial, struct exec_decoder *decoder)
{
    exec_decoder_init(decoder, &trial->exec, copy(trial), trial->encoder.used);
}

/* --- Random values --- */

uint64_t trial_number(struct trial *trial)
{
    trial->random ^= trial->random << 13;
    trial->random ^= trial->random >> 7;
    trial->random ^= trial->random << 17;
    return trial->random;
}

uint64_t trial_pick(struct trial *trial, uint64_t below)
{
    return (trial_number(trial) >> 11) % below;
}

void trial_bytes(struct trial *trial, void *to, size_t size)
{
    uint8_t *at = to;

    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(trial_number(trial) >> 24);
}

uint64_t trial_count(struct trial *trial, bool array, uint64_t room)
{
    return array ? trial_pick(trial, room + 1) : trial_pick(trial, 20);
}

void *trial_values(struct trial *trial, uint64_t count, size_t size)
{
    size_t bytes = ((size_t)count * size + 15) & ~(size_t)15;

    if (bytes > trial->size - trial->used)
        abort();
    void *at = trial->memory + trial->used;
    trial->used += bytes;
    trial_bytes(trial, at, bytes);
    return at;
}

int32_t trial_known(struct trial *trial, const struct trial_kind *kind)
{
    return kind->values[trial_pick(trial, kind->count)];
}

int32_t trial_enum(struct trial *trial, const struct trial_kind *kind)
{
    switch (trial_pick(trial, 8)) {
    case 0:
        return (int32_t)trial_number(trial);
    case 1: /* beside one, or several bits */
        return trial_known(trial, kind) + 1;
    default:
        return trial_known(trial, kind);
    }
}

void *trial_enums(struct trial *trial, uint64_t count, const struct trial_kind *kind)
{
    int32_t *values = trial_values(trial, count, sizeof(*values));

    for (uint64_t i = 0; i < count; i++)
        values[i] = trial_enum(trial, kind);
    return values;
}

uint64_t trial_id(struct trial *trial, uint8_t type, bool optional)
{
    if (optional && !trial_pick(trial, 3))
        return 0;
    return STREAM_ID(1 + trial_pick(trial, 1000), 1 + trial_pick(trial, 50), type);
}

void *trial_ids(struct trial *trial, uint64_t count, uint8_t type, bool optional)
{
    uint64_t *ids = trial_values(trial, count, sizeof(*ids));

    for (uint64_t i = 0; i < count; i++)
        ids[i] = trial_id(trial, type, optional);
    return ids;
}

const char *trial_string(struct trial *trial)
{
    size_t length = trial_pick(trial, 20);
    char *string = trial_values(trial, length + 1, 1);

    for (size_t i = 0; i < length; i++)
        string[i] = (char)('a' + trial_pick(trial, 26));
    string[length] = '\0';
    return string;
}

const char *const *trial_strings(struct trial *trial, uint64_t count)
{
    const char **strings = trial_values(trial, count, sizeof(*strings));

    for (uint64_t i = 0; i < count; i++)
        strings[i] = trial_string(trial);
    return strings;
}

VkQueue trial_VkQueue(struct trial *trial)
{
    struct umd_queue *queue = trial_values(trial, 1, sizeof(*queue));

    queue->id = trial_id(trial, VKWIRE_OBJECT_QUEUE, false);
    return (VkQueue)queue;
}

VkCommandBuffer trial_VkCommandBuffer(struct trial *trial)
{
    struct umd_command_buffer *buffer = trial_values(trial, 1, sizeof(*buffer));

    buffer->id = trial_id(trial, VKWIRE_OBJECT_COMMAND_BUFFER, false);
    return (VkCommandBuffer)buffer;
}

VkCommandBuffer *trial_VkCommandBuffers(struct trial *trial, uint64_t count)
{
    VkCommandBuffer *buffers = trial_values(trial, count, sizeof(*buffers));

    for (uint64_t i = 0; i < count; i++)
        buffers[i] = trial_VkCommandBuffer(trial);
    return buffers;
}

VkBaseOutStructure *trial_unknown_link(struct trial *trial)
{
    VkBaseOutStructure *link = trial_values(trial, 1, 64);

    link->sType = TRIAL_UNKNOWN;
    link->pNext = NULL;
    return link;
}

/* --- Looking --- */

void look(struct trial *trial, const void *at, size_t size)
{
    const uint8_t *bytes = at;

    for (size_t i = 0; i < size; i++)
        trial->seen = (trial->seen ^ bytes[i]) * 0x100000001b3u;
}

static bool is_known(const struct trial_kind *kind, int32_t value)
{
    for (uint32_t i = 0; i < kind->count; i++)
        if (kind->values[i] == value)
            return true;
    return false;
}

void look_enum(struct trial *trial, int32_t value, const struct trial_kind *kind, bool zero,
               bool host)
{
    if (!is_known(kind, value) && !(zero && !value)) {
        if (host)
            trial->unknown = kind->name;
        value = zero ? 0 : kind->first;
    }
    look(trial, &value, sizeof(value));
}

bool look_present(struct trial *trial, bool present)
{
    look(trial, &present, sizeof(present));
    return present;
}

void look_string(struct trial *trial, const char *string)
{
    if (look_present(trial, string != NULL))
        look(trial, string, strlen(string) + 1);
}

void look_VkQueue(struct trial *trial, VkQueue queue, bool host)
{
    uint64_t id = host ? (uint64_t)(uintptr_t)queue : umd_queue_from(queue)->id;

    look(trial, &id, sizeof(id));
}

void look_VkCommandBuffer(struct trial *trial, VkCommandBuffer buffer, bool host)
{
    uint64_t id = host ? (uint64_t)(uintptr_t)buffer : umd_command_buffer_from(buffer)->id;

    look(trial, &id, sizeof(id));
}

/* --- Points --- */

#define START 0xcbf29ce484222325u

void trial_begin(struct trial *trial)
{
    trial->seen = START;
}

void trial_sent(struct trial *trial)
{
    trial->sent = trial->seen;
    trial->seen = START;
}

void trial_switch(struct trial *trial)
{
    trial->got = trial->seen;
    trial->seen = START;
}

void trial_ran(struct trial *trial)
{
    trial->written = trial->seen;
    trial->ran = true;
}

bool trial_answered(struct trial *trial, VkResult result)
{
    trial->seen = START;
    return result == VK_SUCCESS;
}

void trial_received(struct trial *trial)
{
    trial->received = trial->seen;
}

/* --- The guest's stream --- */

struct wire_encoder *umd_call_begin(struct umd_stream *stream, struct umd_call *call)
{
    memset(call, 0, sizeof(*call));
    call->stream = stream;
    call->word = STREAM_REPLY(3, 77);
    return &trial_current->encoder;
}

VkResult umd_call_wait(struct umd_call *call)
{
    struct trial *trial = trial_current;

    if (!trial->answers) {
        trial_execute(trial);
        if (!trial->ran)
            return VK_ERROR_DEVICE_LOST;
    }
    call->result = trial->reply_result;
    call->data = trial->reply;
    call->size = trial->reply_size;
    return VK_SUCCESS;
}

void umd_call_end(struct umd_call *call)
{
    (void)call;
}

void umd_stream_lose(struct umd_stream *stream, const char *format, ...)
{
    (void)stream;
    trial_current->lost = format;
}

/* --- The worker's objects and stream --- */

void exec_fail(struct exec *x, enum stream_lost reason, const char *format, ...)
{
    struct trial *trial = trial_current;
    va_list list;

    if (x->lost != STREAM_ALIVE)
        return;
    x->lost = reason;
    va_start(list, format);
    vsnprintf(trial->failure, sizeof(trial->failure), format, list);
    va_end(list);
}

void exec_reply(struct exec *x, uint32_t word, VkResult result, const void *data, size_t size)
{
    struct trial *trial = trial_current;

    if (word != STREAM_REPLY(3, 77))
        exec_fail(x, STREAM_LOST_PROTOCOL, "a reply to nobody");
    free(trial->reply);
    trial->reply = malloc(size ? size : 1);
    if (!trial->reply)
        abort();
    if (size)
        memcpy(trial->reply, data, size);
    trial->reply_size = size;
    trial->reply_result = result;
}

struct exec_object *exec_object_find(struct exec *x, uint64_t id, uint8_t type)
{
    static struct exec_object object;

    (void)x;
    if (STREAM_ID_TYPE(id) != type || !STREAM_ID_GENERATION(id))
        return NULL;
    object = (struct exec_object){ .id = id, .handle = { id } };
    return &object;
}

struct exec_object *exec_object_get(struct exec *x, uint64_t id, uint8_t type)
{
    struct exec_object *object = exec_object_find(x, id, type);

    if (!object)
        exec_fail(x, STREAM_LOST_PROTOCOL, "no such object");
    return object;
}

bool exec_object_add(struct exec *x, uint64_t id, uint8_t type, uint64_t handle)
{
    struct trial *trial = trial_current;

    (void)handle;
    if (!exec_object_get(x, id, type) || trial->added_count == 64)
        return false;
    trial->added[trial->added_count++] = id;
    return true;
}

void exec_object_remove(struct exec *x, struct exec_object *object)
{
    (void)x;
    (void)object;
}
