/* SPDX-License-Identifier: MIT */
/* Nothing outside a folder is opened, with openat2 and, where the kernel refuses it, without. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hoststore/open_beneath.h"
#include "hoststore/tree.h"

struct fixture {
    char *scratch;
    int folder; /* SCRATCH/p */
};

static void make_link(const char *scratch, const char *path, const char *target)
{
    char *full = support_path(scratch, "%s", path);
    assert_int_equal(symlink(target, full), 0);
    free(full);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    fixture->scratch = support_folder();
    support_write_text(fixture->scratch, "secret", "outside");
    support_write_text(fixture->scratch, "p/file", "inside");
    support_write_text(fixture->scratch, "p/a/b/file", "deep");
    make_link(fixture->scratch, "p/link", "file");
    make_link(fixture->scratch, "p/out", "../secret");
    make_link(fixture->scratch, "p/up", "..");
    make_link(fixture->scratch, "p/a/around", "b");
    make_link(fixture->scratch, "p/absolute", "/etc/passwd");
    char *path = support_path(fixture->scratch, "p");
    fixture->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(path);
    assert_true(fixture->folder >= 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    close(fixture->folder);
    support_delete(fixture->scratch);
    free(fixture);
    return 0;
}

static bool opens(const struct fixture *fixture, const char *path, const char *contents)
{
    char text[16] = "";
    int fd = open_beneath(fixture->folder, path, O_RDONLY);
    if (fd < 0)
        return false;
    bool right = read(fd, text, sizeof(text) - 1) == (ssize_t)strlen(contents) &&
                 !strcmp(text, contents) && fcntl(fd, F_GETFD) == FD_CLOEXEC;
    close(fd);
    return right;
}

static bool refuses(const struct fixture *fixture, const char *path)
{
    int fd = open_beneath(fixture->folder, path, O_RDONLY);
    if (fd >= 0)
        close(fd);
    return fd == -ELOOP || fd == -ENOTDIR || fd == -EPERM;
}

/* The number of the first thing that is not as it should be; also run in a child. */
static int check(const struct fixture *fixture)
{
    static const char *const refused[] = {"link",      "out",       "up/secret", "a/around/file",
                                          "absolute",  "../secret", "a/../file", "/etc/passwd",
                                          "./file",    "a//b/file", "",          "up",
                                          "file/file", "a/around"};
    char *data;
    size_t size;

    if (!opens(fixture, "file", "inside"))
        return 1;
    if (!opens(fixture, "a/b/file", "deep"))
        return 2;
    if (open_beneath(fixture->folder, "a/none", O_RDONLY) != -ENOENT)
        return 3;
    if (open_beneath(fixture->folder, "none/file", O_RDONLY) != -ENOENT)
        return 4;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (!refuses(fixture, refused[i]))
            return 10 + (int)i;
    /* What reads packages refuses the same, and says why. */
    struct error err = {""};
    if (tree_read(fixture->folder, "out", 100, &data, &size, &err) != -EBADMSG ||
        !strstr(err.text, "a symbolic link"))
        return 30;
    if (tree_read(fixture->folder, "a/around/file", 100, &data, &size, &err) != -EBADMSG ||
        !strstr(err.text, "a/around is a symbolic link"))
        return 31;
    if (tree_read(fixture->folder, "a", 100, &data, &size, &err) != -EBADMSG)
        return 32;
    if (tree_read(fixture->folder, "../secret", 100, &data, &size, &err) != -EPERM)
        return 33;
    if (tree_read(fixture->folder, "a/b/file", 100, &data, &size, &err) != 0)
        return 34;
    free(data);
    return 0;
}

/* A sandbox that answers openat2 with `code`, as container runtimes do that do not know it. */
static int forbid_openat2(int code)
{
    struct sock_filter code_lines[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)code),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof(code_lines) / sizeof(code_lines[0]), code_lines};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int run_without_openat2(const struct fixture *fixture, int code)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        if (forbid_openat2(code) < 0)
            _exit(99);
        /* The filter is there: the call itself gives the code. */
        if (syscall(SYS_openat2, fixture->folder, "file", NULL, 0) >= 0 || errno != code)
            _exit(98);
        _exit(check(fixture));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_with_openat2(void **state)
{
    assert_int_equal(check(*state), 0);
}

static void test_on_an_old_kernel(void **state)
{
    assert_int_equal(run_without_openat2(*state, ENOSYS), 0);
}

static void test_in_a_sandbox(void **state)
{
    assert_int_equal(run_without_openat2(*state, EPERM), 0);
}

static void test_unknown_flags(void **state)
{
    assert_int_equal(run_without_openat2(*state, E2BIG), 0);
    assert_int_equal(run_without_openat2(*state, EINVAL), 0);
}

/* EAGAIN is what the kernel says while names are moved; the walk then ends the matter. */
static void test_kernel_that_gives_up(void **state)
{
    assert_int_equal(run_without_openat2(*state, EAGAIN), 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_with_openat2),  TEST(test_on_an_old_kernel),     TEST(test_in_a_sandbox),
        TEST(test_unknown_flags), TEST(test_kernel_that_gives_up),
    };

    return cmocka_run_group_tests_name("open_beneath", tests, NULL, NULL);
}
