/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/utf.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One text of each length in all three forms. */
static const char text8[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
static const uint16_t text16[] = {'a', 0xe9, 0x20ac, 0xd83d, 0xde00, 'z'};
static const wchar_t text32[] = {'a', 0xe9, 0x20ac, 0x1f600, 'z'};
#define SIZE8 (sizeof(text8) - 1)

static void converts_each_form(void **state)
{
    (void)state;
    uint16_t units[16];
    char bytes[32];
    wchar_t wide[16];

    assert_int_equal(utf8_to_utf16(text8, SIZE8, units, 16), COUNT(text16));
    assert_memory_equal(units, text16, sizeof(text16));
    assert_int_equal(utf16_to_utf8(text16, COUNT(text16), bytes, 32), SIZE8);
    assert_memory_equal(bytes, text8, SIZE8);
    assert_int_equal(utf16_to_wide(text16, COUNT(text16), wide, 16), COUNT(text32));
    assert_memory_equal(wide, text32, sizeof(text32));
    assert_int_equal(wide_to_utf16(text32, COUNT(text32), units, 16), COUNT(text16));
    assert_memory_equal(units, text16, sizeof(text16));
}

static void tells_the_size_without_a_target(void **state)
{
    (void)state;
    assert_int_equal(utf8_to_utf16(text8, SIZE8, NULL, 0), COUNT(text16));
    assert_int_equal(utf16_to_utf8(text16, COUNT(text16), NULL, 0), SIZE8);
    assert_int_equal(utf16_to_wide(text16, COUNT(text16), NULL, 0), COUNT(text32));
    assert_int_equal(wide_to_utf16(text32, COUNT(text32), NULL, 0), COUNT(text16));
    assert_int_equal(utf8_to_utf16("", 0, NULL, 0), 0);
    assert_int_equal(utf16_to_utf8(NULL, 0, NULL, 0), 0);
}

static void passes_nul_on(void **state)
{
    (void)state;
    uint16_t units[3];
    char bytes[3];
    assert_int_equal(utf8_to_utf16("a\0b", 3, units, 3), 3);
    assert_int_equal(units[1], 0);
    assert_int_equal(utf16_to_utf8(units, 3, bytes, 3), 3);
    assert_memory_equal(bytes, "a\0b", 3);
}

/* Every capacity below the need fails, and nothing is written behind it. */
static void refuses_a_small_target(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < COUNT(text16); capacity++) {
        uint16_t units[8];
        memset(units, 0x5a, sizeof(units));
        assert_int_equal(utf8_to_utf16(text8, SIZE8, units, capacity), -ENOSPC);
        assert_int_equal(units[capacity], 0x5a5a);
        memset(units, 0x5a, sizeof(units));
        assert_int_equal(wide_to_utf16(text32, COUNT(text32), units, capacity), -ENOSPC);
        assert_int_equal(units[capacity], 0x5a5a);
    }
    for (size_t capacity = 0; capacity < SIZE8; capacity++) {
        char bytes[16];
        memset(bytes, 0x5a, sizeof(bytes));
        assert_int_equal(utf16_to_utf8(text16, COUNT(text16), bytes, capacity), -ENOSPC);
        assert_int_equal(bytes[capacity], 0x5a);
    }
    for (size_t capacity = 0; capacity < COUNT(text32); capacity++) {
        wchar_t wide[8];
        memset(wide, 0x5a, sizeof(wide));
        assert_int_equal(utf16_to_wide(text16, COUNT(text16), wide, capacity), -ENOSPC);
        assert_int_equal(wide[capacity], 0x5a5a5a5a);
    }
}

static void refuses_bad_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",             /* a continuation byte alone */
        "\xc3",             /* cut after the lead */
        "\xe2\x82",         /* cut before the last */
        "\xf0\x9f\x98",     /* the same, of four */
        "\xc3(",            /* no continuation behind the lead */
        "\xe2(\x82",        /* in the middle */
        "\xc0\x80",         /* over-long NUL */
        "\xc1\xbf",         /* over-long, two bytes */
        "\xe0\x9f\xbf",     /* over-long, three bytes */
        "\xf0\x8f\xbf\xbf", /* over-long, four bytes */
        "\xed\xa0\x80",     /* U+D800 */
        "\xed\xbf\xbf",     /* U+DFFF */
        "\xf4\x90\x80\x80", /* U+110000 */
        "\xf8\x88\x80\x80\x80",
        "\xfe",
        "\xff",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint16_t units[8];
        assert_int_equal(utf8_to_utf16(bad[i], strlen(bad[i]), units, 8), -EILSEQ);
        assert_int_equal(utf8_to_utf16(bad[i], strlen(bad[i]), NULL, 0), -EILSEQ);
        char behind[16] = "ok";
        strcat(behind, bad[i]);
        assert_int_equal(utf8_to_utf16(behind, strlen(behind), units, 8), -EILSEQ);
    }
}

static void takes_the_ends_of_each_range(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        wchar_t point;
    } good[] = {
        {"\x7f", 0x7f},
        {"\xc2\x80", 0x80},
        {"\xdf\xbf", 0x7ff},
        {"\xe0\xa0\x80", 0x800},
        {"\xed\x9f\xbf", 0xd7ff},
        {"\xee\x80\x80", 0xe000},
        {"\xef\xbf\xbf", 0xffff},
        {"\xf0\x90\x80\x80", 0x10000},
        {"\xf4\x8f\xbf\xbf", 0x10ffff},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        uint16_t units[2];
        wchar_t wide[2];
        char bytes[4];
        ssize_t count = utf8_to_utf16(good[i].bytes, strlen(good[i].bytes), units, 2);
        assert_int_equal(count, good[i].point > 0xffff ? 2 : 1);
        assert_int_equal(utf16_to_wide(units, (size_t)count, wide, 2), 1);
        assert_int_equal(wide[0], good[i].point);
        assert_int_equal(wide_to_utf16(wide, 1, units, 2), count);
        assert_int_equal(utf16_to_utf8(units, (size_t)count, bytes, 4), strlen(good[i].bytes));
        assert_memory_equal(bytes, good[i].bytes, strlen(good[i].bytes));
    }
}

static void refuses_bad_utf16(void **state)
{
    (void)state;
    static const uint16_t bad[][3] = {
        {'a', 'b', 0xd800},  /* a high surrogate at the end */
        {0xd800, 'a', 'b'},  /* with no low one behind */
        {0xdc00, 'a', 'b'},  /* a low one alone */
        {0xd800, 0xd800, 0}, /* two high ones */
        {0xdfff, 0xd800, 0}, /* swapped */
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        char bytes[16];
        wchar_t wide[8];
        assert_int_equal(utf16_to_utf8(bad[i], 3, bytes, 16), -EILSEQ);
        assert_int_equal(utf16_to_utf8(bad[i], 3, NULL, 0), -EILSEQ);
        assert_int_equal(utf16_to_wide(bad[i], 3, wide, 8), -EILSEQ);
        assert_int_equal(utf16_to_wide(bad[i], 3, NULL, 0), -EILSEQ);
    }
}

static void refuses_bad_utf32(void **state)
{
    (void)state;
    static const wchar_t bad[] = {0xd800, 0xdfff, 0x110000, 0x7fffffff, -1};
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint16_t units[8];
        wchar_t text[2] = {'a', bad[i]};
        assert_int_equal(wide_to_utf16(text, 2, units, 8), -EILSEQ);
        assert_int_equal(wide_to_utf16(text, 2, NULL, 0), -EILSEQ);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(converts_each_form), cmocka_unit_test(tells_the_size_without_a_target),
        cmocka_unit_test(passes_nul_on),      cmocka_unit_test(refuses_a_small_target),
        cmocka_unit_test(refuses_bad_utf8),   cmocka_unit_test(takes_the_ends_of_each_range),
        cmocka_unit_test(refuses_bad_utf16),  cmocka_unit_test(refuses_bad_utf32),
    };
    return cmocka_run_group_tests_name("util/utf", tests, NULL, NULL);
}
