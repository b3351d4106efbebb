/* SPDX-License-Identifier: MIT */
/* The service's side of gpupv-probe, with programs in its place that behave as drivers may. */
#include "host/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "host/probe_client.h"
#include "util/file.h"

static struct probe_client client;

static int list(const char *script, unsigned timeout, int cancel_fd, struct host_device **devices,
                size_t *count, struct error *err)
{
    struct host_device_source source = probe_client_source(&client);
    char text[1024];
    snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
    unlink(client.path);
    assert_int_equal(file_write_atomic(client.path, text, strlen(text), 0755, err), 0);
    return source.list(source.context, "/the/icd.json", timeout, cancel_fd, devices, count, err);
}

static void fails(const char *script, unsigned timeout, const char *part)
{
    struct host_device *devices;
    size_t count;
    struct error err;
    assert_true(list(script, timeout, -1, &devices, &count, &err) < 0);
    if (!strstr(err.text, part))
        fail_msg("\"%s\" lacks \"%s\"", err.text, part);
}

static void answers(void **state)
{
    (void)state;
    struct host_device *devices;
    size_t count;
    struct error err;
    assert_int_equal(list("[ \"$1 $2\" = '--icd /the/icd.json' ] && echo '{\"devices\":[]}'", 60,
                          -1, &devices, &count, &err),
                     0);
    assert_int_equal(count, 0);
    free(devices);
    /* A driver that hangs in its exit handler has told everything. */
    assert_int_equal(
        list("echo '{\"devices\":[]}'; exec >&-; exec sleep 1000", 1, -1, &devices, &count, &err),
        0);
    free(devices);
}

static void misbehaves(void **state)
{
    (void)state;
    fails("kill -SEGV $$", 60, "the driver crashed while it was asked (signal 11");
    fails("echo '{\"devices\":['; kill -ABRT $$", 60, "crashed");
    fails("exit 3", 60, "exit code 3");
    fails("exec sleep 1000", 1, "did not answer within 1 s");
    fails("sleep 1000 & exit 0", 1, "did not answer within 1 s"); /* a child keeps the pipe */
    fails("echo hello", 60, "not JSON");
    fails("true", 60, "it ends too early");
    fails("yes | head -c 3000000", 60, "cannot read from gpupv-probe");
}

static void is_cancelled(void **state)
{
    (void)state;
    struct host_device *devices;
    size_t count;
    struct error err;
    int cancel = eventfd(1, EFD_CLOEXEC);
    assert_true(cancel >= 0);
    assert_int_equal(list("exec sleep 1000", 600, cancel, &devices, &count, &err), -ECANCELED);
    close(cancel);
}

static void is_missing(void **state)
{
    (void)state;
    struct probe_client nowhere = {"/nonexistent/gpupv-probe"};
    struct host_device_source source = probe_client_source(&nowhere);
    struct host_device *devices;
    size_t count;
    struct error err;
    assert_int_equal(source.list(source.context, NULL, 1, -1, &devices, &count, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nonexistent/gpupv-probe"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(misbehaves),
        cmocka_unit_test(is_cancelled),
        cmocka_unit_test(is_missing),
    };
    char folder[] = "/tmp/gpupv-probe-XXXXXX";
    if (!mkdtemp(folder))
        return 1;
    snprintf(client.path, sizeof(client.path), "%s/gpupv-probe", folder);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(client.path);
    rmdir(folder);
    return result;
}
