/* SPDX-License-Identifier: MIT */
/*
 * The way to the version of a PE image:
 *   DOS header (0x3c) -> "PE\0\0", file header, optional header -> data directory 2 (resources)
 *   section table: where an RVA lies in the file
 *   resource directory: type 16 -> first name -> first language -> data entry -> VS_VERSIONINFO
 * The three levels of the directory are walked by a loop of three, so that an image whose
 * directories point at each other costs no more than another.
 */
#include "hoststore/pe_version.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_HEADER_SIZE 24 /* with the signature */
#define SECTION_SIZE 40
#define MAX_SECTIONS 1024 /* Windows loads up to 96 */
#define DIRECTORY_SIZE 16
#define ENTRY_SIZE 8
#define MAX_ENTRIES 4096
#define RESOURCES 2
#define TYPE_VERSION 16
#define SUBDIRECTORY 0x80000000u
#define FIXED_OFFSET 40 /* of VS_FIXEDFILEINFO in VS_VERSIONINFO */
#define FIXED_SIZE 52
#define FIXED_SIGNATURE 0xfeef04bdu

struct image {
    int fd; /* -1: in memory */
    const uint8_t *data;
    uint64_t size;
    uint64_t sections; /* where the section table is */
    unsigned section_count;
};

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) | (uint32_t)get16(at + 2) << 16;
}

static int read_fd(int fd, uint8_t *to, size_t size, uint64_t offset)
{
    while (size) {
        ssize_t got = pread(fd, to, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            return -EINVAL; /* it was cut since its size was asked for */
        to += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return 0;
}

/* `what` is for messages. */
static int read_at(const struct image *image, uint64_t offset, void *to, size_t size,
                   const char *what, struct error *err)
{
    if (size > image->size || offset > image->size - size)
        return error_set(err, -EINVAL,
                         "the %s at offset 0x%llx ends behind the file's %llu bytes", what,
                         (unsigned long long)offset, (unsigned long long)image->size);
    if (image->fd < 0) {
        memcpy(to, image->data + offset, size);
        return 0;
    }
    int result = read_fd(image->fd, to, size, offset);
    return result ? error_set(err, result, "cannot read the %s at offset 0x%llx: %s", what,
                              (unsigned long long)offset, strerror(-result))
                  : 0;
}

/* The RVA of the resources, or -ENODATA. */
static int read_optional_header(const struct image *image, uint64_t offset, unsigned size,
                                uint32_t *resources, struct error *err)
{
    uint8_t bytes[112 + 8 * (RESOURCES + 1)];
    int result = read_at(image, offset, bytes, 2, "optional header", err);
    if (result)
        return result;
    unsigned magic = get16(bytes);
    if (magic != 0x10b && magic != 0x20b)
        return error_set(err, -EINVAL, "the optional header at offset 0x%llx is of the kind 0x%x, "
                                       "neither PE32 nor PE32+",
                         (unsigned long long)offset, magic);
    unsigned directories = magic == 0x10b ? 96 : 112;
    unsigned needed = directories + 8 * (RESOURCES + 1);
    if (size < directories)
        return error_set(err, -EINVAL, "the optional header has only %u bytes", size);
    if (size < needed)
        return error_set(err, -ENODATA, "it has no resources");
    result = read_at(image, offset, bytes, needed, "optional header", err);
    if (result)
        return result;
    *resources = get32(bytes + directories + 8 * RESOURCES);
    if (get32(bytes + directories - 4) <= RESOURCES || !*resources)
        return error_set(err, -ENODATA, "it has no resources");
    return 0;
}

static int read_headers(struct image *image, uint32_t *resources, struct error *err)
{
    uint8_t bytes[64];
    if (image->size < sizeof(bytes) || read_at(image, 0, bytes, sizeof(bytes), "DOS header", err) ||
        memcmp(bytes, "MZ", 2) != 0)
        return error_set(err, -EINVAL, "it is no PE image: it has no DOS header");
    uint64_t header = get32(bytes + 0x3c);
    int result = read_at(image, header, bytes, FILE_HEADER_SIZE, "PE header", err);
    if (result)
        return result;
    if (memcmp(bytes, "PE\0", 4) != 0)
        return error_set(err, -EINVAL, "it is no PE image: no PE header at offset 0x%llx",
                         (unsigned long long)header);
    unsigned optional_size = get16(bytes + 20);
    image->section_count = get16(bytes + 6);
    image->sections = header + FILE_HEADER_SIZE + optional_size;
    if (image->section_count > MAX_SECTIONS)
        return error_set(err, -EINVAL, "it has %u sections, at most %d are accepted",
                         image->section_count, MAX_SECTIONS);
    return read_optional_header(image, header + FILE_HEADER_SIZE, optional_size, resources, err);
}

/* Where `size` bytes at an RVA lie in the file. */
static int locate(const struct image *image, uint32_t rva, uint32_t size, uint64_t *offset,
                  struct error *err)
{
    for (unsigned i = 0; i < image->section_count; i++) {
        uint8_t bytes[SECTION_SIZE];
        int result = read_at(image, image->sections + (uint64_t)i * SECTION_SIZE, bytes,
                             sizeof(bytes), "section table", err);
        if (result)
            return result;
        uint32_t start = get32(bytes + 12), length = get32(bytes + 16);
        if (rva < start || rva - start >= length || size > length - (rva - start))
            continue;
        *offset = (uint64_t)get32(bytes + 20) + (rva - start);
        return 0;
    }
    return error_set(err, -EINVAL, "no section holds the %u bytes at the address 0x%x",
                     (unsigned)size, (unsigned)rva);
}

/* Finds an entry of the directory at `offset`: the one with the number `id`, or the first one for
 * 0. *target gets its second word. */
static int find_entry(const struct image *image, uint64_t offset, uint32_t id, uint32_t *target,
                      struct error *err)
{
    uint8_t bytes[DIRECTORY_SIZE];
    int result = read_at(image, offset, bytes, sizeof(bytes), "resource directory", err);
    if (result)
        return result;
    unsigned named = get16(bytes + 12), count = named + get16(bytes + 14);
    if (count > MAX_ENTRIES)
        return error_set(err, -EINVAL, "the resource directory at offset 0x%llx has %u entries",
                         (unsigned long long)offset, count);
    /* Those with a name come first, and are no version. */
    for (unsigned i = id ? named : 0; i < count; i++) {
        result = read_at(image, offset + DIRECTORY_SIZE + (uint64_t)i * ENTRY_SIZE, bytes,
                         ENTRY_SIZE, "resource entry", err);
        if (result)
            return result;
        if (!id || get32(bytes) == id) {
            *target = get32(bytes + 4);
            return 0;
        }
    }
    return error_set(err, -ENODATA, "it has no version resource");
}

/* The address and size of the first version resource. */
static int find_resource(const struct image *image, uint32_t resources, uint32_t *rva,
                         uint32_t *size, struct error *err)
{
    uint64_t base;
    uint32_t at = 0;
    int result = locate(image, resources, DIRECTORY_SIZE, &base, err);
    if (result)
        return result;
    for (int level = 0; level < 3; level++) {
        result = find_entry(image, base + at, level == 0 ? TYPE_VERSION : 0, &at, err);
        if (result)
            return result;
        if (!(at & SUBDIRECTORY) != (level == 2))
            return error_set(err, -EINVAL, "the resource directory has %s at level %d",
                             level == 2 ? "a directory" : "data", level + 1);
        at &= ~SUBDIRECTORY;
    }
    uint8_t bytes[16];
    result = read_at(image, base + at, bytes, sizeof(bytes), "resource data entry", err);
    if (result)
        return result;
    *rva = get32(bytes);
    *size = get32(bytes + 4);
    return 0;
}

static int read_version(struct image *image, pe_version *version, struct error *err)
{
    static const char key[] = "VS_VERSION_INFO";
    uint32_t resources = 0, rva = 0, size = 0;
    int result = read_headers(image, &resources, err);
    if (!result)
        result = find_resource(image, resources, &rva, &size, err);
    if (result)
        return result;
    if (size < FIXED_OFFSET + FIXED_SIZE)
        return error_set(err, -EINVAL, "the version resource has only %u bytes", (unsigned)size);
    uint64_t offset;
    uint8_t bytes[FIXED_OFFSET + FIXED_SIZE];
    result = locate(image, rva, sizeof(bytes), &offset, err);
    if (!result)
        result = read_at(image, offset, bytes, sizeof(bytes), "version resource", err);
    if (result)
        return result;
    bool good = get16(bytes + 2) >= FIXED_SIZE && get32(bytes + FIXED_OFFSET) == FIXED_SIGNATURE;
    for (size_t i = 0; i < sizeof(key); i++)
        good = good && get16(bytes + 6 + 2 * i) == key[i];
    if (!good)
        return error_set(err, -EINVAL, "the version resource at offset 0x%llx is malformed",
                         (unsigned long long)offset);
    *version = (uint64_t)get32(bytes + FIXED_OFFSET + 8) << 32 | get32(bytes + FIXED_OFFSET + 12);
    return 0;
}

int pe_version_parse(const void *data, size_t size, pe_version *version, struct error *err)
{
    struct image image = {.fd = -1, .data = data, .size = size};
    return read_version(&image, version, err);
}

int pe_version_read(int fd, pe_version *version, struct error *err)
{
    struct stat info;
    if (fstat(fd, &info) < 0)
        return error_set(err, -errno, "cannot look at the file: %s", strerror(errno));
    if (!S_ISREG(info.st_mode))
        return error_set(err, -EINVAL, "it is no regular file");
    struct image image = {.fd = fd, .size = (uint64_t)info.st_size};
    return read_version(&image, version, err);
}

void pe_version_format(pe_version version, char text[PE_VERSION_TEXT_SIZE])
{
    snprintf(text, PE_VERSION_TEXT_SIZE, "%u.%u.%u.%u", (unsigned)(version >> 48 & 0xffff),
             (unsigned)(version >> 32 & 0xffff), (unsigned)(version >> 16 & 0xffff),
             (unsigned)(version & 0xffff));
}
