/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hoststore/pe_version.h"
#include "pe_file.h"

#define VERSION 0x000a00004a610001u

/* In memory and from a file: both must agree. */
static int parse(const void *bytes, size_t size, pe_version *version, struct error *err)
{
    /* Exactly as large as told, so that a sanitizer sees a read behind it. */
    uint8_t *copy = malloc(size ? size : 1);
    struct error file_err = {""};
    pe_version from_file = 0;
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    err->text[0] = '\0';
    int result = pe_version_parse(copy, size, version, err);
    free(copy);

    int fd = memfd_create("image", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    assert_int_equal(pe_version_read(fd, &from_file, &file_err), result);
    assert_string_equal(file_err.text, err->text);
    close(fd);
    if (!result)
        assert_true(from_file == *version);
    return result;
}

static void expect(const struct pe_file *file, size_t size, int code, const char *cause)
{
    struct error err;
    pe_version version = 7;
    assert_int_equal(parse(file->bytes, size, &version, &err), code);
    assert_true(version == 7);
    if (!strstr(err.text, cause))
        fail_msg("\"%s\" does not tell \"%s\"", err.text, cause);
}

static void test_versions(void **state)
{
    (void)state;
    for (int plus = 0; plus < 2; plus++) {
        struct pe_file file;
        struct error err;
        pe_version version;
        char text[PE_VERSION_TEXT_SIZE];
        pe_file_make(&file, plus, VERSION);
        assert_int_equal(parse(file.bytes, PE_SIZE, &version, &err), 0);
        assert_true(version == VERSION);
        pe_version_format(version, text);
        assert_string_equal(text, "10.0.19041.1");
        pe_file_make(&file, plus, UINT64_MAX);
        assert_int_equal(parse(file.bytes, PE_SIZE, &version, &err), 0);
        pe_version_format(version, text);
        assert_string_equal(text, "65535.65535.65535.65535");
    }
}

static void test_without_version(void **state)
{
    (void)state;
    for (int plus = 0; plus < 2; plus++) {
        struct pe_file file;
        pe_file_make(&file, plus, VERSION);
        pe_put32(&file, pe_resource_slot(plus), 0);
        expect(&file, PE_SIZE, -ENODATA, "no resources");
        pe_file_make(&file, plus, VERSION);
        pe_put32(&file, PE_OPTIONAL + (plus ? 108 : 92), 2);
        expect(&file, PE_SIZE, -ENODATA, "no resources");
        pe_file_make(&file, plus, VERSION);
        pe_put32(&file, PE_TYPE_ENTRY, 24); /* a manifest instead */
        expect(&file, PE_SIZE, -ENODATA, "no version resource");
        pe_file_make(&file, plus, VERSION);
        pe_put16(&file, PE_LANGUAGE_DIRECTORY + 14, 0);
        expect(&file, PE_SIZE, -ENODATA, "no version resource");
    }
}

static void test_named_types_are_skipped(void **state)
{
    (void)state;
    struct pe_file file;
    struct error err;
    pe_version version;
    pe_file_make(&file, true, VERSION);
    /* The first entry has a name whose offset looks like the type 16. */
    memmove(file.bytes + PE_TYPE_ENTRY + 8, file.bytes + PE_TYPE_ENTRY, 8);
    pe_put32(&file, PE_TYPE_ENTRY + 4, 0x80000000u);
    pe_put16(&file, PE_RAW + 12, 1);
    assert_int_equal(parse(file.bytes, PE_SIZE, &version, &err), 0);
    assert_true(version == VERSION);
}

static void test_not_pe(void **state)
{
    (void)state;
    struct pe_file file = {{0}};
    expect(&file, 0, -EINVAL, "no PE image");
    expect(&file, PE_SIZE, -EINVAL, "no DOS header");
    pe_file_make(&file, true, VERSION);
    file.bytes[PE_HEADER + 1] = 'X';
    expect(&file, PE_SIZE, -EINVAL, "no PE header at offset 0x80");
    pe_file_make(&file, true, VERSION);
    pe_put16(&file, PE_OPTIONAL, 0x107);
    expect(&file, PE_SIZE, -EINVAL, "neither PE32 nor PE32+");
}

static void test_malformed(void **state)
{
    (void)state;
    size_t section = pe_section_table(true);
    const struct {
        size_t offset;
        uint32_t number;
        const char *cause;
    } cases[] = {
        {0x3c, 0xfffffff0, "PE header at offset 0xfffffff0"},
        {pe_resource_slot(true), 0x9000, "no section holds"},
        {section + 20, 0xfffffff0, "resource directory at offset 0xfffffff0"},
        {PE_TYPE_ENTRY + 4, PE_DATA_ENTRY - PE_RAW, "data at level 1"},
        {PE_LANGUAGE_DIRECTORY + 20, 0x80000000u, "a directory at level 3"},
        {PE_TYPE_ENTRY + 4, 0x8ffffff0, "resource directory at offset"},
        {PE_LANGUAGE_DIRECTORY + 20, 0x7ffffff0, "resource data entry at offset"},
        {PE_DATA_ENTRY, 0xfffffff0, "no section holds"},
        {PE_DATA_ENTRY, PE_ADDRESS + PE_SIZE - PE_RAW - 91, "no section holds the 92 bytes"},
        {PE_DATA_ENTRY + 4, 91, "only 91 bytes"},
        {PE_FIXED, 0, "malformed"},
        {PE_VERSION_INFO + 8, 0, "malformed"},
        {PE_RAW + 12, 0xffffffff, "has 131070 entries"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pe_file file;
        pe_file_make(&file, true, VERSION);
        pe_put32(&file, cases[i].offset, cases[i].number);
        expect(&file, PE_SIZE, -EINVAL, cases[i].cause);
    }
    struct pe_file file;
    pe_file_make(&file, true, VERSION);
    pe_put16(&file, PE_HEADER + 6, 0xffff);
    expect(&file, PE_SIZE, -EINVAL, "65535 sections");
}

/* Directories that lead to themselves. */
static void test_cycle(void **state)
{
    (void)state;
    struct pe_file file;
    pe_file_make(&file, true, VERSION);
    pe_put32(&file, PE_NAME_DIRECTORY + 20, 0x80000000u | (PE_NAME_DIRECTORY - PE_RAW));
    expect(&file, PE_SIZE, -EINVAL, "a directory at level 3");
}

/* Cut anywhere, and with any one byte changed, it is read or refused. */
static void test_damage(void **state)
{
    (void)state;
    struct pe_file file;
    struct error err;
    pe_version version;
    for (size_t size = 0; size < PE_FIXED + 16; size++) {
        pe_file_make(&file, size % 2, VERSION);
        assert_true(parse(file.bytes, size, &version, &err) < 0);
        assert_true(err.text[0] != '\0');
    }
    for (size_t i = 0; i < PE_SIZE; i++) {
        pe_file_make(&file, true, VERSION);
        file.bytes[i] ^= 0xff;
        int result = parse(file.bytes, PE_SIZE, &version, &err);
        assert_true(result == 0 || result == -EINVAL || result == -ENODATA);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_without_version),
        cmocka_unit_test(test_named_types_are_skipped),
        cmocka_unit_test(test_not_pe),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_cycle),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
