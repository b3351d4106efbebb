// SPDX-License-Identifier: MIT
// What a window shows: a digest of its pixels, and a PNG file.
#ifndef TESTS_PICTURE_H
#define TESTS_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

// Rows of 32-bit pixels, 0xXXRRGGBB; the highest byte is not looked at.
struct picture {
    const void *pixels;
    uint32_t width, height;
    uint32_t stride; // bytes from row to row
};

uint64_t picture_digest(const struct picture *picture);

// All of one colour.
bool picture_is_plain(const struct picture *picture);

// Says on stderr what went wrong.
bool picture_write_png(const struct picture *picture, const char *file);

#endif
