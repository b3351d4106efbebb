/* SPDX-License-Identifier: MIT */
/* Events are the host's; setting one must not lie in a buffer while the device waits for it. */
#include "umd/umd_mirror.h"

#include "umd_commands.h"
#include "vkwire_encode.h"

VkResult umd_SetEvent(VkDevice handle, VkEvent event)
{
    struct umd_device *device = umd_device_from(handle);
    VkResult result = umd_memory_send(device);
    if (result)
        return result;
    wire_put_SetEvent(umd_stream_begin(device->stream), event);
    return umd_stream_end(device->stream, true);
}

/* The device may have set it in the middle of a submission. */
VkResult umd_GetEventStatus(VkDevice handle, VkEvent event)
{
    struct umd_device *device = umd_device_from(handle);
    VkResult result = umd_call_GetEventStatus(device->stream, event);
    if (result != VK_EVENT_SET || !device->mirrors)
        return result;
    VkResult received = umd_mirrors_receive(device, true);
    return received ? received : result;
}
