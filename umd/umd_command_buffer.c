/* SPDX-License-Identifier: MIT */
/*
 * Command buffers. What is recorded goes to the worker while it is recorded, in order with
 * everything else of the device. vkBeginCommandBuffer is the first command of a recording and
 * travels with it, so that beginning takes no lock; failures are told by vkEndCommandBuffer.
 */
#include "umd/umd_command_pool.h"

#include "umd/umd_render_pass.h"
#include "umd_commands.h"
#include "vkwire_encode.h"

static void note_result(struct umd_command_buffer *buffer, VkResult result)
{
    if (buffer->encoder.failed)
        result = VK_ERROR_OUT_OF_HOST_MEMORY;
    if (!buffer->result)
        buffer->result = result;
}

void umd_command_buffer_flush(struct umd_command_buffer *command_buffer)
{
    note_result(command_buffer, VK_SUCCESS);
    if (command_buffer->encoder.used && !command_buffer->result) {
        note_result(command_buffer,
                    umd_stream_record(command_buffer->device->stream, command_buffer->id,
                                      &command_buffer->encoder));
    }
    wire_encoder_reset(&command_buffer->encoder);
}

VkResult umd_BeginCommandBuffer(VkCommandBuffer handle, const VkCommandBufferBeginInfo *pBeginInfo)
{
    struct umd_command_buffer *buffer = umd_command_buffer_from(handle);
    umd_command_pool_lend(buffer);
    wire_encoder_reset(&buffer->encoder);
    buffer->result = VK_SUCCESS;
    if (buffer->begun) /* a recording that failed: the worker's buffer has not been ended */
        wire_put_ResetCommandBuffer(&buffer->encoder, 0);
    VkCommandBufferBeginInfo info;
    VkCommandBufferInheritanceInfo inheritance;
    umd_sanitize_begin(&info, &inheritance, pBeginInfo, buffer->level);
    wire_put_BeginCommandBuffer(&buffer->encoder, &info);
    note_result(buffer, VK_SUCCESS);
    if (!buffer->result) {
        buffer->begun = true;
        buffer->state = UMD_RECORDING;
    }
    return buffer->result;
}

VkResult umd_EndCommandBuffer(VkCommandBuffer handle)
{
    struct umd_command_buffer *buffer = umd_command_buffer_from(handle);
    if (!buffer->result)
        wire_put_EndCommandBuffer(&buffer->encoder);
    umd_command_buffer_flush(buffer);
    umd_command_pool_take_back(buffer);
    if (!buffer->result)
        buffer->begun = false;
    buffer->state = buffer->result ? UMD_INVALID : UMD_EXECUTABLE;
    return buffer->result;
}

VkResult umd_ResetCommandBuffer(VkCommandBuffer handle, VkCommandBufferResetFlags flags)
{
    struct umd_command_buffer *buffer = umd_command_buffer_from(handle);
    umd_command_pool_lend(buffer);
    wire_encoder_reset(&buffer->encoder);
    buffer->result = VK_SUCCESS;
    wire_put_ResetCommandBuffer(&buffer->encoder, flags);
    umd_command_buffer_flush(buffer);
    umd_command_pool_take_back(buffer);
    if (!buffer->result) {
        buffer->begun = false;
        buffer->state = UMD_INITIAL;
    }
    return buffer->result;
}
