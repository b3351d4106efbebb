/* SPDX-License-Identifier: MIT */
/* Each allocation fails in turn: the answer is -ENOMEM, nothing leaks (the sanitizers tell), and
 * what was there stays as it was. The linker's --wrap leads the library's allocations here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "registry/query.h"
#include "registry/reg_file.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);

static long allocations_left = -1; /* negative: all succeed */

static bool fails_now(void)
{
    return allocations_left >= 0 && allocations_left-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails_now() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
    return fails_now() ? NULL : __real_strndup(text, size);
}

static const char hive_text[] = "gpupv registry 1\n"
                                "\n[HKLM\\A\\B]\n"
                                "@ = sz:\"default\"\n"
                                "\"Binary\" = binary:00 11 22\n"
                                "\"Dword\" = dword:0x00000001\n"
                                "\"Multi\" = multi_sz:\"/store/a\" \"b\"\n"
                                "\n[HKLM\\A\\C]\n"
                                "\"x\" = expand_sz:\"%x%\"\n";

static struct reg_hive *parsed(void)
{
    struct reg_hive *hive;
    assert_int_equal(reg_hive_parse("f", hive_text, strlen(hive_text), &hive, NULL), 0);
    return hive;
}

static void assert_unchanged(const struct reg_hive *hive)
{
    char *text;
    size_t size;
    allocations_left = -1;
    assert_int_equal(reg_hive_format(hive, &text, &size), 0);
    assert_string_equal(text, hive_text);
    free(text);
}

/* Runs the action with the first, second, … allocation failing, until it needs no more. */
static void each_allocation(int (*action)(struct reg_hive *hive, struct error *err), bool has_error)
{
    for (long allowed = 0;; allowed++) {
        struct reg_hive *hive = parsed();
        struct error err = {.text = ""};
        allocations_left = allowed;
        int result = action(hive, &err);
        bool reached_the_end = allocations_left >= 0;
        allocations_left = -1;
        if (reached_the_end) {
            assert_int_equal(result, 0);
            reg_hive_destroy(hive);
            assert_true(allowed > 0);
            return;
        }
        assert_int_equal(result, -ENOMEM);
        if (has_error)
            assert_non_null(strstr(err.text, "memory"));
        assert_unchanged(hive);
        reg_hive_destroy(hive);
    }
}

static int do_parse(struct reg_hive *hive, struct error *err)
{
    struct reg_hive *other;
    (void)hive;
    int result = reg_hive_parse("f", hive_text, strlen(hive_text), &other, err);
    if (!result)
        reg_hive_destroy(other);
    return result;
}

static int do_format(struct reg_hive *hive, struct error *err)
{
    char *text;
    size_t size;
    (void)err;
    int result = reg_hive_format(hive, &text, &size);
    if (!result)
        free(text);
    return result;
}

static int do_make(struct reg_hive *hive, struct error *err)
{
    struct reg_key *key;
    return reg_hive_make(hive, "HKLM\\A\\New\\Newer\\Newest", &key, err);
}

static int do_set(struct reg_hive *hive, struct error *err)
{
    struct reg_key *key = reg_hive_find(hive, "HKLM\\A\\B");
    return reg_key_set_string(key, "new", REG_TYPE_MULTI_SZ, "text", err);
}

static int do_replace(struct reg_hive *hive, struct error *err)
{
    return reg_key_set_dword(reg_hive_find(hive, "HKLM\\A\\B"), "Dword", 2, err);
}

static int do_merge(struct reg_hive *hive, struct error *err)
{
    static const char text[] = "gpupv registry 1\n[HKLM\\A\\B]\n\"Dword\" = dword:2\n[HKLM\\D]\n";
    long allowed = allocations_left;
    struct reg_hive *from;
    allocations_left = -1;
    assert_int_equal(reg_hive_parse("f", text, strlen(text), &from, NULL), 0);
    allocations_left = allowed;
    int result = reg_hive_merge(hive, from, err);
    reg_hive_destroy(from);
    return result;
}

static const char reg_text[] = "Windows Registry Editor Version 5.00\n"
                               "[HKEY_LOCAL_MACHINE\\A\\B]\n"
                               "@=-\n\"new\"=\"text\"\n\"list\"=hex(7):61,00,00,00,00,00\n"
                               "\"none\"=hex(0):\n[-HKEY_LOCAL_MACHINE\\A\\C]\n";

static int do_reg_parse(struct reg_hive *hive, struct error *err)
{
    struct reg_edits *edits;
    (void)hive;
    int result = reg_file_parse("f", reg_text, strlen(reg_text), &edits, err);
    if (!result)
        reg_edits_destroy(edits);
    return result;
}

static int do_reg_apply(struct reg_hive *hive, struct error *err)
{
    long allowed = allocations_left;
    struct reg_edits *edits;
    allocations_left = -1;
    assert_int_equal(reg_file_parse("f", reg_text, strlen(reg_text), &edits, NULL), 0);
    allocations_left = allowed;
    int result = reg_edits_apply(edits, hive, err);
    reg_edits_destroy(edits);
    return result;
}

static int do_reg_format(struct reg_hive *hive, struct error *err)
{
    void *data;
    size_t size;
    (void)err;
    int result = reg_file_format(reg_hive_find(hive, "HKLM\\A"), &data, &size);
    if (!result)
        free(data);
    return result;
}

static int translate(void *context, const char *host_path, char **guest_path)
{
    (void)context;
    if (host_path[0] != '/')
        return -ENOENT;
    *guest_path = strdup("/guest/a");
    return *guest_path ? 0 : -ENOMEM;
}

static int do_query(struct reg_hive *hive, const struct reg_query *query)
{
    const struct reg_query_source source = {.service = reg_hive_find(hive, "HKLM\\A\\B"),
                                            .driver_store_path = "/store",
                                            .translate = translate};
    struct reg_value value;
    int result = reg_query(&source, query, &value);
    if (!result)
        free(value.data);
    return result;
}

static int do_query_translated(struct reg_hive *hive, struct error *err)
{
    (void)err;
    return do_query(hive, &(struct reg_query){.flags = REG_QUERY_FLAG_TRANSLATE_PATH,
                                              .name = "Multi",
                                              .value_type = REG_TYPE_MULTI_SZ});
}

static int do_query_binary(struct reg_hive *hive, struct error *err)
{
    (void)err;
    return do_query(hive, &(struct reg_query){.name = "Binary", .value_type = REG_TYPE_BINARY});
}

static int do_query_path(struct reg_hive *hive, struct error *err)
{
    (void)err;
    return do_query(hive, &(struct reg_query){.type = REG_QUERY_DRIVER_STORE_PATH});
}

static void texts(void **state)
{
    (void)state;
    each_allocation(do_parse, true);
    each_allocation(do_format, false);
}

static void changes(void **state)
{
    (void)state;
    each_allocation(do_make, true);
    each_allocation(do_set, true);
    each_allocation(do_replace, true);
    each_allocation(do_merge, true);
}

static void queries(void **state)
{
    (void)state;
    each_allocation(do_query_translated, false);
    each_allocation(do_query_binary, false);
    each_allocation(do_query_path, false);
}

static void reg_files(void **state)
{
    (void)state;
    each_allocation(do_reg_parse, true);
    each_allocation(do_reg_apply, true);
    each_allocation(do_reg_format, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(reg_files),
        cmocka_unit_test(changes),
        cmocka_unit_test(queries),
    };
    return cmocka_run_group_tests_name("registry/no_memory", tests, NULL, NULL);
}
