/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hoststore/paths.h"

static const struct store_paths paths = {"/var/lib/gpupv/DriverStore",
                                         "/run/gpupv/HostDriverStore"};

#define HOST "/var/lib/gpupv/DriverStore"
#define GUEST "/run/gpupv/HostDriverStore"
#define WINDOWS "C:\\Windows\\System32\\"

static void assert_translates(const struct store_paths *with, const char *host, const char *guest)
{
    char *result = NULL;
    if (store_path_to_guest(with, host, &result) != 0)
        fail_msg("%s is refused", host);
    assert_string_equal(result, guest);
    free(result);
}

static void assert_refused(const char *host, int code)
{
    char *result = NULL;
    int got = store_path_to_guest(&paths, host, &result);
    if (got != code)
        fail_msg("%s gives %d, not %d", host, got, code);
}

static void posix_paths_translate(void **state)
{
    (void)state;
    assert_translates(&paths, HOST "/FileRepository/a_1_x86_64_00/lib.so",
                      GUEST "/FileRepository/a_1_x86_64_00/lib.so");
    assert_translates(&paths, HOST, GUEST);
    assert_translates(&paths, HOST "/FileRepository", GUEST "/FileRepository");
    assert_translates(&paths, HOST "/a/..b/c...", GUEST "/a/..b/c...");
    assert_translates(&paths, HOST "/\xc3\xbc/\xf0\x9f\x98\x80",
                      GUEST "/\xc3\xbc/\xf0\x9f\x98\x80");

    const struct store_paths slashes = {HOST "//", GUEST "/"};
    assert_translates(&slashes, HOST "/x", GUEST "/x");
    assert_translates(&slashes, HOST, GUEST);
}

static void other_paths_are_not_found(void **state)
{
    (void)state;
    assert_refused("/usr/lib/libvulkan.so", -ENOENT);
    assert_refused("", -ENOENT);
    assert_refused("lib.so", -ENOENT);
    assert_refused("var/lib/gpupv/DriverStore/x", -ENOENT);
    assert_refused("/var/lib/gpupv", -ENOENT);
    assert_refused(HOST "2", -ENOENT);
    assert_refused(HOST "2/FileRepository/x", -ENOENT);
    assert_refused("/var/lib/gpupv/driverstore/x", -ENOENT);
    assert_refused("/x" HOST "/y", -ENOENT);
}

static void posix_escapes_are_refused(void **state)
{
    (void)state;
    assert_refused(HOST "/..", -EPERM);
    assert_refused(HOST "/../../../../etc/passwd", -EPERM);
    assert_refused(HOST "/FileRepository/../x", -EPERM);
    assert_refused(HOST "/FileRepository/x/..", -EPERM);
    assert_refused(HOST "/./x", -EPERM);
    assert_refused(HOST "/x/.", -EPERM);
    assert_refused(HOST "//x", -EPERM);
    assert_refused(HOST "/x//y", -EPERM);
    assert_refused(HOST "/", -EPERM);
    assert_refused(HOST "/x/", -EPERM);
    assert_refused(HOST "/x\ny", -EPERM);
    assert_refused(HOST "/x\x7f", -EPERM);
    assert_refused(HOST "/x\xc2\x9b", -EPERM);
    assert_refused(HOST "/x\xff", -EPERM);
    assert_refused(HOST "/x\\..\\y", -EPERM);
}

static void windows_paths_translate(void **state)
{
    (void)state;
    assert_translates(&paths, "C:\\Windows\\System32\\DriverStore\\FileRepository\\x\\d3dumd.dll",
                      "C:\\Windows\\System32\\HostDriverStore\\FileRepository\\x\\d3dumd.dll");
    assert_translates(&paths, "c:\\WINDOWS\\system32\\driverstore\\filerepository\\X",
                      "c:\\WINDOWS\\system32\\HostDriverStore\\filerepository\\X");
    assert_translates(&paths, "D:/Windows/System32/DriverStore/a",
                      "D:/Windows/System32/HostDriverStore/a");
    assert_translates(&paths, "\\SystemRoot\\System32\\DriverStore\\FileRepository\\x",
                      "\\SystemRoot\\System32\\HostDriverStore\\FileRepository\\x");
    assert_translates(&paths, "%SystemRoot%\\System32\\DriverStore\\x",
                      "%SystemRoot%\\System32\\HostDriverStore\\x");
    assert_translates(&paths, "%windir%\\system32\\drivers\\DriverStore\\x",
                      "%windir%\\system32\\drivers\\HostDriverStore\\x");
    assert_translates(&paths, "\\??\\C:\\Windows\\System32\\DriverStore\\x",
                      "\\??\\C:\\Windows\\System32\\HostDriverStore\\x");
    assert_translates(&paths, "\\\\?\\C:\\Windows\\System32\\DriverStore\\x",
                      "\\\\?\\C:\\Windows\\System32\\HostDriverStore\\x");
    assert_translates(&paths, WINDOWS "DriverStore", WINDOWS "HostDriverStore");
}

static void other_windows_paths_are_not_found(void **state)
{
    (void)state;
    assert_refused("C:\\Windows\\System32\\DriverStore2\\x", -ENOENT);
    assert_refused("C:\\Windows\\System32\\HostDriverStore\\x", -ENOENT);
    assert_refused("C:\\Windows\\System32", -ENOENT);
    assert_refused("C:\\Windows2\\System32\\DriverStore\\x", -ENOENT);
    assert_refused("C:Windows\\System32\\DriverStore\\x", -ENOENT);
    assert_refused("1:\\Windows\\System32\\DriverStore\\x", -ENOENT);
    assert_refused("\\\\server\\Windows\\System32\\DriverStore\\x", -ENOENT);
    assert_refused("%windir%x\\System32\\DriverStore\\x", -ENOENT);
    assert_refused("\\??\\", -ENOENT);
    /* Found by fuzzing: a path of the host's own file system was taken for a Windows one. */
    assert_refused("/SystemRoot/System32/DriverStore/x", -ENOENT);
    assert_refused("/SystemRoot\\System32\\driverStore\\x\\..Zy", -ENOENT);
    assert_refused("C:", -ENOENT);
}

static void windows_escapes_are_refused(void **state)
{
    (void)state;
    assert_refused(WINDOWS "DriverStore\\..\\x", -EPERM);
    assert_refused(WINDOWS "DriverStore\\a/../x", -EPERM);
    assert_refused(WINDOWS "DriverStore\\a\\.. \\x", -EPERM);
    assert_refused(WINDOWS "DriverStore\\a\\...\\x", -EPERM);
    assert_refused(WINDOWS "DriverStore\\.\\x", -EPERM);
    assert_refused(WINDOWS "DriverStore\\\\x", -EPERM);
    assert_refused(WINDOWS "DriverStore\\", -EPERM);
    assert_refused(WINDOWS "DriverStore\\a:b", -EPERM);
    assert_refused(WINDOWS "DriverStore\\a\tb", -EPERM);
}

static void packages_are_found_in_paths(void **state)
{
    (void)state;
    static const struct {
        const char *path, *package;
    } cases[] = {
        {HOST "/FileRepository/pkg/lib/a.so", "pkg"},
        {HOST "/FileRepository/pkg", "pkg"},
        {WINDOWS "DriverStore\\FileRepository\\pkg\\a.dll", "pkg"},
        {WINDOWS "DriverStore\\filerepository\\pkg", "pkg"},
        {HOST "/FileRepository", NULL},
        {HOST "/FileRepository/", NULL},
        {HOST "/FileRepository/..", NULL},
        {HOST "/FileRepository/pkg/../../x", NULL},
        {HOST "/FileRepositoryX/pkg", NULL},
        {HOST "/.incoming/pkg", NULL},
        {HOST, NULL},
        {HOST "2/FileRepository/pkg", NULL},
        {WINDOWS "DriverStore\\FileRepository", NULL},
        {"/usr/lib/x", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t length = 0;
        const char *package = store_path_package(&paths, cases[i].path, &length);
        if (!cases[i].package) {
            assert_null(package);
            continue;
        }
        assert_non_null(package);
        assert_int_equal(length, strlen(cases[i].package));
        assert_memory_equal(package, cases[i].package, length);
        /* It points into the path. */
        assert_in_range((uintptr_t)package, (uintptr_t)cases[i].path,
                        (uintptr_t)cases[i].path + strlen(cases[i].path));
    }
}

static void relative_paths_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "a/b.so", "..a", "a..", "...", ".hidden", "a b",
                                       "\xc3\xbc.json"};
    static const char *const bad[] = {
        "",      "/a",   "..", "../a",  "a/../b", "a/..",     ".",       "./a",      "a/./b",
        "a//b",  "a/",   "a\\b", "a\nb", "\x1b[0m", "a\xff", "\xc0\xaf", "\xed\xa0\x80",
        "a\xc2\x85",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(store_path_check_relative(good[i], NULL), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err = {""};
        assert_int_equal(store_path_check_relative(bad[i], &err), -EPERM);
        assert_true(err.text[0] != '\0');
    }

    char path[4097];
    memset(path, 'a', sizeof(path));
    path[4096] = '\0';
    assert_int_equal(store_path_check_relative(path, NULL), -EPERM);
    path[4095] = '\0';
    assert_int_equal(store_path_check_relative(path, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posix_paths_translate),
        cmocka_unit_test(other_paths_are_not_found),
        cmocka_unit_test(posix_escapes_are_refused),
        cmocka_unit_test(windows_paths_translate),
        cmocka_unit_test(other_windows_paths_are_not_found),
        cmocka_unit_test(windows_escapes_are_refused),
        cmocka_unit_test(packages_are_found_in_paths),
        cmocka_unit_test(relative_paths_are_checked),
    };
    return cmocka_run_group_tests_name("hoststore paths", tests, NULL, NULL);
}
