/* SPDX-License-Identifier: MIT */
/* Folders and files for the tests of the store. A failure of a helper fails the test. */
#ifndef GPUPV_TESTS_HOSTSTORE_SUPPORT_H
#define GPUPV_TESTS_HOSTSTORE_SUPPORT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "hoststore/catalog.h"

/* A new empty folder below the temporary one, malloc'ed. */
char *support_folder(void);
/* Deletes it with all that is in it, and frees the string. */
void support_delete(char *folder);

/* "FOLDER/NAME" with formatted NAME, malloc'ed. */
char *support_path(const char *folder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Writes a file, making the folders it lies in. */
void support_write(const char *folder, const char *path, const void *data, size_t size);
void support_write_text(const char *folder, const char *path, const char *text);
void support_copy(const char *folder, const char *path, const char *source);
bool support_exists(const char *folder, const char *path);
/* The entries of a folder, without "." and ".."; -1 when it is not there. */
int support_count(const char *folder, const char *path);

/* A catalog with the name "drv", version "1.2.3", architecture "x86_64", manifest "drv.json" and an
 * entry for each of the named files as they are in the folder; also written there. */
struct catalog *support_catalog(const char *folder, const char *const *paths, size_t count);

/* The shared object that meson built for these tests. */
const char *support_library(void);

#endif
