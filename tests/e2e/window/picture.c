// SPDX-License-Identifier: MIT
#include "picture.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t *row_of(const struct picture *picture, uint32_t y)
{
    return (const uint32_t *)((const char *)picture->pixels + (size_t)y * picture->stride);
}

// FNV-1a over size and colours, a pixel at a time.
uint64_t picture_digest(const struct picture *picture)
{
    const uint64_t prime = 0x100000001b3;
    uint64_t hash = 0xcbf29ce484222325;
    hash = (hash ^ picture->width) * prime;
    hash = (hash ^ picture->height) * prime;
    for (uint32_t y = 0; y < picture->height; y++) {
        const uint32_t *row = row_of(picture, y);
        for (uint32_t x = 0; x < picture->width; x++) {
            hash = (hash ^ (row[x] & 0xffffff)) * prime;
        }
    }
    return hash;
}

bool picture_is_plain(const struct picture *picture)
{
    uint32_t first = row_of(picture, 0)[0] & 0xffffff;
    for (uint32_t y = 0; y < picture->height; y++) {
        const uint32_t *row = row_of(picture, y);
        for (uint32_t x = 0; x < picture->width; x++) {
            if ((row[x] & 0xffffff) != first) {
                return false;
            }
        }
    }
    return true;
}

bool picture_write_png(const struct picture *picture, const char *file)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION,
        .width = picture->width,
        .height = picture->height,
        .format = PNG_FORMAT_RGB,
    };
    unsigned char *rgb = malloc((size_t)picture->width * picture->height * 3);
    if (!rgb) {
        fprintf(stderr, "no memory for a picture of %ux%u\n", picture->width, picture->height);
        return false;
    }
    unsigned char *to = rgb;
    for (uint32_t y = 0; y < picture->height; y++) {
        const uint32_t *row = row_of(picture, y);
        for (uint32_t x = 0; x < picture->width; x++) {
            *to++ = row[x] >> 16 & 0xff;
            *to++ = row[x] >> 8 & 0xff;
            *to++ = row[x] & 0xff;
        }
    }
    bool ok = png_image_write_to_file(&image, file, 0, rgb, 0, NULL);
    if (!ok) {
        fprintf(stderr, "%s cannot be written: %s\n", file, image.message);
    }
    free(rgb);
    return ok;
}
