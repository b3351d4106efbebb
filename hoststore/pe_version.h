/* SPDX-License-Identifier: MIT */
/*
 * The FileVersion of a Windows program or library: the fixed part (VS_FIXEDFILEINFO) of the first
 * version resource of a PE32 or PE32+ image. The file is untrusted: every offset is checked.
 * Thread-safe, libc alone.
 */
#ifndef GPUPV_HOSTSTORE_PE_VERSION_H
#define GPUPV_HOSTSTORE_PE_VERSION_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* dwFileVersionMS in the upper half, dwFileVersionLS in the lower: versions compare as numbers, and
 * 10.0.19041.1 is 0x000a00004a610001. */
typedef uint64_t pe_version;

/* Of an image in memory. -ENODATA when it is a PE image without a version resource, -EINVAL when it
 * is no PE image or is malformed; the text then tells offset and cause. */
int pe_version_parse(const void *image, size_t size, pe_version *version, struct error *err);

/* Of an open regular file, whatever its position; only the parts that matter are read. As above,
 * and the errno of a failed read. */
int pe_version_read(int fd, pe_version *version, struct error *err);

/* "10.0.19041.1" */
#define PE_VERSION_TEXT_SIZE 24
void pe_version_format(pe_version version, char text[PE_VERSION_TEXT_SIZE]);

#endif
