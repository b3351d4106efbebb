/* SPDX-License-Identifier: MIT */
/* What the worker's streams need of the generated executor and of the subjects, without a driver.
 */
#include <stdlib.h>
#include <unistd.h>

#include "host/worker/exec_acquired.h"
#include "host/worker/exec_device.h"
#include "host/worker/exec_private.h"
#include "tests/worker/pair.h"
#include "vkwire_exec.h"

struct pair_notes pair_notes;

static void note(const struct exec *x, uint16_t opcode, uint32_t number)
{
    uint32_t at = pair_notes.count;
    if (at >= PAIR_MAX_NOTES)
        abort();
    pair_notes.notes[at] = (uint64_t)opcode << 32 | number;
    pair_notes.targets[at] = (uintptr_t)x->command_buffer;
    pair_notes.count = at + 1;
}

static void echo(struct exec *x, const struct pair_echo *command)
{
    uint8_t *bytes = arena_take(&x->arena, command->size ? command->size : 1);
    if (!bytes) {
        exec_fail(x, STREAM_LOST_MEMORY, "no memory");
        return;
    }
    for (uint32_t i = 0; i < command->size; i++)
        bytes[i] = (uint8_t)(i * 7 + command->number);
    exec_reply(x, command->reply, (VkResult)command->number, bytes, command->size);
}

static void check_blob(const struct pair_note *command, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)(command + 1);
    for (size_t i = 0; i < size - sizeof(*command); i++) {
        if (bytes[i] != (uint8_t)(i * 7 + command->number))
            pair_notes.bad_bytes++;
    }
}

void vkwire_run(struct exec *x, uint16_t opcode, uint8_t *command, size_t size)
{
    const struct pair_note *noted = (const void *)command;
    if (size < (opcode == PAIR_ECHO ? sizeof(struct pair_echo) : sizeof(struct pair_note))) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "too short");
        return;
    }
    switch (opcode) {
    case PAIR_ECHO:
        echo(x, (const void *)command);
        return;
    case PAIR_REFUSED:
        exec_fail(x, STREAM_LOST_PROTOCOL, "refused as asked");
        return;
    case PAIR_SLOW:
        usleep(noted->number % 100000);
        break;
    case PAIR_BLOB:
        check_blob(noted, size);
        break;
    case PAIR_COMPLETE:
        stream_io_complete(x->io, 0, noted->number);
        break;
    case PAIR_NOTE:
    case PAIR_RECORD:
        break;
    default:
        exec_fail(x, STREAM_LOST_PROTOCOL, "the unknown command %u", opcode);
        return;
    }
    note(x, opcode, noted->number);
}

bool vkwire_records(uint16_t opcode)
{
    return opcode == PAIR_RECORD || opcode == PAIR_BLOB;
}

void vkwire_destroy_object(struct exec *x, struct exec_object *object)
{
    (void)x;
    (void)object;
}

bool exec_compile_takes(uint16_t opcode)
{
    (void)opcode;
    return false;
}

void exec_compile_command(struct exec *x, uint16_t opcode, uint8_t *command, size_t size)
{
    (void)x, (void)opcode, (void)command, (void)size;
}

bool exec_free_command_buffer(struct exec *x)
{
    (void)x;
    return false;
}

void exec_object_settle(struct exec *x, struct exec_object *object)
{
    (void)x;
    object->handle[0] = 0;
}

void exec_create_device(struct exec *x, uint8_t *command, size_t size)
{
    (void)size;
    exec_reply(x, ((const struct stream_create_device *)(const void *)command)->reply, VK_SUCCESS,
               NULL, 0);
}

void exec_destroy_device(struct exec *x)
{
    exec_objects_destroy(x);
}

#define NO_COMMAND(name)                                                                           \
    void name(struct exec *x, uint8_t *command, size_t size)                                       \
    {                                                                                              \
        (void)x, (void)command, (void)size;                                                        \
    }
NO_COMMAND(exec_allocate_memory)
NO_COMMAND(exec_write_descriptors)
NO_COMMAND(exec_push_descriptors)
NO_COMMAND(exec_pipeline_results)

void exec_write_memory(struct exec *x, const uint8_t *command, size_t size)
{
    (void)x, (void)command, (void)size;
}

void exec_signal_acquired(struct exec *x, const struct stream_object *command)
{
    (void)x;
    (void)command;
}

void exec_read_memory(struct exec *x, const uint8_t *command, size_t size)
{
    (void)x, (void)command, (void)size;
}

void exec_free_memory(struct exec *x, const struct stream_object *command)
{
    (void)x, (void)command;
}

void exec_signal_queues(struct exec *x)
{
    (void)x;
}

bool exec_sync_poll(struct exec *x)
{
    (void)x;
    return false;
}

void exec_sync_sleep(struct exec *x)
{
    (void)x;
}
