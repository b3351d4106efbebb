/* SPDX-License-Identifier: MIT */
/* The worker's sandbox: what it lets through, what the service does for it, and what ends a worker.
 */
#include "host/worker_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/worker_files.h"

static char own_file[] = "/tmp/gpupv-sandbox-XXXXXX", granted_file[] = "/tmp/gpupv-granted-XXXXXX";
static char library[] = "/tmp/libgpupv-XXXXXX.so.1";

static struct worker_fixture *create(const char *mode)
{
    char lines[256];
    snprintf(lines, sizeof(lines), "warm-workers=0\nworker-files=/tmp/gpupv-granted-*");
    return worker_fixture_create(lines, mode);
}

/* The worker tries it, and lives: with this errno, or 0. */
static void expect_result_with(const char *mode, const char *what, int wanted)
{
    struct worker_fixture *fixture = create(mode);
    struct fixture_process process;
    struct fixture_answer answer;
    void *queue;
    char data[256];
    snprintf(data, sizeof(data), "try %s", what);
    fixture_process_init(&process, fixture, "cube");
    if (fixture_open_wait(&process, data, &queue, &answer) != STATUS_SUCCESS)
        worker_fixture_fail(fixture, "%s: the worker did not live", what);
    if (atoi(answer.text) != wanted)
        worker_fixture_fail(fixture, "%s: gives \"%s\", not %d", what, answer.text, wanted);
    fixture_close(queue);
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
}

static void expect_result(const char *what, int wanted)
{
    expect_result_with("", what, wanted);
}

/* The worker tries it, and is ended before it is done; the log says what it was. */
static void expect_stop(const char *what, const char *told)
{
    struct worker_fixture *fixture = create("");
    struct fixture_process process;
    struct fixture_answer answer;
    void *queue;
    char data[256], line[2048];
    snprintf(data, sizeof(data), "try %s", what);
    fixture_process_init(&process, fixture, "cube");
    NTSTATUS status = fixture_open_wait(&process, data, &queue, &answer);
    if (status != STATUS_DEVICE_REMOVED)
        worker_fixture_fail(fixture, "%s: was not stopped, and gave \"%s\"", what, answer.text);
    worker_fixture_wait(fixture, &fixture->lost, 1);
    snprintf(line, sizeof(line), "stopped by its sandbox: %s", told);
    if (strncmp(fixture->why, line, strlen(line)))
        worker_fixture_fail(fixture, "%s: \"%s\", not \"%s\"", what, fixture->why, line);
    snprintf(line, sizeof(line), "of process 4711 (cube) of the VM machine is lost: %s",
             fixture->why);
    assert_true(worker_fixture_logged(fixture, line));
    fixture_close(queue);
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
}

static void test_what_drivers_do(void **state)
{
    (void)state;
    expect_result("usual", 0);
    expect_result("capabilities", 0);
    expect_result("limits", 0);
}

static void test_files_that_drivers_open(void **state)
{
    (void)state;
    expect_result("open /proc/self/maps", 0);
    expect_result("open /proc/cpuinfo", 0);
    expect_result("open /dev/urandom", 0);
    expect_result("write /dev/null", 0);
    expect_result("list /sys/devices", 0);
    expect_result("open-in system/cpu/online", 0);
    expect_result("stat /dev/null", 0);
    /* Not there, and looked for all the same. */
    expect_result("open /root/.drirc", ENOENT);
    expect_result("open /dev/nvidia-of-another-world", ENOENT);
    expect_result("link /proc/self/exe", ENOENT);
    expect_result("write /tmp/shader_validation_cache-0.bin", EACCES);
    expect_result("open /tmp/shader_validation_cache-0.bin", ENOENT);
    /* Public files are not for writing, and others' files are not public. */
    expect_result("write /proc/self/comm", EACCES);
    expect_result("stat /etc/passwd", ENOENT);
}

static void test_files_that_the_configuration_grants(void **state)
{
    (void)state;
    char what[64];
    snprintf(what, sizeof(what), "open %s", granted_file);
    expect_result(what, 0);
    snprintf(what, sizeof(what), "open %s", own_file);
    expect_stop(what, "it tried to open /tmp/gpupv-sandbox-");
}

/* Beside those that the worker had loaded before it met a guest. */
static void test_libraries_of_the_driver(void **state)
{
    (void)state;
    char open[64], write[64];
    snprintf(open, sizeof(open), "open %s", library);
    snprintf(write, sizeof(write), "write %s", library);
    expect_result(open, ENOENT);
    expect_result_with("folder", open, 0);
    expect_result_with("folder", write, EACCES);
    expect_result_with("folder", "open /tmp/below/libgpupv.so", ENOENT);
    expect_stop("open /etc/shadow", "it tried to open /etc/shadow");
}

static void test_foreign_files(void **state)
{
    (void)state;
    expect_stop("open /etc/passwd", "it tried to open /etc/passwd");
    expect_stop("write /etc/passwd", "it tried to open /etc/passwd");
    expect_stop("open /sys/devices/../../etc/passwd",
                "it tried to open /sys/devices/../../etc/passwd");
    expect_stop("open-in ../../etc/passwd", "it tried to open /sys/devices/../../etc/passwd");
    expect_stop("open etc/passwd", "it tried to open /etc/passwd");
    expect_stop("open /proc/1/maps", "it tried to open /proc/1/maps");
    expect_stop("open /proc/self/mem", "it tried to open /proc/self/mem");
}

static void test_other_system_calls(void **state)
{
    (void)state;
    expect_stop("socket", "it made the system call socket");
    expect_stop("exec", "it made the system call execve");
    expect_stop("fork", "it made the system call clone(");
    expect_stop("ptrace", "it made the system call ptrace");
    expect_stop("memory", "it made the system call process_vm_readv");
    expect_stop("kill", "it made the system call kill(");
    expect_stop("mount", "it made the system call mount");
    expect_stop("terminal", "it made the system call ioctl(0x2, 0x5412)");
    expect_stop("owner", "it made the system call fcntl(0x3, 0x8)");
    expect_stop("filter", "it made the system call seccomp");
    expect_stop("io_uring", "it made the system call io_uring_setup");
    expect_result("affinity", EPERM);
}

/* One number of /proc/PID/status. */
static int status_of(pid_t pid, const char *key)
{
    char path[64], line[256];
    int value = -1;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *stream = fopen(path, "re");
    assert_non_null(stream);
    while (value < 0 && fgets(line, sizeof(line), stream)) {
        if (!strncmp(line, key, strlen(key)))
            value = atoi(line + strlen(key));
    }
    fclose(stream);
    return value;
}

static bool kernel_grants_namespaces(void)
{
    pid_t pid = fork();
    if (!pid)
        _exit(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) ? 1 : 0);
    int status = 1;
    waitpid(pid, &status, 0);
    return status == 0;
}

static bool is_own_namespace(pid_t pid, const char *kind)
{
    char path[64], ours[64] = "", theirs[64] = "";
    snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
    assert_true(readlink(path, ours, sizeof(ours) - 1) > 0);
    snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
    assert_true(readlink(path, theirs, sizeof(theirs) - 1) > 0);
    return strcmp(ours, theirs) != 0;
}

static unsigned count_entries(pid_t pid)
{
    char path[64];
    unsigned count = 0;
    snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static void test_the_process(void **state)
{
    (void)state;
    struct worker_fixture *fixture = create("");
    struct fixture_process process;
    struct fixture_answer answer;
    void *queue;
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_open_wait(&process, "ok", &queue, &answer), STATUS_SUCCESS);
    pid_t pid = fixture_process_worker(&process);
    assert_int_equal(status_of(pid, "NoNewPrivs:"), 1);
    assert_int_equal(status_of(pid, "Seccomp:"), 2);
    if (kernel_grants_namespaces()) {
        static const char *const kinds[] = {"user", "mnt", "net", "ipc"};
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
            assert_true(is_own_namespace(pid, kinds[i]));
        assert_int_equal(count_entries(pid), 0);
    }
    fixture_close(queue);
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
}

/* A kernel that tells nobody what a process tries: the worker is killed all the same. */
static void test_unwatched(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int result; /* -1: it is killed */
    } tries[] = {{"usual", 0},
                 {"stat /etc/passwd", ENOENT},
                 {"link /etc/mtab", ENOENT},
                 {"open /etc/passwd", -1},
                 {"socket", -1}};
    struct worker_fixture *fixture = worker_fixture_create("warm-workers=0", "unwatched");
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        struct fixture_process process;
        struct fixture_answer answer;
        void *queue;
        char data[256];
        snprintf(data, sizeof(data), "try %s", tries[i].what);
        fixture_process_init(&process, fixture, "cube");
        NTSTATUS status = fixture_open_wait(&process, data, &queue, &answer);
        if (status != (tries[i].result < 0 ? STATUS_DEVICE_REMOVED : STATUS_SUCCESS) ||
            (tries[i].result >= 0 && atoi(answer.text) != tries[i].result))
            worker_fixture_fail(fixture, "%s: status 0x%08x, %s", tries[i].what, (unsigned)status,
                                answer.text);
        worker_fixture_expect_log(fixture, "this kernel does not tell");
        fixture_close(queue);
        fixture_process_finish(&process);
    }
    assert_int_equal(fixture->lost, 2);
    assert_string_equal(fixture->why,
                        "stopped by its sandbox: it made a system call that it may not make");
    worker_fixture_destroy(fixture);
}

static void test_without_a_sandbox(void **state)
{
    (void)state;
    struct worker_fixture *fixture = worker_fixture_create("warm-workers=0\nworker-sandbox=no", "");
    struct fixture_process process;
    struct fixture_answer answer;
    void *queue;
    fixture_process_init(&process, fixture, "cube");
    assert_int_equal(fixture_open_wait(&process, "try open /etc/passwd", &queue, &answer),
                     STATUS_SUCCESS);
    assert_string_equal(answer.text, "0");
    fixture_close(queue);
    fixture_process_finish(&process);
    worker_fixture_destroy(fixture);
}

static enum worker_file judge(const char *path, const struct config_patterns *granted)
{
    return worker_files_judge(path, granted, NULL, 0);
}

static enum worker_file judge_in(const char *path, const char *folders, size_t size)
{
    return worker_files_judge(path, &(struct config_patterns){0}, folders, size);
}

static void test_patterns(void **state)
{
    (void)state;
    char *pattern = (char *)"/opt/*";
    struct config_patterns granted = {&pattern, 1}, none = {0};
    static const char folders[] = "/opt/gpu/lib\0/opt/*";
    assert_int_equal(judge_in("/opt/gpu/lib/libcompiler.so.1", folders, sizeof(folders)),
                     WORKER_FILE_PUBLIC);
    assert_int_equal(judge_in("/opt/gpu/lib/private.key", folders, sizeof(folders)),
                     WORKER_FILE_STOP);
    assert_int_equal(judge_in("/opt/gpu/lib/hwcaps/libcompiler.so.1", folders, sizeof(folders)),
                     WORKER_FILE_MISSING);
    assert_int_equal(judge_in("/opt/gpu/libcompiler.so.1", folders, sizeof(folders)),
                     WORKER_FILE_MISSING);
    assert_int_equal(judge_in("/opt/gpu/lib/../libcompiler.so", folders, sizeof(folders)),
                     WORKER_FILE_STOP);
    assert_int_equal(judge("/opt/driver.bin", &granted), WORKER_FILE_GRANTED);
    assert_int_equal(judge("/opt/../etc/shadow", &granted), WORKER_FILE_STOP);
    assert_int_equal(judge("/opt/driver.bin", &none), WORKER_FILE_STOP);
    assert_int_equal(judge("/dev/dri/renderD128", &none), WORKER_FILE_PUBLIC);
    assert_int_equal(judge("/dev/nvidia0", &none), WORKER_FILE_PUBLIC);
    assert_int_equal(judge("/dev/mem", &none), WORKER_FILE_STOP);
    assert_int_equal(judge("/usr/lib/x86_64-linux-gnu/libnvidia-rtcore.so.550", &none),
                     WORKER_FILE_PUBLIC);
    assert_int_equal(judge("/home/me/.nv/GLCache/x", &none), WORKER_FILE_MISSING);
    assert_int_equal(judge("dev/null", &none), WORKER_FILE_STOP);
    assert_int_equal(judge("/dev/dri/..", &none), WORKER_FILE_STOP);
    assert_int_equal(judge("/sys/devices/..data", &none), WORKER_FILE_PUBLIC);
}

static int make_files(void **state)
{
    (void)state;
    int own = mkstemp(own_file), granted = mkstemp(granted_file);
    int made = mkstemps(library, (int)strlen(".so.1"));
    assert_true(own >= 0 && granted >= 0 && made >= 0 && fchmod(made, 0644) == 0);
    assert_true(write(own, "own", 3) == 3 && write(granted, "granted", 7) == 7 &&
                write(made, "library", 7) == 7);
    close(own);
    close(granted);
    close(made);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(own_file);
    unlink(granted_file);
    unlink(library);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 77;
    fixture_worker_path = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_drivers_do),
        cmocka_unit_test(test_files_that_drivers_open),
        cmocka_unit_test(test_files_that_the_configuration_grants),
        cmocka_unit_test(test_libraries_of_the_driver),
        cmocka_unit_test(test_foreign_files),
        cmocka_unit_test(test_other_system_calls),
        cmocka_unit_test(test_the_process),
        cmocka_unit_test(test_unwatched),
        cmocka_unit_test(test_without_a_sandbox),
        cmocka_unit_test(test_patterns),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
