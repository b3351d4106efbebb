/* SPDX-License-Identifier: MIT */
/* The names that stand for keys. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/key_names.h"

static struct host_env_adapter adapters[] = {
    {.name = "one", .service = "onesvc", .first_key = 0, .physical_count = 1},
    {.name = "a:b", .service = "a:b", .first_key = 1, .physical_count = 2},
    {.name = "off", .service = "off", .first_key = 3, .physical_count = 1},
};

static const struct host_env configured = {
    .control = "/nonexistent/control.sock", .adapters = adapters, .adapter_count = 3};
static const struct host_env unconfigured = {.control = "/nonexistent/control.sock"};

static void names_become_paths(void **state)
{
    static const struct {
        const struct host_env *env;
        const char *typed, *path;
    } cases[] = {
        {&configured, "HKLM\\A\\b", "HKLM\\A\\b"},
        {&configured, "adapter:one", KEY_CLASS "\\0000"},
        {&configured, "adapter:one:0", KEY_CLASS "\\0000"},
        {&configured, "adapter:a:b", KEY_CLASS "\\0001"},
        {&configured, "adapter:a:b:1", KEY_CLASS "\\0002"},
        {&configured, "adapter:off", KEY_CLASS "\\0003"},
        {&configured, "service:one", KEY_SERVICES "\\onesvc"},
        {&configured, "service:a:b", KEY_SERVICES "\\a:b"},
        {&configured, "service:other", KEY_SERVICES "\\other"},
        {&unconfigured, "adapter:gpu0", KEY_CLASS "\\0000"},
        {&unconfigured, "adapter:gpu12", KEY_CLASS "\\0012"},
        {&unconfigured, "service:gpu1", KEY_SERVICES "\\gpu1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {0};
        char *path = NULL;

        assert_int_equal(key_name_expand(cases[i].env, cases[i].typed, &path, &err), 0);
        assert_string_equal(path, cases[i].path);
        free(path);
    }
}

static void wrong_names_are_refused(void **state)
{
    static const struct {
        const struct host_env *env;
        const char *typed;
        int code;
        const char *part;
    } cases[] = {
        {&configured, "adapter:none", -ENOENT, "[adapter:none]"},
        {&configured, "adapter:gpu0", -ENOENT, "[adapter:gpu0]"},
        {&configured, "adapter:one:1", -ENOENT, "physical adapter 1"},
        {&configured, "adapter:a:b:2", -ENOENT, "physical adapter 2"},
        {&configured, "adapter:one:x", -EINVAL, "\"x\""},
        {&configured, "adapter:one:", -EINVAL, "\"\""},
        {&configured, "adapter:one:-1", -EINVAL, "\"-1\""},
        {&configured, "service:", -EINVAL, "\"\""},
        {&configured, "service:a\\b", -EINVAL, "a\\b"},
        {&unconfigured, "adapter:render", -ENOENT, "gpu0"},
        {&unconfigured, "adapter:gpu", -ENOENT, "\"gpu\""},
        {&unconfigured, "adapter:gpu10000", -ENOENT, "gpu10000"},
        {&unconfigured, "adapter:gpu0:1", -ENOENT, "physical adapter 1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {0};
        char *path = NULL;

        assert_int_equal(key_name_expand(cases[i].env, cases[i].typed, &path, &err), cases[i].code);
        assert_non_null(strstr(err.text, cases[i].part));
        assert_null(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_paths),
        cmocka_unit_test(wrong_names_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
