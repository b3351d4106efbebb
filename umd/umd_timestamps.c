/* SPDX-License-Identifier: MIT */
/*
 * VK_EXT_calibrated_timestamps. The clocks of the guest's CPU are read here, as those of a host may be
 * others; the device's timestamp is the host's. The deviation is the time that all of it took.
 */
#include <string.h>
#include <time.h>

#include "umd/umd.h"
#include "umd/umd_physical_device.h"
#include "umd_commands.h"

#define MAX_DOMAINS 16u

/* The clock of a time domain; false for the device's and for unknown ones. */
static bool clock_of(VkTimeDomainEXT domain, clockid_t *clock)
{
    switch (domain) {
    case VK_TIME_DOMAIN_CLOCK_MONOTONIC_EXT:
        *clock = CLOCK_MONOTONIC;
        return true;
    case VK_TIME_DOMAIN_CLOCK_MONOTONIC_RAW_EXT:
        *clock = CLOCK_MONOTONIC_RAW;
        return true;
    default:
        return false;
    }
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now = {0};

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_GetPhysicalDeviceCalibrateableTimeDomainsEXT(
    VkPhysicalDevice physicalDevice, uint32_t *pTimeDomainCount, VkTimeDomainEXT *pTimeDomains)
{
    struct umd_stream *stream = umd_physical_device_stream(umd_physical_device_from(physicalDevice));
    VkTimeDomainEXT domains[MAX_DOMAINS];
    uint32_t count = MAX_DOMAINS, known = 0, room = *pTimeDomainCount;

    if (!stream)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkResult result = umd_call_GetPhysicalDeviceCalibrateableTimeDomainsEXT(stream, &count, domains);
    if (result < 0)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        clockid_t clock;
        if (domains[i] == VK_TIME_DOMAIN_DEVICE_EXT || clock_of(domains[i], &clock))
            domains[known++] = domains[i];
    }
    if (!pTimeDomains) {
        *pTimeDomainCount = known;
        return VK_SUCCESS;
    }
    *pTimeDomainCount = room < known ? room : known;
    memcpy(pTimeDomains, domains, *pTimeDomainCount * sizeof(*domains));
    return room < known ? VK_INCOMPLETE : VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_GetCalibratedTimestampsEXT(
    VkDevice device, uint32_t timestampCount, const VkCalibratedTimestampInfoEXT *pTimestampInfos,
    uint64_t *pTimestamps, uint64_t *pMaxDeviation)
{
    struct umd_stream *stream = umd_device_from(device)->stream;
    VkCalibratedTimestampInfoEXT of_device = {
        .sType = VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_EXT,
        .timeDomain = VK_TIME_DOMAIN_DEVICE_EXT,
    };
    uint64_t deviation = 0, device_time = 0, begin = read_clock(CLOCK_MONOTONIC_RAW);
    bool asked = false;

    for (uint32_t i = 0; i < timestampCount && !asked; i++)
        asked = pTimestampInfos[i].timeDomain == VK_TIME_DOMAIN_DEVICE_EXT;
    if (asked) {
        VkResult result =
            umd_call_GetCalibratedTimestampsEXT(stream, 1, &of_device, &device_time, &deviation);
        if (result != VK_SUCCESS)
            return result;
    }
    for (uint32_t i = 0; i < timestampCount; i++) {
        clockid_t clock;
        pTimestamps[i] = clock_of(pTimestampInfos[i].timeDomain, &clock) ? read_clock(clock)
                                                                         : device_time;
    }
    *pMaxDeviation = deviation + (read_clock(CLOCK_MONOTONIC_RAW) - begin);
    return VK_SUCCESS;
}
