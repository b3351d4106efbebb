/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/log.h"
#include "wire/guard.h"

/* No address that a process gets, sanitizers' included. */
#define LIVE 0x3a5c0005u

static bool is_live(void *context, uint32_t handle)
{
    (*(int *)context)++;
    return handle == LIVE;
}

static int scan(enum guard_mode mode, const void *data, size_t size, struct error *err)
{
    int asked = 0;
    return guard_scan(mode, "an escape", data, size, is_live, &asked, err);
}

static void modes_have_words(void **state)
{
    (void)state;
    enum guard_mode mode;
    assert_int_equal(guard_parse_mode("off", &mode), 0);
    assert_int_equal(mode, GUARD_OFF);
    assert_int_equal(guard_parse_mode("warn", &mode), 0);
    assert_int_equal(mode, GUARD_WARN);
    assert_int_equal(guard_parse_mode("enforce", &mode), 0);
    assert_int_equal(mode, GUARD_ENFORCE);
    assert_int_equal(guard_parse_mode("strict", &mode), 0);
    assert_int_equal(mode, GUARD_STRICT);
    assert_int_equal(guard_parse_mode("Enforce", &mode), -EINVAL);
    assert_int_equal(guard_parse_mode("", &mode), -EINVAL);
}

static void pointers_are_found(const void *pointer)
{
    for (size_t offset = 0; offset <= 24; offset += 4) {
        uint8_t data[32] = {0};
        uint64_t word = (uintptr_t)pointer;
        memcpy(data + offset, &word, sizeof(word));
        struct error err = {""};
        assert_int_equal(scan(GUARD_ENFORCE, data, sizeof(data), &err), -EPERM);
        char expected[32];
        snprintf(expected, sizeof(expected), "offset %zu of 32", offset);
        assert_non_null(strstr(err.text, expected));
        assert_non_null(strstr(err.text, "an escape"));
        assert_non_null(strstr(err.text, "address"));
    }
}

static void a_pointer_at_any_fourth_byte_is_found(void **state)
{
    (void)state;
    int on_stack = 0;
    static int in_data;
    pointers_are_found(&on_stack);
    pointers_are_found(&in_data);
    pointers_are_found((const void *)(uintptr_t)guard_scan);
    pointers_are_found("text");
    void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    pointers_are_found((uint8_t *)page + 4095);
    munmap(page, 4096);
}

static void an_unmapped_address_is_a_number(void **state)
{
    (void)state;
    /* Three pages, the middle one given back: its neighbours are found, it is not. */
    long size = sysconf(_SC_PAGESIZE);
    uint8_t *pages = mmap(NULL, 3 * (size_t)size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(pages, MAP_FAILED);
    munmap(pages + size, (size_t)size);
    const uint64_t hole = (uintptr_t)pages + (uintptr_t)size;
    assert_int_equal(scan(GUARD_ENFORCE, &hole, sizeof(hole), NULL), 0);
    const uint64_t before = hole - 1, after = hole + (uint64_t)size;
    assert_int_equal(scan(GUARD_ENFORCE, &before, sizeof(before), NULL), -EPERM);
    assert_int_equal(scan(GUARD_ENFORCE, &after, sizeof(after), NULL), -EPERM);
    /* The remembered page is not taken for its neighbour. */
    const uint64_t both[] = {hole, hole + 1, after};
    struct error err = {""};
    assert_int_equal(scan(GUARD_ENFORCE, both, sizeof(both), &err), -EPERM);
    assert_non_null(strstr(err.text, "offset 16"));
    munmap(pages, (size_t)size);
    munmap(pages + 2 * size, (size_t)size);
}

static void numbers_pass(void **state)
{
    (void)state;
    const uint64_t numbers[] = {
        0, 1, 4096, 0xffff, 0xdeadbeef12345678, UINT64_MAX, UINT64_C(1) << 63, 0x3ff0000000000000,
    };
    /* One by one: two halves of neighbours may look like an address. */
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct error err = {""};
        if (scan(GUARD_ENFORCE, &numbers[i], sizeof(numbers[i]), &err))
            fail_msg("%s", err.text);
    }
}

static void a_handle_is_found(void **state)
{
    (void)state;
    for (size_t offset = 0; offset <= 12; offset += 4) {
        uint8_t data[16] = {0};
        uint32_t live = LIVE;
        memcpy(data + offset, &live, sizeof(live));
        struct error err = {""};
        assert_int_equal(scan(GUARD_ENFORCE, data, sizeof(data), &err), -EPERM);
        char expected[32];
        snprintf(expected, sizeof(expected), "offset %zu of 16", offset);
        assert_non_null(strstr(err.text, expected));
        assert_non_null(strstr(err.text, "handle"));
        assert_int_equal(guard_scan(GUARD_ENFORCE, "x", data, sizeof(data), NULL, NULL, NULL), 0);
    }
    /* Between two 4-byte words it is none. */
    uint8_t data[16];
    memset(data, 0xff, sizeof(data));
    uint32_t live = LIVE;
    memcpy(data + 2, &live, sizeof(live));
    assert_int_equal(scan(GUARD_ENFORCE, data, sizeof(data), NULL), 0);
}

static void short_and_odd_data_is_read_within_its_bounds(void **state)
{
    (void)state;
    const uint64_t self = (uintptr_t)&state;
    uint8_t data[16] = {0};
    memcpy(data, &self, sizeof(self));
    assert_int_equal(scan(GUARD_ENFORCE, NULL, 0, NULL), 0);
    for (size_t size = 0; size < 8; size++)
        assert_int_equal(scan(GUARD_ENFORCE, data, size, NULL), 0);
    assert_int_equal(scan(GUARD_ENFORCE, data, 8, NULL), -EPERM);
    /* The buffer itself may lie at an odd address. */
    uint8_t odd[17] = {0};
    memcpy(odd + 1 + 8, &self, sizeof(self));
    assert_int_equal(scan(GUARD_ENFORCE, odd + 1, 16, NULL), -EPERM);
    assert_int_equal(scan(GUARD_ENFORCE, odd + 1, 15, NULL), 0);
}

static void the_mode_decides(void **state)
{
    (void)state;
    const uint32_t live = LIVE;
    int asked = 0;
    assert_int_equal(guard_scan(GUARD_OFF, "x", &live, 4, is_live, &asked, NULL), 0);
    assert_int_equal(asked, 0);
    assert_int_equal(guard_scan(GUARD_WARN, "x", &live, 4, is_live, &asked, NULL), 0);
    assert_int_equal(asked, 1);
    assert_int_equal(guard_scan(GUARD_ENFORCE, "x", &live, 4, is_live, &asked, NULL), -EPERM);
}

#if UINTPTR_MAX == UINT32_MAX
/* Scans with the log going to a file, and gives what was logged. */
static int scan_logged(enum guard_mode mode, const void *data, size_t size, char text[512])
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    log_set_level(LOG_LEVEL_WARNING);
    int result = guard_scan(mode, "x", data, size, NULL, NULL, NULL);
    log_set_level(LOG_LEVEL_ERROR);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    text[fread(text, 1, 511, file)] = '\0';
    fclose(file);
    return result;
}

static void four_bytes_that_may_be_an_address_are_only_told(void **state)
{
    uint32_t words[4] = {1, 1, (uint32_t)(uintptr_t)&state, 1};
    char text[512];
    assert_int_equal(scan_logged(GUARD_WARN, words, sizeof(words), text), 0);
    assert_non_null(strstr(text, "offset 8 of 16"));
    assert_non_null(strstr(text, "may be an address"));
    assert_int_equal(scan_logged(GUARD_ENFORCE, words, sizeof(words), text), 0);
    assert_string_equal(text, "");
    /* What is certain comes first, wherever it stands. */
    uint32_t more[6] = {1, (uint32_t)(uintptr_t)&state, 1, 1, (uint32_t)(uintptr_t)&state, 0};
    struct error err = {""};
    assert_int_equal(scan(GUARD_ENFORCE, more, sizeof(more), &err), -EPERM);
    assert_non_null(strstr(err.text, "offset 16"));
}
#endif

static void unchanged_words_are_passed_over(void **state)
{
    (void)state;
    int object;
    void *pointer = &object;
    uint8_t before[24] = {0}, data[24];
    struct error err;
    memcpy(before + 4, &pointer, sizeof(pointer));
    memcpy(data, before, sizeof(data));
    assert_int_equal(guard_scan(GUARD_ENFORCE, "x", data, sizeof(data), NULL, NULL, &err), -EPERM);
    assert_int_equal(guard_scan_changes(GUARD_ENFORCE, "x", before, data, sizeof(data), &err), 0);
    /* The same value at a place where it was not before. */
    memcpy(data + 12, &pointer, sizeof(pointer));
    assert_int_equal(guard_scan_changes(GUARD_ENFORCE, "x", before, data, sizeof(data), &err),
                     -EPERM);
    assert_non_null(strstr(err.text, "offset 12"));
    /* A word of which only a part was there before is a changed one. */
    memset(before + 4, 0, 4);
    memset(data + 12, 0, 8);
    assert_int_equal(guard_scan_changes(GUARD_ENFORCE, "x", before, data, sizeof(data), &err),
                     -EPERM);
    assert_non_null(strstr(err.text, "offset 4"));
}

static void addresses_are_found_where_structures_have_them(void **state)
{
    (void)state;
    uint64_t words[4] = {7, UINT64_C(5) << 56 | (uintptr_t)&words, 0, 9};
    assert_int_equal(guard_find_address(words, sizeof(words)), sizeof(words));
    assert_int_equal(guard_find_address(words, 0), 0);
    /* Half of it in each of two words: no structure has it so. */
    uint64_t address = (uintptr_t)&words;
    memcpy((uint8_t *)words + 20, &address, sizeof(address));
    assert_int_equal(guard_find_address(words, sizeof(words)), sizeof(words));
    words[2] = 0;
    words[3] = address;
    bool found = sizeof(void *) == sizeof(uint64_t);
    assert_int_equal(guard_find_address(words, sizeof(words)), found ? 24 : sizeof(words));
    assert_int_equal(guard_find_address(words, 28), 28);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_have_words),
        cmocka_unit_test(a_pointer_at_any_fourth_byte_is_found),
        cmocka_unit_test(an_unmapped_address_is_a_number),
        cmocka_unit_test(numbers_pass),
        cmocka_unit_test(a_handle_is_found),
        cmocka_unit_test(short_and_odd_data_is_read_within_its_bounds),
        cmocka_unit_test(the_mode_decides),
        cmocka_unit_test(unchanged_words_are_passed_over),
        cmocka_unit_test(addresses_are_found_where_structures_have_them),
#if UINTPTR_MAX == UINT32_MAX
        cmocka_unit_test(four_bytes_that_may_be_an_address_are_only_told),
#endif
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
