/* SPDX-License-Identifier: MIT */
/* GUIDs as the service makes them: the same from one start to the next. */
#ifndef GPUPV_HOST_GUID_H
#define GPUPV_HOST_GUID_H

#include <stdint.h>

/* Makes 16 bytes of a digest a name-based UUID (RFC 9562 version 8: the digest is ours to choose).
 */
void guid_mark(uint8_t guid[16]);

/* "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}" and a NUL; the bytes are in the order of the text. */
#define GUID_TEXT 39
void guid_format(const uint8_t guid[16], char text[GUID_TEXT]);

#endif
