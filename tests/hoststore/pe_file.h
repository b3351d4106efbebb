/* SPDX-License-Identifier: MIT */
/* Makes small PE images with a version resource. */
#ifndef GPUPV_TESTS_HOSTSTORE_PE_FILE_H
#define GPUPV_TESTS_HOSTSTORE_PE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where things are in the image. */
enum {
    PE_HEADER = 0x80,
    PE_OPTIONAL = PE_HEADER + 24,
    PE_RAW = 0x400,       /* of the one section */
    PE_ADDRESS = 0x1000,  /* its address */
    PE_TYPE_ENTRY = PE_RAW + 16,
    PE_NAME_DIRECTORY = PE_RAW + 0x20,
    PE_LANGUAGE_DIRECTORY = PE_RAW + 0x40,
    PE_DATA_ENTRY = PE_RAW + 0x60,
    PE_VERSION_INFO = PE_RAW + 0x80,
    PE_FIXED = PE_VERSION_INFO + 40,
    PE_SIZE = PE_RAW + 0x200,
};

struct pe_file {
    uint8_t bytes[PE_SIZE];
};

void pe_file_make(struct pe_file *file, bool pe32_plus, uint64_t version);
void pe_put16(struct pe_file *file, size_t offset, uint16_t number);
void pe_put32(struct pe_file *file, size_t offset, uint32_t number);
/* The offset of the resource entry in the data directory, and of the section table. */
size_t pe_resource_slot(bool pe32_plus);
size_t pe_section_table(bool pe32_plus);

#endif
