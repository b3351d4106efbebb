/* SPDX-License-Identifier: MIT */
/* Where memory is shared, and none was freed, these are never called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "umd/umd_memory_cache.h"
#include "umd/umd_mirror.h"

VkResult umd_mirrors_send(struct umd_device *device)
{
    (void)device;
    fail_msg("memory is shared, and yet it is sent");
    return VK_ERROR_DEVICE_LOST;
}

VkResult umd_mirrors_receive(struct umd_device *device, bool again)
{
    (void)device;
    (void)again;
    fail_msg("memory is shared, and yet it is received");
    return VK_ERROR_DEVICE_LOST;
}

void umd_cache_age(struct umd_device *device)
{
    (void)device;
    fail_msg("no memory was freed, and yet it is looked at");
}
