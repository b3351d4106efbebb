/* SPDX-License-Identifier: MIT */
/* Events are the host's; setting one must not lie in a buffer while the device waits for it. */
#include "umd/umd.h"

#include "umd_commands.h"
#include "vkwire_encode.h"

VkResult umd_SetEvent(VkDevice handle, VkEvent event)
{
    struct umd_device *device = umd_device_from(handle);
    wire_put_SetEvent(umd_stream_begin(device->stream), event);
    return umd_stream_end(device->stream, true);
}
