/* SPDX-License-Identifier: MIT */
/* WCHAR strings of the D3DKMT API to UTF-8. Thread-safe. */
#ifndef GPUPV_LOADER_WIDE_H
#define GPUPV_LOADER_WIDE_H

#include <stddef.h>
#include <wchar.h>

/* The first `size` characters or those before the first NUL, malloc'ed. NULL with errno EILSEQ for
 * what is not Unicode, ENOMEM. */
char *wide_to_utf8(const wchar_t *text, size_t size);

#endif
