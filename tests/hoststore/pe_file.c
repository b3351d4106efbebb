/* SPDX-License-Identifier: MIT */
#include "pe_file.h"

#include <string.h>

#define SUBDIRECTORY 0x80000000u

void pe_put16(struct pe_file *file, size_t offset, uint16_t number)
{
    file->bytes[offset] = (uint8_t)number;
    file->bytes[offset + 1] = (uint8_t)(number >> 8);
}

void pe_put32(struct pe_file *file, size_t offset, uint32_t number)
{
    pe_put16(file, offset, (uint16_t)number);
    pe_put16(file, offset + 2, (uint16_t)(number >> 16));
}

size_t pe_resource_slot(bool pe32_plus)
{
    return PE_OPTIONAL + (pe32_plus ? 112 : 96) + 2 * 8;
}

size_t pe_section_table(bool pe32_plus)
{
    return PE_OPTIONAL + (pe32_plus ? 240 : 224);
}

static void make_headers(struct pe_file *file, bool pe32_plus)
{
    size_t section = pe_section_table(pe32_plus);
    memcpy(file->bytes, "MZ", 2);
    pe_put32(file, 0x3c, PE_HEADER);
    memcpy(file->bytes + PE_HEADER, "PE\0", 4);
    pe_put16(file, PE_HEADER + 4, pe32_plus ? 0x8664 : 0x14c);
    pe_put16(file, PE_HEADER + 6, 1);
    pe_put16(file, PE_HEADER + 20, pe32_plus ? 240 : 224);
    pe_put16(file, PE_OPTIONAL, pe32_plus ? 0x20b : 0x10b);
    pe_put32(file, PE_OPTIONAL + (pe32_plus ? 108 : 92), 16);
    pe_put32(file, pe_resource_slot(pe32_plus), PE_ADDRESS);
    pe_put32(file, pe_resource_slot(pe32_plus) + 4, PE_SIZE - PE_RAW);
    memcpy(file->bytes + section, ".rsrc", 5);
    pe_put32(file, section + 8, PE_SIZE - PE_RAW);
    pe_put32(file, section + 12, PE_ADDRESS);
    pe_put32(file, section + 16, PE_SIZE - PE_RAW);
    pe_put32(file, section + 20, PE_RAW);
}

/* A directory with one entry that has a number. */
static void make_directory(struct pe_file *file, size_t offset, uint32_t id, uint32_t target)
{
    pe_put16(file, offset + 14, 1);
    pe_put32(file, offset + 16, id);
    pe_put32(file, offset + 20, target);
}

void pe_file_make(struct pe_file *file, bool pe32_plus, uint64_t version)
{
    static const char key[] = "VS_VERSION_INFO";
    memset(file, 0, sizeof(*file));
    make_headers(file, pe32_plus);
    make_directory(file, PE_RAW, 16, SUBDIRECTORY | (PE_NAME_DIRECTORY - PE_RAW));
    make_directory(file, PE_NAME_DIRECTORY, 1, SUBDIRECTORY | (PE_LANGUAGE_DIRECTORY - PE_RAW));
    make_directory(file, PE_LANGUAGE_DIRECTORY, 0x409, PE_DATA_ENTRY - PE_RAW);
    pe_put32(file, PE_DATA_ENTRY, PE_ADDRESS + PE_VERSION_INFO - PE_RAW);
    pe_put32(file, PE_DATA_ENTRY + 4, 92);
    pe_put16(file, PE_VERSION_INFO, 92);
    pe_put16(file, PE_VERSION_INFO + 2, 52);
    for (size_t i = 0; i < sizeof(key); i++)
        pe_put16(file, PE_VERSION_INFO + 6 + 2 * i, (uint16_t)key[i]);
    pe_put32(file, PE_FIXED, 0xfeef04bd);
    pe_put32(file, PE_FIXED + 4, 0x00010000);
    pe_put32(file, PE_FIXED + 8, (uint32_t)(version >> 32));
    pe_put32(file, PE_FIXED + 12, (uint32_t)version);
}
