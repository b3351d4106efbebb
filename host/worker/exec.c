/* SPDX-License-Identifier: MIT */
#include "host/worker/exec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "host/worker/stream.h"
#include "vkwire_exec.h"

void exec_fail(struct exec *x, enum stream_lost reason, const char *format, ...)
{
    uint32_t alive = STREAM_ALIVE;
    if (!__atomic_compare_exchange_n((uint32_t *)&x->lost, &alive, (uint32_t)reason, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(x->io->why, sizeof(x->io->why), format, args);
    va_end(args);
    stream_io_lose(x->io, reason);
}

static void run(struct exec *x, uint16_t opcode, uint8_t *command, size_t size)
{
    bool recording = x->command_buffer != VK_NULL_HANDLE;
    bool is_private = opcode >= STREAM_PRIVATE_FIRST;
    bool records = is_private ? opcode == STREAM_PUSH_DESCRIPTORS : vkwire_records(opcode);
    if (records != recording)
        exec_fail(x, STREAM_LOST_PROTOCOL,
                  recording ? "the command %u in a recording, where it has no place"
                            : "the command %u outside of a recording",
                  opcode);
    else if (is_private)
        exec_private(x, opcode, command, size);
    else if (exec_compile_takes(opcode))
        exec_compile_command(x, opcode, command, size);
    else
        vkwire_run(x, opcode, command, size);
}

void exec_command(struct exec *x, uint8_t *command, size_t size)
{
    run(x, ((const struct stream_command *)(const void *)command)->opcode, command, size);
    arena_reset(&x->arena);
}

void exec_reply(struct exec *x, uint32_t word, VkResult result, const void *data, size_t size)
{
    int code = stream_io_reply(x->io, word, (int32_t)result, data, size);
    if (code == -ENOMEM)
        exec_fail(x, STREAM_LOST_MEMORY, "no memory for a reply of %zu bytes", size);
    else if (code)
        exec_fail(x, STREAM_LOST_PROTOCOL, "a reply of %zu bytes for the slot word 0x%x", size,
                  word);
}
