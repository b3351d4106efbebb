/* SPDX-License-Identifier: MIT */
/* The program gpupvd itself: its sockets, signals, options, and the embedded form. */
#include "host/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gpupv/d3dkmthk.h"

static const char *program; /* gpupvd */

struct daemon {
    pid_t pid;
    int errors; /* its standard error */
    char log[16384];
    size_t log_size;
};

/* Starts gpupvd with the arguments; `pass` becomes descriptor 3 unless -1. */
static struct daemon start(int pass, bool activated, const char *const *arguments)
{
    const char *all[16] = {program};
    struct daemon daemon = {0};
    int ends[2];
    for (size_t i = 0; arguments[i]; i++)
        all[i + 1] = arguments[i];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    daemon.pid = fork();
    assert_true(daemon.pid >= 0);
    if (!daemon.pid) {
        char number[16];
        if (pass >= 0 && pass != 3)
            dup2(pass, 3);
        if (pass == 3)
            fcntl(3, F_SETFD, 0);
        dup2(ends[1], STDERR_FILENO);
        if (activated) {
            snprintf(number, sizeof(number), "%d", (int)getpid());
            setenv("LISTEN_PID", number, 1);
            setenv("LISTEN_FDS", "1", 1);
        }
        umask(077);
        execv(program, (char **)all);
        _exit(127);
    }
    close(ends[1]);
    daemon.errors = ends[0];
    return daemon;
}

static struct daemon start_on(const struct host_fixture *fixture)
{
    return start(-1, false,
                 (const char *const[]){"--config", fixture->config, "--log", "info", NULL});
}

/* Reads its messages until one holds `part`, or, with NULL, until it has closed. */
static void wait_for(struct daemon *daemon, const char *part)
{
    while (!part || !strstr(daemon->log, part)) {
        ssize_t got = read(daemon->errors, daemon->log + daemon->log_size,
                           sizeof(daemon->log) - 1 - daemon->log_size);
        assert_true(got >= 0);
        if (!got) {
            if (part)
                fail_msg("no \"%s\" in: %s", part, daemon->log);
            return;
        }
        daemon->log_size += (size_t)got;
        daemon->log[daemon->log_size] = '\0';
    }
}

#define READY "adapters are offered"

static int end(struct daemon *daemon, int signal)
{
    int status;
    if (signal)
        kill(daemon->pid, signal);
    wait_for(daemon, NULL);
    close(daemon->errors);
    assert_int_equal(waitpid(daemon->pid, &status, 0), daemon->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

/* No device is looked for: the tests run where no driver is. */
static struct host_fixture *prepare(void)
{
    return fixture_prepare("", "[adapter:none]\nenabled=no\n", "");
}

static void stops_cleanly(void **state)
{
    (void)state;
    struct host_fixture *fixture = prepare();
    static const int signals[] = {SIGTERM, SIGINT};
    char lock[128];
    snprintf(lock, sizeof(lock), "%s.lock", fixture->socket);
    for (size_t i = 0; i < 2; i++) {
        struct daemon daemon = start_on(fixture);
        wait_for(&daemon, READY);
        int fd = guest_open(fixture);
        struct stat info;
        assert_int_equal(stat(fixture->socket, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0666);
        assert_int_equal(stat(fixture->control, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
        assert_int_equal(fixture_status(fixture, "pid"), daemon.pid);
        assert_int_equal(end(&daemon, signals[i]), 0);
        assert_true(guest_is_closed(fd));
        close(fd);
        assert_false(exists(fixture->socket) || exists(fixture->control) || exists(lock));
    }
    fixture_destroy(fixture);
}

static void second_service_is_refused(void **state)
{
    (void)state;
    struct host_fixture *fixture = prepare();
    struct daemon first = start_on(fixture);
    wait_for(&first, READY);
    struct daemon second = start_on(fixture);
    char part[64];
    snprintf(part, sizeof(part), "another gpupvd, process %d", (int)first.pid);
    wait_for(&second, part);
    assert_non_null(strstr(second.log, fixture->socket));
    assert_int_equal(end(&second, 0), 1);
    close(guest_open(fixture));
    assert_int_equal(end(&first, SIGTERM), 0);
    fixture_destroy(fixture);
}

static void stale_socket_is_taken_over(void **state)
{
    (void)state;
    struct host_fixture *fixture = prepare();
    struct daemon first = start_on(fixture);
    wait_for(&first, READY);
    assert_int_equal(end(&first, SIGKILL), 128 + SIGKILL);
    assert_true(exists(fixture->socket));
    struct daemon second = start_on(fixture);
    wait_for(&second, READY);
    close(guest_open(fixture));
    assert_int_equal(end(&second, SIGTERM), 0);
    fixture_destroy(fixture);
}

static int listen_on(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void foreign_names_are_left_alone(void **state)
{
    (void)state;
    struct host_fixture *fixture = prepare();
    int other = listen_on(fixture->socket);
    struct daemon daemon = start_on(fixture);
    wait_for(&daemon, "another program listens on");
    assert_int_equal(end(&daemon, 0), 1);
    close(other);
    assert_true(exists(fixture->socket));

    unlink(fixture->socket);
    close(open(fixture->socket, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    daemon = start_on(fixture);
    wait_for(&daemon, "is not a socket");
    assert_int_equal(end(&daemon, 0), 1);
    assert_true(exists(fixture->socket));
    fixture_destroy(fixture);
}

static void activated_socket_stays(void **state)
{
    (void)state;
    struct host_fixture *fixture = prepare();
    int fd = listen_on(fixture->socket);
    struct daemon daemon =
        start(fd, true, (const char *const[]){"--config", fixture->config, NULL});
    wait_for(&daemon, READY);
    close(guest_open(fixture));
    assert_int_equal(end(&daemon, SIGTERM), 0);
    assert_true(exists(fixture->socket));
    assert_false(exists(fixture->control));
    close(fd);
    fixture_destroy(fixture);
}

static void broken_hive_keeps_the_old(void **state)
{
    (void)state;
    struct host_fixture *fixture = prepare();
    struct daemon daemon = start_on(fixture);
    wait_for(&daemon, READY);
    fixture_write_hive(fixture, "[HKLM\\A]\n\"V\" = dword:zzz\n");
    kill(daemon.pid, SIGHUP);
    wait_for(&daemon, "the settings as they were stay in use");
    assert_non_null(strstr(daemon.log, "registry.hive:3:"));
    close(guest_open(fixture));
    assert_int_equal(fixture_status(fixture, "generation"), 1);
    fixture_write_hive(fixture, "[HKLM\\A]\n\"V\" = dword:1\n");
    fixture_wait_status(fixture, "generation", 2);
    assert_int_equal(end(&daemon, SIGTERM), 0);
    fixture_destroy(fixture);
}

static void broken_files_at_the_start(void **state)
{
    (void)state;
    struct host_fixture *fixture = prepare();
    fixture_write_hive(fixture, "nonsense\n");
    struct daemon daemon = start_on(fixture);
    wait_for(&daemon, "registry.hive:2:");
    assert_int_equal(end(&daemon, 0), 1);
    assert_false(exists(fixture->socket));
    fixture_write_config(fixture, "sockett=/a", "");
    daemon = start_on(fixture);
    wait_for(&daemon, "[service] sockett: unknown key; is \"socket\" meant?");
    assert_int_equal(end(&daemon, 0), 1);
    fixture_destroy(fixture);
}

static void checks_its_configuration(void **state)
{
    (void)state;
    struct host_fixture *fixture = prepare();
    const char *const arguments[] = {"--check-config", "--config", fixture->config, NULL};
    struct daemon daemon = start(-1, false, arguments);
    assert_int_equal(end(&daemon, 0), 0);
    fixture_write_config(fixture, "", "[adapter:a]\nicd=/nonexistent.json\n");
    daemon = start(-1, false, arguments);
    wait_for(&daemon, "[adapter:a] icd: ");
    assert_int_equal(end(&daemon, 0), 1);
    fixture_write_config(fixture, "", "");
    fixture_write_hive(fixture, "nonsense\n");
    daemon = start(-1, false, arguments);
    wait_for(&daemon, "registry.hive:2:");
    assert_int_equal(end(&daemon, 0), 1);
    fixture_destroy(fixture);
}

static void wrong_usage(void **state)
{
    (void)state;
    static const char *const wrong[][4] = {{"--nothing", NULL},       {"argument", NULL},
                                           {"--log", "loud", NULL},   {"--embedded", "x", NULL},
                                           {"--embedded", "1", NULL}, {"--config", NULL}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct daemon daemon = start(-1, false, wrong[i]);
        assert_int_equal(end(&daemon, 0), 2);
        assert_true(daemon.log_size > 0);
    }
}

/* The first process ends when the second one serves; that one ends with its stream. */
static void embedded(void **state)
{
    (void)state;
    struct host_fixture *fixture = prepare();
    int ends[2], status;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    struct daemon daemon =
        start(ends[1], false,
              (const char *const[]){"--embedded", "3", "--config", fixture->config, NULL});
    close(ends[1]);
    assert_int_equal(waitpid(daemon.pid, &status, 0), daemon.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    struct wire_hello_request hello = guest_hello();
    struct wire_hello_reply reply;
    size_t size = sizeof(reply);
    assert_int_equal(guest_call(ends[0], WIRE_HELLO, &hello, sizeof(hello), &reply, &size), 0);
    struct wire_enum_adapters_request in = {3, 0};
    uint32_t count = 77;
    size = sizeof(count);
    assert_int_equal(guest_call(ends[0], WIRE_ENUM_ADAPTERS, &in, sizeof(in), &count, &size), 0);
    assert_int_equal(count, 0);
    assert_false(exists(fixture->socket) || exists(fixture->control));
    close(ends[0]);
    wait_for(&daemon, NULL); /* nobody has its standard error open any more */
    close(daemon.errors);
    fixture_destroy(fixture);
}

static void embedded_fails(void **state)
{
    (void)state;
    struct host_fixture *fixture = prepare();
    int ends[2];
    fixture_write_hive(fixture, "nonsense\n");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    struct daemon daemon =
        start(ends[1], false,
              (const char *const[]){"--embedded", "3", "--config", fixture->config, NULL});
    close(ends[1]);
    assert_int_equal(end(&daemon, 0), 1);
    assert_non_null(strstr(daemon.log, "registry.hive:2:"));
    assert_true(guest_is_closed(ends[0]));
    close(ends[0]);
    daemon = start(-1, false,
                   (const char *const[]){"--embedded", "9", "--config", fixture->config, NULL});
    assert_int_equal(end(&daemon, 0), 1);
    assert_non_null(strstr(daemon.log, "not a connected stream socket"));
    fixture_destroy(fixture);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_cleanly),
        cmocka_unit_test(second_service_is_refused),
        cmocka_unit_test(stale_socket_is_taken_over),
        cmocka_unit_test(foreign_names_are_left_alone),
        cmocka_unit_test(activated_socket_stays),
        cmocka_unit_test(broken_hive_keeps_the_old),
        cmocka_unit_test(broken_files_at_the_start),
        cmocka_unit_test(checks_its_configuration),
        cmocka_unit_test(wrong_usage),
        cmocka_unit_test(embedded),
        cmocka_unit_test(embedded_fails),
    };
    if (argc != 2) {
        fputs("the path of gpupvd is needed\n", stderr);
        return 2;
    }
    program = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
