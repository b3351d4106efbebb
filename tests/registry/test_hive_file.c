/* SPDX-License-Identifier: MIT */
/* Hives on disk: load, save, lock. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "registry/registry.h"
#include "util/file.h"

struct place {
    char folder[64], hive[96], lock[112];
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    strcpy(place->folder, "/tmp/gpupv-test-hive.XXXXXX");
    if (!mkdtemp(place->folder))
        return -1;
    snprintf(place->hive, sizeof(place->hive), "%s/registry.hive", place->folder);
    snprintf(place->lock, sizeof(place->lock), "%s.lock", place->hive);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", place->folder);
    int result = system(command);
    free(place);
    return result;
}

static void saves_and_loads(void **state)
{
    struct place *place = *state;
    struct error err = {.text = ""};
    struct reg_hive *hive = NULL, *loaded = NULL;
    struct reg_key *key;
    assert_int_equal(reg_hive_load(place->hive, &loaded, &err), -ENOENT);
    assert_non_null(strstr(err.text, place->hive));
    assert_null(loaded);

    assert_int_equal(reg_hive_create(&hive), 0);
    assert_int_equal(reg_hive_make(hive, "HKLM\\A", &key, &err), 0);
    assert_int_equal(reg_key_set_dword(key, "x", 77, &err), 0);
    assert_int_equal(reg_hive_save(hive, place->hive, &err), 0);
    assert_int_equal(reg_hive_load(place->hive, &loaded, &err), 0);
    uint32_t number = 0;
    assert_int_equal(reg_key_dword(reg_hive_find(loaded, "HKLM\\A"), "x", &number), 0);
    assert_int_equal(number, 77);
    reg_hive_destroy(loaded);
    reg_hive_destroy(hive);
}

static void a_bad_file_gives_no_hive(void **state)
{
    struct place *place = *state;
    struct error err = {.text = ""};
    struct reg_hive *hive = NULL;
    static const char text[] = "gpupv registry 1\n[HKLM\\A]\n\"x\" = dword:1\nnonsense\n";
    assert_int_equal(file_write_atomic(place->hive, text, strlen(text), 0644, &err), 0);
    assert_int_equal(reg_hive_load(place->hive, &hive, &err), -EINVAL);
    assert_null(hive);
    char where[112];
    int length = snprintf(where, sizeof(where), "%s:4: ", place->hive);
    assert_memory_equal(err.text, where, (size_t)length);
    assert_int_equal(reg_hive_load(place->folder, &hive, &err), -EISDIR);
    assert_int_equal(mkfifo(place->lock, 0600), 0);
    assert_int_equal(reg_hive_load(place->lock, &hive, &err), -EINVAL);
    assert_null(hive);
}

static void an_oversized_file_is_not_read(void **state)
{
    struct place *place = *state;
    struct error err = {.text = ""};
    struct reg_hive *hive = NULL;
    int fd = open(place->hive, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, REG_MAX_FILE + 1), 0); /* a hole: no disk space */
    close(fd);
    assert_int_equal(reg_hive_load(place->hive, &hive, &err), -EFBIG);
    assert_non_null(strstr(err.text, place->hive));
    assert_int_equal(reg_hive_parse("f", "", (size_t)REG_MAX_FILE + 1, &hive, &err), -EFBIG);
    assert_null(hive);
}

/* What could not be loaded again must not replace what can. */
static void an_oversized_hive_is_not_saved(void **state)
{
    struct place *place = *state;
    struct error err = {.text = ""};
    struct reg_hive *hive;
    struct reg_key *key;
    assert_int_equal(reg_hive_create(&hive), 0);
    assert_int_equal(reg_hive_save(hive, place->hive, &err), 0);
    uint8_t *bytes = calloc(1, REG_MAX_VALUE_SIZE);
    assert_int_equal(reg_hive_make(hive, "HKLM\\A", &key, &err), 0);
    /* Each byte is written as three characters. */
    for (int i = 0; i < REG_MAX_FILE / REG_MAX_VALUE_SIZE / 3 + 1; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(reg_key_set(key, name, REG_TYPE_BINARY, bytes, REG_MAX_VALUE_SIZE, &err),
                         0);
    }
    assert_int_equal(reg_hive_save(hive, place->hive, &err), -EFBIG);
    assert_non_null(strstr(err.text, place->hive));
    free(bytes);
    reg_hive_destroy(hive);

    char *text;
    size_t size;
    assert_int_equal(file_read(AT_FDCWD, place->hive, 1000, &text, &size, &err), 0);
    assert_string_equal(text, "gpupv registry 1\n");
    free(text);
}

static void the_lock_excludes(void **state)
{
    struct place *place = *state;
    struct error err = {.text = ""};
    int lock = -1;
    assert_int_equal(reg_hive_lock(place->hive, &lock, &err), 0);
    assert_true(fcntl(lock, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(access(place->hive, F_OK), -1); /* the lock makes no hive */

    int other = open(place->lock, O_RDWR | O_CLOEXEC);
    assert_true(other >= 0);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    assert_int_equal(flock(other, LOCK_SH | LOCK_NB), -1);
    close(lock);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
    close(other);
}

static void the_lock_waits(void **state)
{
    struct place *place = *state;
    int lock = -1, order[2];
    assert_int_equal(pipe2(order, O_CLOEXEC), 0);
    assert_int_equal(reg_hive_lock(place->hive, &lock, NULL), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        close(lock); /* the parent's copy still holds it */
        int own;
        int result = reg_hive_lock(place->hive, &own, NULL);
        _exit(result || write(order[1], "c", 1) != 1);
    }
    /* The parent writes before it lets go: the child's letter can only come second. */
    assert_int_equal(write(order[1], "p", 1), 1);
    close(lock);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    char letters[3] = "";
    assert_int_equal(read(order[0], letters, 2), 2);
    assert_string_equal(letters, "pc");
    close(order[0]);
    close(order[1]);
}

static void a_lock_that_cannot_be_made(void **state)
{
    struct place *place = *state;
    struct error err = {.text = ""};
    char path[128];
    int lock = -1;
    snprintf(path, sizeof(path), "%s/missing/registry.hive", place->folder);
    assert_int_equal(reg_hive_lock(path, &lock, &err), -ENOENT);
    assert_non_null(strstr(err.text, "registry.hive.lock"));
    /* No link is followed: it could lead to somebody else's file. */
    assert_int_equal(symlink("elsewhere", place->lock), 0);
    assert_int_equal(reg_hive_lock(place->hive, &lock, &err), -ELOOP);
    assert_int_equal(lock, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(saves_and_loads, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_file_gives_no_hive, setup, teardown),
        cmocka_unit_test_setup_teardown(an_oversized_file_is_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(an_oversized_hive_is_not_saved, setup, teardown),
        cmocka_unit_test_setup_teardown(the_lock_excludes, setup, teardown),
        cmocka_unit_test_setup_teardown(the_lock_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lock_that_cannot_be_made, setup, teardown),
    };
    return cmocka_run_group_tests_name("registry/hive_file", tests, NULL, NULL);
}
