/* SPDX-License-Identifier: MIT */
/* VMs: their sockets, what the driver is told of them, and what each one may. */
#include "host/fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gpupv/d3dkmthk.h"
#include "util/file.h"

/* Sections of VMs, each "NAME" and its further lines, with sockets in the fixture's folder. */
static void write_vms(struct host_fixture *fixture, const char *const (*vms)[2])
{
    char text[4096] = FIXTURE_TWO_ADAPTERS;
    size_t used = strlen(text);
    for (; (*vms)[0]; vms++)
        used +=
            (size_t)snprintf(text + used, sizeof(text) - used, "[vm:%s]\nsocket=%s/%s.sock\n%s\n",
                             (*vms)[0], fixture->folder, (*vms)[0], (*vms)[1]);
    fixture_write_config(fixture, "", text);
}

static struct host_fixture *start_with(const char *const (*vms)[2])
{
    struct host_fixture *fixture = fixture_prepare("", "", FIXTURE_FAST_HIVE);
    write_vms(fixture, vms);
    fixture_start(fixture);
    return fixture;
}

/* A member of a VM in the control socket's list, as text; "" when the VM is not there. */
static void vm_member(struct host_fixture *fixture, const char *name, const char *key,
                      char text[128])
{
    json_object *answer = fixture_ask(fixture, "vms"), *list, *value;
    text[0] = '\0';
    assert_true(json_object_object_get_ex(answer, "vms", &list));
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *vm = json_object_array_get_idx(list, i);
        assert_true(json_object_object_get_ex(vm, "name", &value));
        if (strcmp(json_object_get_string(value), name))
            continue;
        assert_true(json_object_object_get_ex(vm, key, &value));
        snprintf(text, 128, "%s", json_object_get_string(value));
    }
    json_object_put(answer);
}

static void assert_vm(struct host_fixture *fixture, const char *name, const char *key,
                      const char *wanted)
{
    char text[128];
    vm_member(fixture, name, key, text);
    assert_string_equal(text, wanted);
}

static bool is_there(const struct host_fixture *fixture, const char *name)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
    return access(path, F_OK) == 0;
}

static void worker_lives_as_long_as_guests(void **state)
{
    (void)state;
    static const char *const vms[][2] = {{"one", ""}, {"two", ""}, {NULL, NULL}};
    struct host_fixture *fixture = start_with(vms);
    struct fake_driver *driver = &fixture->driver;
    /* A connection that has not said hello is no guest process yet. */
    assert_int_equal(fixture_status(fixture, "vms"), 3);
    assert_int_equal(driver->workers, 0);
    int first = guest_open_on(fixture, "one.sock"), second = guest_open_on(fixture, "one.sock");
    assert_int_equal(driver->workers, 1);
    assert_int_equal(driver->processes, 3);
    assert_int_equal(driver->vm_data, 1);
    assert_int_equal(driver->last_vm_flags, HOST_VM_LINUX);
    assert_string_equal(driver->last_worker_name, "one");
    uint8_t guid[16];
    memcpy(guid, driver->last_vm_guid, sizeof(guid));
    assert_int_equal(guid[6] >> 4, 8);
    assert_vm(fixture, "one", "clients", "2");
    assert_vm(fixture, "two", "clients", "0");

    int other = guest_open_on(fixture, "two.sock"), standard = guest_open(fixture);
    assert_int_equal(driver->workers, 3);
    assert_string_equal(driver->last_worker_name, "default");
    assert_memory_not_equal(driver->last_vm_guid, guid, sizeof(guid));
    close(other);
    close(standard);
    close(first);
    fixture_wait_count(&driver->workers, 1);
    fixture_wait_count(&driver->processes, 2);
    close(second);
    fixture_wait_count(&driver->processes, 0);
    assert_int_equal(driver->workers, 0);
    /* The GUID follows from the name. */
    close(guest_open_on(fixture, "one.sock"));
    assert_memory_equal(driver->last_vm_guid, guid, sizeof(guid));
    fixture_wait_count(&driver->processes, 0);
    fixture_destroy(fixture);
}

static void processes_tell_their_vm(void **state)
{
    (void)state;
    static const char *const vms[][2] = {{"one", ""}, {NULL, NULL}};
    struct host_fixture *fixture = start_with(vms);
    int fd = guest_open_on(fixture, "one.sock");
    json_object *answer = fixture_ask(fixture, "processes"), *list, *value;
    assert_true(json_object_object_get_ex(answer, "processes", &list));
    assert_int_equal(json_object_array_length(list), 1);
    assert_true(json_object_object_get_ex(json_object_array_get_idx(list, 0), "vm", &value));
    assert_string_equal(json_object_get_string(value), "one");
    json_object_put(answer);
    close(fd);
    fixture_destroy(fixture);
}

static void escapes_are_the_vms_own(void **state)
{
    (void)state;
    static const char *const vms[][2] = {
        {"open", ""}, {"closed", "escapes=deny"}, {"safe", "secure=yes"}, {NULL, NULL}};
    struct host_fixture *fixture = start_with(vms);
    uint32_t data[2] = {5, 0};
    int fd = guest_open_on(fixture, "open.sock");
    uint32_t soft = guest_adapter(fd, 1);
    assert_int_equal(guest_escape(fd, soft, 0, data, sizeof(data)), 0);
    assert_int_equal(guest_query_u32(fd, soft, KMTQAITYPE_PARAVIRTUALIZATION_RENDER), 0);
    assert_int_equal(fixture->driver.last_call_flags, HOST_CALL_VIRTUAL_MACHINE_DATA);
    close(fd);

    fixture->driver.last_call_flags = 0;
    fd = guest_open_on(fixture, "closed.sock");
    soft = guest_adapter(fd, 1);
    assert_int_equal(guest_escape(fd, soft, 0, data, sizeof(data)), STATUS_ACCESS_DENIED);
    assert_int_equal(guest_query_u32(fd, soft, KMTQAITYPE_PARAVIRTUALIZATION_RENDER), 1);
    assert_int_equal(fixture->driver.last_vm_flags, HOST_VM_LINUX);
    close(fd);

    /* The first adapter is hardware without an IOMMU: a secure VM has the second one alone. */
    fd = guest_open_on(fixture, "safe.sock");
    assert_int_equal(fixture->driver.last_vm_flags, HOST_VM_LINUX | HOST_VM_SECURE);
    soft = guest_adapter(fd, 0);
    assert_int_equal(guest_escape(fd, soft, 0, data, sizeof(data)), STATUS_ACCESS_DENIED);
    assert_int_equal(fixture->driver.last_call_flags, 0);
    close(fd);
    assert_vm(fixture, "open", "escapes", "true");
    assert_vm(fixture, "closed", "escapes", "false");
    assert_vm(fixture, "safe", "escapes", "false");
    assert_vm(fixture, "safe", "secure", "true");
    fixture_destroy(fixture);
}

static void sockets_come_and_go(void **state)
{
    (void)state;
    static const char *const before[][2] = {{"stay", ""}, {"go", ""}, {NULL, NULL}};
    static const char *const after[][2] = {
        {"stay", "escapes=deny\nsocket-mode=0600"}, {"come", ""}, {NULL, NULL}};
    struct host_fixture *fixture = start_with(before);
    int stay = guest_open_on(fixture, "stay.sock"), go = guest_open_on(fixture, "go.sock");
    uint32_t adapter = guest_adapter(stay, 0), kept = guest_adapter(go, 0), data[2] = {5, 0};
    assert_int_equal(guest_escape(stay, adapter, 0, data, sizeof(data)), 0);
    write_vms(fixture, after);
    fixture_reload(fixture);
    assert_int_equal(fixture_status(fixture, "generation"), 2);
    assert_false(is_there(fixture, "go.sock"));
    assert_false(is_there(fixture, "go.sock.lock"));
    close(guest_open_on(fixture, "come.sock"));
    close(guest_open_on(fixture, "stay.sock"));
    /* New settings hold for guests that are there; a VM without a section keeps its own. */
    assert_int_equal(guest_escape(stay, adapter, 0, data, sizeof(data)), STATUS_ACCESS_DENIED);
    assert_int_equal(guest_escape(go, kept, 0, data, sizeof(data)), 0);
    assert_vm(fixture, "go", "clients", "1");
    close(go);
    fixture_wait_count(&fixture->driver.workers, 1);
    assert_vm(fixture, "go", "clients", "");

    /* One socket that cannot be had: nothing changes. */
    char path[160];
    struct error err;
    snprintf(path, sizeof(path), "%s/bad.sock", fixture->folder);
    assert_int_equal(file_write_atomic(path, "x", 1, 0600, &err), 0);
    static const char *const broken[][2] = {{"fresh", ""}, {"bad", ""}, {NULL, NULL}};
    write_vms(fixture, broken);
    fixture_reload(fixture);
    assert_int_equal(fixture_status(fixture, "generation"), 2);
    assert_false(is_there(fixture, "fresh.sock"));
    assert_vm(fixture, "fresh", "name", "");
    close(guest_open_on(fixture, "come.sock"));
    json_object *status = fixture_ask(fixture, "status"), *error;
    assert_true(json_object_object_get_ex(status, "last_error", &error));
    assert_non_null(strstr(json_object_get_string(error), "[vm:bad]"));
    json_object_put(status);
    close(stay);
    fixture_destroy(fixture);
}

/* A VM may take over another one's socket; its guests are the new one's from then on. */
static void sockets_change_hands(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_prepare("", "", FIXTURE_FAST_HIVE);
    char text[512];
    for (int turn = 0; turn < 2; turn++) {
        snprintf(text, sizeof(text),
                 FIXTURE_TWO_ADAPTERS "[vm:a]\nsocket=%s/%d.sock\n[vm:b]\nsocket=%s/%d.sock\n",
                 fixture->folder, turn, fixture->folder, !turn);
        fixture_write_config(fixture, "", text);
        turn ? fixture_reload(fixture) : fixture_start(fixture);
        assert_int_equal(fixture_status(fixture, "generation"), turn + 1);
        close(guest_open_on(fixture, "0.sock"));
        assert_string_equal(fixture->driver.last_worker_name, turn ? "b" : "a");
        fixture_wait_count(&fixture->driver.workers, 0);
    }
    fixture_destroy(fixture);
}

static int32_t greet_status(const struct host_fixture *fixture, const char *name)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
    int fd = connect_to(path);
    struct wire_hello_request hello = guest_hello();
    int32_t status = guest_call(fd, WIRE_HELLO, &hello, sizeof(hello), NULL, NULL);
    close(fd);
    return status;
}

static void a_full_vm_leaves_the_others_alone(void **state)
{
    (void)state;
    static const char *const vms[][2] = {{"small", "max-clients=1"}, {"big", ""}, {NULL, NULL}};
    struct host_fixture *fixture = start_with(vms);
    int fd = guest_open_on(fixture, "small.sock");
    assert_int_equal(greet_status(fixture, "small.sock"), STATUS_INSUFFICIENT_RESOURCES);
    assert_int_equal(greet_status(fixture, "big.sock"), STATUS_SUCCESS);
    close(guest_open(fixture));
    close(fd);
    fixture_wait_count(&fixture->driver.workers, 0);
    close(guest_open_on(fixture, "small.sock"));
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worker_lives_as_long_as_guests),
        cmocka_unit_test(processes_tell_their_vm),
        cmocka_unit_test(escapes_are_the_vms_own),
        cmocka_unit_test(sockets_come_and_go),
        cmocka_unit_test(sockets_change_hands),
        cmocka_unit_test(a_full_vm_leaves_the_others_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
