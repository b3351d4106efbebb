/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/file.h"

/* Each test works in a folder of its own, which is the working directory meanwhile. */
struct place {
    char folder[64];
    int old;
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    strcpy(place->folder, "/tmp/gpupv-test-file.XXXXXX");
    place->old = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place->old < 0 || !mkdtemp(place->folder) || chdir(place->folder) < 0)
        return -1;
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", place->folder);
    int result = fchdir(place->old) | system(command);
    close(place->old);
    free(place);
    return result;
}

static void put(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void assert_contents(const char *path, const void *data, size_t size)
{
    struct error err = {.text = ""};
    char *found;
    size_t found_size;
    assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &found, &found_size, &err), 0);
    assert_int_equal(found_size, size);
    assert_memory_equal(found, data, size);
    assert_int_equal(found[size], '\0');
    free(found);
}

static void assert_read_fails(const char *path, size_t limit, int code)
{
    struct error err = {.text = ""};
    char *data = NULL;
    size_t size = 77;
    assert_int_equal(file_read(AT_FDCWD, path, limit, &data, &size, &err), code);
    assert_null(data);
    assert_int_equal(size, 77);
    assert_non_null(strstr(err.text, path));
}

static void reads_whole_files(void **state)
{
    (void)state;
    put("plain", "a\0b", 3);
    assert_contents("plain", "a\0b", 3);
    put("empty", "", 0);
    assert_contents("empty", "", 0);
    assert_read_fails("missing", 10, -ENOENT);
}

static void reads_relative_to_a_folder(void **state)
{
    (void)state;
    char *data;
    size_t size;
    assert_int_equal(mkdir("sub", 0755), 0);
    put("sub/file", "inside", 6);
    int folder = open("sub", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder >= 0);
    assert_int_equal(file_read(folder, "file", 6, &data, &size, NULL), 0);
    assert_int_equal(size, 6);
    free(data);
    assert_int_equal(file_read(folder, "sub/file", 6, &data, &size, NULL), -ENOENT);
    close(folder);
}

static void reads_up_to_the_limit(void **state)
{
    (void)state;
    put("ten", "0123456789", 10);
    assert_read_fails("ten", 9, -EFBIG);
    assert_read_fails("ten", 0, -EFBIG);
    char *data;
    size_t size;
    assert_int_equal(file_read(AT_FDCWD, "ten", 10, &data, &size, NULL), 0);
    assert_int_equal(size, 10);
    free(data);
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    assert_int_equal(mkdir("folder", 0755), 0);
    assert_read_fails("folder", 100, -EISDIR);
    /* Nobody has the FIFO open for writing: an open that waited would never return. */
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_read_fails("fifo", 100, -EINVAL);
    assert_read_fails("/dev/null", 100, -EINVAL);
}

/* Nothing but `count` entries: no temporary file stays. */
static void assert_entries(size_t count)
{
    DIR *folder = opendir(".");
    assert_non_null(folder);
    size_t found = 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        found += entry->d_name[0] != '.';
    closedir(folder);
    assert_int_equal(found, count);
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 07777;
}

static void writes_new_and_old_files(void **state)
{
    (void)state;
    mode_t mask = umask(077); /* the mode that is asked for does not depend on it */
    struct error err = {.text = ""};
    assert_int_equal(file_write_atomic("new", "one", 3, 0644, &err), 0);
    assert_contents("new", "one", 3);
    assert_int_equal(mode_of("new"), 0644);
    umask(mask);

    assert_int_equal(chmod("new", 0600), 0);
    assert_int_equal(file_write_atomic("new", "longer text", 11, 0644, &err), 0);
    assert_contents("new", "longer text", 11);
    assert_int_equal(mode_of("new"), 0600);
    assert_int_equal(file_write_atomic("new", "", 0, 0644, &err), 0);
    assert_contents("new", "", 0);
    assert_entries(1);
}

static void an_open_reader_keeps_the_old_contents(void **state)
{
    (void)state;
    put("file", "old", 3);
    int reader = open("file", O_RDONLY | O_CLOEXEC);
    assert_true(reader >= 0);
    assert_int_equal(file_write_atomic("file", "new", 3, 0644, NULL), 0);
    char found[4] = "";
    assert_int_equal(read(reader, found, 3), 3);
    assert_string_equal(found, "old");
    close(reader);
    assert_contents("file", "new", 3);
}

static void a_failed_write_leaves_nothing(void **state)
{
    (void)state;
    struct error err = {.text = ""};
    assert_int_equal(file_write_atomic("no/such/folder", "x", 1, 0644, &err), -ENOENT);
    assert_non_null(strstr(err.text, "no/such/folder"));

    /* A folder that is not empty cannot be renamed over. */
    assert_int_equal(mkdir("folder", 0755), 0);
    put("folder/inside", "x", 1);
    int result = file_write_atomic("folder", "x", 1, 0644, &err);
    assert_true(result == -EISDIR || result == -ENOTEMPTY || result == -EEXIST);
    assert_contents("folder/inside", "x", 1);
    assert_entries(1);
}

static void makes_folders(void **state)
{
    (void)state;
    struct error err = {.text = ""};
    struct stat info;
    assert_int_equal(file_make_folders("a/b//c", 0755, &err), 0);
    assert_int_equal(stat("a/b/c", &info), 0);
    assert_true(S_ISDIR(info.st_mode));
    assert_int_equal(file_make_folders("a/b/c/", 0755, &err), 0);
    assert_int_equal(file_make_folders("/", 0755, &err), 0);
    assert_int_equal(file_make_folders(".", 0755, &err), 0);

    put("file", "x", 1);
    assert_int_equal(file_make_folders("file/below", 0755, &err), -ENOTDIR);
    assert_non_null(strstr(err.text, "file"));
    assert_int_equal(file_make_folders("file", 0755, &err), -ENOTDIR);
    assert_int_equal(file_make_folders("", 0755, &err), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_whole_files, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_relative_to_a_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_up_to_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(writes_new_and_old_files, setup, teardown),
        cmocka_unit_test_setup_teardown(an_open_reader_keeps_the_old_contents, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_write_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(makes_folders, setup, teardown),
    };
    return cmocka_run_group_tests_name("util/file", tests, NULL, NULL);
}
