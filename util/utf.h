/* SPDX-License-Identifier: MIT */
/*
 * UTF-8, UTF-16LE (the wire's and the registry's form) and UTF-32 (wchar_t on Linux).
 *
 * All converters are strict: over-long forms, lone surrogates and values above U+10FFFF are
 * refused with -EILSEQ. Sizes count units of the named form, not bytes, and never include a
 * terminator that the caller did not pass. `to` may be NULL to learn the size. A too small `capacity` gives
 * -ENOSPC. On success the number of units that the result needs is returned.
 * Thread-safe, no allocation, independent of the locale.
 */
#ifndef GPUPV_UTIL_UTF_H
#define GPUPV_UTIL_UTF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <wchar.h>

ssize_t utf8_to_utf16(const char *from, size_t from_size, uint16_t *to, size_t capacity);
ssize_t utf16_to_utf8(const uint16_t *from, size_t from_size, char *to, size_t capacity);
ssize_t utf16_to_wide(const uint16_t *from, size_t from_size, wchar_t *to, size_t capacity);
ssize_t wide_to_utf16(const wchar_t *from, size_t from_size, uint16_t *to, size_t capacity);

#endif
