/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "icd/icd.h"
#include "util/log.h"

#define OLDEST_VERSION 2u
#define NEWEST_VERSION 7u
/* From this version on a driver makes its own surfaces. */
#define SURFACE_VERSION 3u

/* The interface gives a driver no object to keep this in. */
static atomic_uint negotiated = NEWEST_VERSION;

static bool is_disabled(void)
{
    const char *value = getenv("GPUPV_ICD_DISABLE");

    return value && value[0] && strcmp(value, "0");
}

VKAPI_ATTR VkResult VKAPI_CALL icd_NegotiateLoaderICDInterfaceVersion(uint32_t *pVersion)
{
    if (is_disabled()) {
        log_info("icd", "GPUPV_ICD_DISABLE is set: nothing is offered to this process");
        return VK_ERROR_INCOMPATIBLE_DRIVER;
    }
    if (*pVersion < OLDEST_VERSION) {
        log_error("icd",
                  "the Vulkan loader speaks driver interface %u; gpupv needs %u or newer: "
                  "update the Vulkan loader",
                  *pVersion, OLDEST_VERSION);
        return VK_ERROR_INCOMPATIBLE_DRIVER;
    }
    if (*pVersion > NEWEST_VERSION)
        *pVersion = NEWEST_VERSION;
    negotiated = *pVersion;
    return VK_SUCCESS;
}

uint32_t icd_negotiated_version(void)
{
    return negotiated;
}

bool icd_surfaces_offered(void)
{
    return negotiated >= SURFACE_VERSION;
}
