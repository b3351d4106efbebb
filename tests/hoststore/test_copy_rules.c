/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hoststore/copy_rules.h"
#include "pe_file.h"
#include "registry/registry.h"
#include "util/file.h"

#define KEY "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}\\0000"

/* --- From the registry --------------------------------------------------------------------- */

static struct reg_hive *parse_hive(const char *text)
{
    struct reg_hive *hive;
    struct error err = {""};
    char *all = NULL;
    assert_true(asprintf(&all, "gpupv registry 1\n[" KEY "]\n%s", text) > 0);
    if (reg_hive_parse("test", all, strlen(all), &hive, &err))
        fail_msg("%s", err.text);
    free(all);
    return hive;
}

static void read_rules(const char *text, struct copy_rule **rules, size_t *count)
{
    struct error err = {""};
    struct reg_hive *hive = parse_hive(text);
    if (copy_rules_read(reg_hive_find(hive, KEY), rules, count, &err))
        fail_msg("%s", err.text);
    reg_hive_destroy(hive);
}

static void expect_rule(const struct copy_rule *rule, enum copy_rule_when when, bool wow64,
                        const char *source, const char *target)
{
    assert_int_equal(rule->when, when);
    assert_int_equal(rule->wow64, wow64);
    assert_string_equal(rule->source, source);
    assert_string_equal(rule->target, target);
}

static void test_read(void **state)
{
    (void)state;
    struct copy_rule *rules;
    size_t count;
    read_rules("[" KEY "\\CopyToVmOverwrite]\n"
               "\"A\" = sz:\"plain.dll\"\n"
               "\"B\" = multi_sz:\"Sub1\\\\Sub2/deep.dll\" \"\"\n"
               "\"C\" = multi_sz:\"one.dll\"\n"
               "[" KEY "\\copytovmwhennewer]\n"
               "\"D\" = multi_sz:\"softgpu1.dll\" \"softgpu.dll\"\n"
               "[" KEY "\\CopyToVmOverwriteWow64]\n"
               "\"E\" = multi_sz:\"softgpu1.dll\" \"softgpu.dll\"\n"
               "[" KEY "\\softgpukmd\\CopyToVmWhenNewerWow64]\n"
               "\"F\" = sz:\"x86\\\\f.exe\"\n"
               "[" KEY "\\too\\deep\\CopyToVmOverwrite]\n"
               "\"G\" = sz:\"g.dll\"\n",
               &rules, &count);
    assert_int_equal(count, 6);
    expect_rule(&rules[0], COPY_OVERWRITE, false, "plain.dll", "plain.dll");
    expect_rule(&rules[1], COPY_OVERWRITE, false, "Sub1/Sub2/deep.dll", "deep.dll");
    expect_rule(&rules[2], COPY_OVERWRITE, false, "one.dll", "one.dll");
    expect_rule(&rules[3], COPY_WHEN_NEWER, false, "softgpu1.dll", "softgpu.dll");
    expect_rule(&rules[4], COPY_OVERWRITE, true, "softgpu1.dll", "softgpu.dll");
    expect_rule(&rules[5], COPY_WHEN_NEWER, true, "x86/f.exe", "f.exe");
    copy_rules_free(rules, count);

    read_rules("", &rules, &count);
    assert_int_equal(count, 0);
    copy_rules_free(rules, count);
}

static void test_bad_values(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int code;
        const char *cause;
    } cases[] = {
        {"dword:1", -EINVAL, "REG_DWORD; REG_SZ or REG_MULTI_SZ"},
        {"expand_sz:\"a.dll\"", -EINVAL, "REG_EXPAND_SZ; REG_SZ or REG_MULTI_SZ"},
        {"binary:61 00", -EINVAL, "REG_BINARY; REG_SZ or REG_MULTI_SZ"},
        {"multi_sz:\"a.dll\" \"b.dll\" \"c.dll\"", -EINVAL, "3 strings; at most two"},
        {"multi_sz:\"a.dll\" \"\" \"\"", -EINVAL, "3 strings"},
        {"multi_sz:", -EPERM, "empty"},
        {"sz:\"\"", -EPERM, "empty"},
        {"multi_sz:\"\" \"b.dll\"", -EPERM, "empty"},
        {"sz:\"..\\\\a.dll\"", -EPERM, "not a name"},
        {"sz:\"\\\\a.dll\"", -EPERM, "absolute"},
        {"sz:\"/a.dll\"", -EPERM, "absolute"},
        {"sz:\"a\\\\\"", -EPERM, "empty component"},
        {"multi_sz:\"a.dll\" \"sub\\\\b.dll\"", -EPERM, "name of a file alone"},
        {"multi_sz:\"a.dll\" \"sub/b.dll\"", -EPERM, "name of a file alone"},
        {"multi_sz:\"a.dll\" \"C:b.dll\"", -EPERM, "name of a file alone"},
        {"multi_sz:\"a.dll\" \"..\"", -EPERM, "not a name"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = NULL;
        struct copy_rule *rules = NULL;
        size_t count = 99;
        struct error err = {""};
        assert_true(asprintf(&text, "[" KEY "\\CopyToVmOverwrite]\n\"Bad\" = %s\n",
                             cases[i].value) > 0);
        struct reg_hive *hive = parse_hive(text);
        assert_int_equal(copy_rules_read(reg_hive_find(hive, KEY), &rules, &count, &err),
                         cases[i].code);
        assert_null(rules);
        if (!strstr(err.text, "\\0000\\CopyToVmOverwrite, value \"Bad\"") ||
            !strstr(err.text, cases[i].cause))
            fail_msg("%s: %s", cases[i].value, err.text);
        reg_hive_destroy(hive);
        free(text);
    }
}

static void test_too_many(void **state)
{
    (void)state;
    struct reg_hive *hive = parse_hive("[" KEY "\\CopyToVmOverwrite]\n");
    struct reg_key *key = reg_hive_find(hive, KEY "\\CopyToVmOverwrite");
    struct copy_rule *rules;
    size_t count;
    struct error err = {""};
    for (int i = 0; i <= COPY_RULES_MAX; i++) {
        char name[32];
        snprintf(name, sizeof(name), "f%d.dll", i);
        assert_int_equal(reg_key_set_string(key, name, REG_TYPE_SZ, name, NULL), 0);
    }
    assert_int_equal(copy_rules_read(reg_hive_find(hive, KEY), &rules, &count, &err), -E2BIG);
    assert_non_null(strstr(err.text, "at most 1024"));
    reg_hive_destroy(hive);
}

#define RULE(wow64, source, target)                           \
    {                                                         \
        COPY_OVERWRITE, wow64, (char *)(source), (char *)(target) \
    }

/* --- Onto the disk -------------------------------------------------------------------------- */

static struct place {
    char *folder, *package, *native, *wow64;
    struct copy_report report;
    struct error err;
} place;

static int set_up(void **state)
{
    (void)state;
    place = (struct place){.folder = support_folder()};
    place.package = support_path(place.folder, "package");
    place.native = support_path(place.folder, "lib/native");
    place.wow64 = support_path(place.folder, "lib/wow64");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    copy_report_finish(&place.report);
    free(place.package);
    free(place.native);
    free(place.wow64);
    support_delete(place.folder);
    return 0;
}

static int apply(const struct copy_rule *rules, size_t count)
{
    copy_report_finish(&place.report);
    place.err.text[0] = '\0';
    return copy_rules_apply(rules, count, place.package, place.native, place.wow64, &place.report,
                            &place.err);
}

static int apply_one(enum copy_rule_when when, const char *source, const char *target)
{
    static struct copy_rule rule; /* the report points at it */
    rule = (struct copy_rule){when, false, (char *)source, (char *)target};
    return apply(&rule, 1);
}

static void expect_outcome(enum copy_outcome outcome, const char *why)
{
    assert_int_equal(place.report.count, 1);
    if (place.report.files[0].outcome != outcome ||
        !strstr(place.report.files[0].why.text, why))
        fail_msg("outcome %d: %s", place.report.files[0].outcome, place.report.files[0].why.text);
}

static void expect_text(const char *path, const char *text)
{
    char *full = support_path(place.folder, "%s", path), *data;
    size_t size;
    assert_int_equal(file_read(AT_FDCWD, full, 1 << 20, &data, &size, NULL), 0);
    assert_string_equal(data, text);
    free(data);
    free(full);
}

static void set_time(const char *path, time_t seconds, long nanoseconds)
{
    const struct timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
    char *full = support_path(place.folder, "%s", path);
    assert_int_equal(utimensat(AT_FDCWD, full, times, 0), 0);
    free(full);
}

static struct stat look(const char *path)
{
    struct stat info;
    char *full = support_path(place.folder, "%s", path);
    assert_int_equal(lstat(full, &info), 0);
    free(full);
    return info;
}

static void write_pe(const char *path, uint64_t version, time_t seconds)
{
    struct pe_file file;
    pe_file_make(&file, true, version);
    support_write(place.folder, path, &file, sizeof(file));
    set_time(path, seconds, 0);
}

static void test_overwrite(void **state)
{
    (void)state;
    support_write_text(place.folder, "package/sub/a.dll", "new");
    set_time("package/sub/a.dll", 1000, 5);
    support_write_text(place.folder, "package/tool", "program");
    char *tool = support_path(place.package, "tool");
    assert_int_equal(chmod(tool, 0700), 0);
    free(tool);
    support_write_text(place.folder, "lib/native/b.dll", "old and newer");
    struct copy_rule rules[] = {RULE(false, "sub/a.dll", "b.dll"),
                                RULE(true, "tool", "tool")};
    assert_int_equal(apply(rules, 2), 0);
    assert_int_equal(place.report.copied, 2);
    expect_text("lib/native/b.dll", "new");
    expect_text("lib/wow64/tool", "program");
    struct stat info = look("lib/native/b.dll");
    assert_int_equal(info.st_mode & 07777, 0644);
    assert_int_equal(info.st_mtim.tv_sec, 1000);
    assert_int_equal(info.st_mtim.tv_nsec, 5);
    assert_int_equal(look("lib/wow64/tool").st_mode & 07777, 0755);
    /* Nothing is left beside them. */
    assert_int_equal(support_count(place.native, "."), 1);
    assert_int_equal(support_count(place.wow64, "."), 1);
}

/* The later rule has the last word. */
static void test_two_rules_for_a_target(void **state)
{
    (void)state;
    support_write_text(place.folder, "package/a.dll", "first");
    support_write_text(place.folder, "package/b.dll", "second");
    struct copy_rule rules[] = {RULE(false, "a.dll", "x.dll"),
                                RULE(false, "b.dll", "x.dll")};
    assert_int_equal(apply(rules, 2), 0);
    assert_int_equal(place.report.copied, 2);
    expect_text("lib/native/x.dll", "second");
}

static void test_newer_by_time(void **state)
{
    (void)state;
    support_write_text(place.folder, "package/a.txt", "ours");
    set_time("package/a.txt", 1000, 500);
    assert_int_equal(apply_one(COPY_WHEN_NEWER, "a.txt", "a.txt"), 0);
    expect_outcome(COPY_DONE, "");
    /* The copy has the source's time, so a second one is not newer. */
    assert_int_equal(apply_one(COPY_WHEN_NEWER, "a.txt", "a.txt"), 0);
    expect_outcome(COPY_KEPT, "as new or newer");
    support_write_text(place.folder, "lib/native/a.txt", "theirs");
    set_time("lib/native/a.txt", 1000, 501);
    assert_int_equal(apply_one(COPY_WHEN_NEWER, "a.txt", "a.txt"), 0);
    expect_outcome(COPY_KEPT, "as new or newer");
    expect_text("lib/native/a.txt", "theirs");
    set_time("lib/native/a.txt", 1000, 499);
    assert_int_equal(apply_one(COPY_WHEN_NEWER, "a.txt", "a.txt"), 0);
    expect_outcome(COPY_DONE, "");
    expect_text("lib/native/a.txt", "ours");
}

static void test_newer_by_version(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        uint64_t ours, theirs;
        time_t our_time, their_time;
        enum copy_outcome outcome;
        const char *why;
    } cases[] = {
        /* The version decides before the time, whatever the case of the suffix. */
        {"x.dll", 0x0001000200030005, 0x0001000200030004, 1, 2, COPY_DONE, ""},
        {"x.EXE", 0x0001000200030005, 0x0001000200030004, 1, 2, COPY_DONE, ""},
        {"x.dll", 0x0001000200030004, 0x0001000200030005, 2, 1, COPY_KEPT,
         "has version 1.2.3.5, the driver's has 1.2.3.4"},
        {"x.dll", 0x000a000000000000, 0x0009ffffffffffff, 1, 2, COPY_DONE, ""},
        /* Equal: the time. */
        {"x.dll", 0x0001000200030004, 0x0001000200030004, 2, 1, COPY_DONE, ""},
        {"x.dll", 0x0001000200030004, 0x0001000200030004, 1, 2, COPY_KEPT, "as new"},
        {"x.dll", 0x0001000200030004, 0x0001000200030004, 1, 1, COPY_KEPT, "as new"},
        /* Other names: the time alone. */
        {"x.sys", 0x0001000200030005, 0x0001000200030004, 1, 2, COPY_KEPT, "as new"},
        {"x.sys", 0x0001000200030004, 0x0001000200030005, 2, 1, COPY_DONE, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *target = support_path("lib/native", "%s", cases[i].target);
        write_pe("package/source.bin", cases[i].ours, cases[i].our_time);
        write_pe(target, cases[i].theirs, cases[i].their_time);
        assert_int_equal(apply_one(COPY_WHEN_NEWER, "source.bin", cases[i].target), 0);
        expect_outcome(cases[i].outcome, cases[i].why);
        assert_int_equal(look(target).st_mtim.tv_sec,
                         cases[i].outcome == COPY_DONE ? cases[i].our_time : cases[i].their_time);
        free(target);
    }
}

/* No version is less than any. */
static void test_newer_without_version(void **state)
{
    (void)state;
    write_pe("package/x.dll", 1, 1);
    support_write_text(place.folder, "lib/native/x.dll", "no PE image");
    set_time("lib/native/x.dll", 2, 0);
    assert_int_equal(apply_one(COPY_WHEN_NEWER, "x.dll", "x.dll"), 0);
    expect_outcome(COPY_DONE, "");
    support_write_text(place.folder, "package/x.dll", "no PE image");
    set_time("package/x.dll", 3, 0);
    assert_int_equal(apply_one(COPY_WHEN_NEWER, "x.dll", "x.dll"), 0);
    expect_outcome(COPY_KEPT, "has version 0.0.0.1, the driver's has 0.0.0.0");
}

static void test_links(void **state)
{
    (void)state;
    support_write_text(place.folder, "secret", "secret");
    support_write_text(place.folder, "package/a.dll", "driver");
    char *native = support_path(place.native, "a.dll"), *inside = support_path(place.package, "l");
    char *folder = support_path(place.package, "up");
    assert_int_equal(file_make_folders(place.native, 0755, NULL), 0);
    assert_int_equal(symlink("../secret", inside), 0);
    assert_int_equal(symlink("..", folder), 0);
    assert_int_equal(symlink("../../secret", native), 0);

    assert_int_equal(apply_one(COPY_OVERWRITE, "l", "x"), -EIO);
    expect_outcome(COPY_FAILED, "symbolic link");
    assert_int_equal(apply_one(COPY_OVERWRITE, "up/secret", "x"), -EIO);
    expect_outcome(COPY_FAILED, "symbolic link");
    assert_false(support_exists(place.native, "x"));
    assert_int_equal(apply_one(COPY_WHEN_NEWER, "a.dll", "a.dll"), -EIO);
    expect_outcome(COPY_FAILED, "symbolic link");
    /* Replaced, not written through. */
    assert_int_equal(apply_one(COPY_OVERWRITE, "a.dll", "a.dll"), 0);
    expect_text("secret", "secret");
    expect_text("lib/native/a.dll", "driver");
    assert_true(S_ISREG(look("lib/native/a.dll").st_mode));
    free(native);
    free(inside);
    free(folder);
}

/* Rules that came over a wire are checked again. */
static void test_bad_rules(void **state)
{
    (void)state;
    static const char *const bad[][2] = {{"../secret", "x"}, {"/etc/passwd", "x"},
                                         {"a.dll", "../x"},  {"a.dll", ".."},
                                         {"a.dll", ""},      {"", "x"}, {"a.dll", "sub/x"}};
    support_write_text(place.folder, "secret", "secret");
    support_write_text(place.folder, "package/a.dll", "driver");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(apply_one(COPY_OVERWRITE, bad[i][0], bad[i][1]), -EIO);
        expect_outcome(COPY_FAILED, "");
        assert_true(place.report.files[0].why.text[0] != '\0');
    }
    assert_false(support_exists(place.folder, "lib/x"));
}

static void test_failures_do_not_stop_others(void **state)
{
    (void)state;
    support_write_text(place.folder, "package/a.dll", "driver");
    support_write_text(place.folder, "lib/native/folder/file", "");
    struct copy_rule rules[] = {RULE(false, "missing.dll", "m.dll"),
                                RULE(false, "a.dll", "folder"),
                                RULE(false, "a.dll", "a.dll")};
    assert_int_equal(apply(rules, 3), -EIO);
    assert_int_equal(place.report.failed, 2);
    assert_int_equal(place.report.copied, 1);
    assert_non_null(strstr(place.err.text, "2 files failed"));
    assert_non_null(strstr(place.err.text, "missing.dll"));
    expect_text("lib/native/a.dll", "driver");
    assert_int_equal(support_count(place.native, "."), 2);
    assert_true(place.report.files[2].rule == &rules[2]);

    free(place.wow64);
    place.wow64 = NULL;
    rules[2].wow64 = true;
    assert_int_equal(apply(rules + 2, 1), -EIO);
    expect_outcome(COPY_FAILED, "no folder for 32-bit");
    assert_int_equal(apply(rules, 0), 0);
    assert_int_equal(place.report.count, 0);
}

static void test_missing_package(void **state)
{
    (void)state;
    assert_int_equal(apply_one(COPY_OVERWRITE, "a.dll", "a.dll"), -EIO);
    expect_outcome(COPY_FAILED, "cannot open the folder");
    assert_false(support_exists(place.folder, "lib"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test_setup_teardown(test_overwrite, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_rules_for_a_target, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_newer_by_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_newer_by_version, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_newer_without_version, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_links, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failures_do_not_stop_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing_package, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
