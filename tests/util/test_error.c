/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/error.h"

static void set_formats_and_returns_the_code(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(error_set(&err, -EINVAL, "%s has %d", "it", 7), -EINVAL);
    assert_string_equal(err.text, "it has 7");
    assert_int_equal(error_set(&err, -ENOENT, "other"), -ENOENT);
    assert_string_equal(err.text, "other");
}

static void prefix_goes_before_the_text(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, -EINVAL, "cause");
    assert_int_equal(error_prefix(&err, -EIO, "%s:%d", "file", 12), -EIO);
    assert_string_equal(err.text, "file:12: cause");
    error_prefix(&err, -EIO, "outer");
    assert_string_equal(err.text, "outer: file:12: cause");
}

static void no_place_for_the_text(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, -EPERM, "dropped"), -EPERM);
    assert_int_equal(error_prefix(NULL, -EPERM, "dropped"), -EPERM);
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    struct error err;
    char text[2 * sizeof(err.text)];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';

    error_set(&err, -EINVAL, "%s", text);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    error_prefix(&err, -EINVAL, "before");
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_memory_equal(err.text, "before: xxx", 11);
    error_prefix(&err, -EINVAL, "%s", text);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_formats_and_returns_the_code),
        cmocka_unit_test(prefix_goes_before_the_text),
        cmocka_unit_test(no_place_for_the_text),
        cmocka_unit_test(long_texts_are_cut),
    };
    return cmocka_run_group_tests_name("util/error", tests, NULL, NULL);
}
