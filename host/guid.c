/* SPDX-License-Identifier: MIT */
#include "host/guid.h"

#include <stdio.h>

void guid_mark(uint8_t guid[16])
{
    guid[6] = (uint8_t)((guid[6] & 0x0f) | 0x80);
    guid[8] = (uint8_t)((guid[8] & 0x3f) | 0x80);
}

void guid_format(const uint8_t g[16], char text[GUID_TEXT])
{
    snprintf(text, GUID_TEXT,
             "{%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x}", g[0], g[1],
             g[2], g[3], g[4], g[5], g[6], g[7], g[8], g[9], g[10], g[11], g[12], g[13], g[14],
             g[15]);
}
