/* SPDX-License-Identifier: MIT */
/* gpupv.ini, device selectors, and what gpupv-probe prints. */
#include "host/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/config.h"
#include "host/near_name.h"
#include "host/probe_client.h"

static char path[] = "/tmp/gpupv-config-XXXXXX";

static int load(const char *text, struct config **config, struct error *err)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return config_load(path, config, err);
}

static void refused(const char *text, const char *part)
{
    struct config *config;
    struct error err = {{0}};
    int result = load(text, &config, &err);
    if (!result)
        fail_msg("accepted: %s", text);
    if (!strstr(err.text, part) || !strstr(err.text, path))
        fail_msg("\"%s\" lacks \"%s\"", err.text, part);
}

static void defaults(void **state)
{
    (void)state;
    struct config *config;
    struct error err;
    assert_int_equal(load("# nothing\n[service]\n", &config, &err), 0);
    assert_string_equal(config->default_vm.socket, "/run/gpupv/host.sock");
    assert_string_equal(config->control, "/run/gpupv/control.sock");
    assert_int_equal(config->default_vm.socket_mode, 0666);
    assert_string_equal(config->hive, "/var/lib/gpupv/registry.hive");
    assert_string_equal(config->store, "/var/lib/gpupv/DriverStore");
    assert_string_equal(config->guest_store, "/run/gpupv/HostDriverStore");
    assert_true(config->default_vm.listing);
    assert_true(config->default_vm.aperture);
    assert_int_equal(config->guard, GUARD_ENFORCE);
    assert_int_equal(config->max_clients, 1024);
    assert_int_equal(config->log, LOG_LEVEL_INFO);
    assert_int_equal(config->probe_timeout, 20);
    assert_int_equal(config->warm_workers, 1);
    assert_true(config->worker_sandbox);
    assert_false(config->worker_validation);
    assert_string_equal(config->worker_memory, "auto");
    assert_int_equal(config->worker_files.count, 0);
    assert_int_equal(config->adapter_count, 0);
    assert_int_equal(config_vm_count(config), 1);
    assert_string_equal(config->default_vm.name, "default");
    assert_true(config->default_vm.escapes);
    assert_false(config->default_vm.secure);
    assert_int_equal(config->default_vm.max_clients, 1024);
    assert_int_equal(config->default_vm.video_memory, 0);
    assert_int_equal(config->default_vm.allow.count, 0);
    assert_string_equal(config->default_vm.deny.patterns[0], "*password*");
    config_unref(config);
}

static void vm_sections(void **state)
{
    (void)state;
    struct config *config;
    struct error err;
    assert_int_equal(
        load("[service]\nescapes=deny\nsecure=yes\nmax-clients=9\nregistry-deny=\n"
             "[vm:One]\nsocket=/a/one\nsocket-mode=0600\nescapes=deny\nsecure=yes\n"
             "listing=deny\nregistry-allow = Adapter\\A* , *B\n"
             "registry-deny=service\\*\nmax-clients=3\nvideo-memory = 2g\naperture=no\n"
             "[vm:two]\n",
             &config, &err),
        0);
    assert_int_equal(config_vm_count(config), 3);
    assert_ptr_equal(config_vm_at(config, 0), &config->default_vm);
    assert_false(config->default_vm.escapes);
    assert_true(config->default_vm.secure);
    assert_int_equal(config->default_vm.deny.count, 0);
    assert_int_equal(config->default_vm.max_clients, 9);
    const struct config_vm *one = config_find_vm(config, "one");
    assert_non_null(one);
    assert_string_equal(one->socket, "/a/one");
    assert_int_equal(one->socket_mode, 0600);
    assert_int_equal(one->video_memory, UINT64_C(2) << 30);
    assert_false(one->escapes || one->listing || one->aperture);
    assert_true(one->secure);
    assert_int_equal(one->allow.count, 2);
    assert_string_equal(one->allow.patterns[0], "adapter\\a*");
    assert_string_equal(one->allow.patterns[1], "*b");
    assert_int_equal(one->deny.count, 1);
    assert_int_equal(one->max_clients, 3);
    const struct config_vm *two = config_vm_at(config, 2);
    assert_string_equal(two->socket, "/run/gpupv/vm/two.sock");
    assert_true(two->escapes && two->listing && two->aperture && !two->secure);
    assert_int_equal(two->max_clients, 256);
    assert_true(two->deny.count > 3);
    assert_null(config_find_vm(config, "three"));
    config_unref(config);
}

static void every_key(void **state)
{
    (void)state;
    struct config *config;
    struct error err;
    assert_int_equal(load("[service]\nsocket=/a/s\nsocket-mode=0600\ncontrol=/a/c\nhive=/a/h\n"
                          "store=/a/store\nguest-store=/g\nlisting=deny\naperture=no\n"
                          "private-data-guard=warn\nmax-clients=7\nlog=debug\nprobe-timeout=3\n"
                          "warm-workers=0\nworker-sandbox=no\nworker-validation=yes\n"
                          "worker-memory=messages\n"
                          "worker-files=/opt/a*, /dev/vendor0\n"
                          "[adapter:One]\nicd=/i.json\ndevice=\"10de:1c02\"\n"
                          "linked = 1, Fake Two ,2\ndescription=A \"B\"; comment\n"
                          "service=Svc\nkey=0002\nluid=1:abcd\nenabled=no\n"
                          "[adapter:two]\n[adapter:three]\nlinked=1\n",
                          &config, &err),
                     0);
    assert_int_equal(config->default_vm.socket_mode, 0600);
    assert_false(config->default_vm.listing);
    assert_false(config->default_vm.aperture);
    assert_int_equal(config->guard, GUARD_WARN);
    assert_int_equal(config->max_clients, 7);
    assert_int_equal(config->log, LOG_LEVEL_DEBUG);
    assert_int_equal(config->probe_timeout, 3);
    assert_int_equal(config->warm_workers, 0);
    assert_false(config->worker_sandbox);
    assert_true(config->worker_validation);
    assert_string_equal(config->worker_memory, "messages");
    assert_int_equal(config->worker_files.count, 2);
    assert_string_equal(config->worker_files.patterns[1], "/dev/vendor0");
    assert_int_equal(config->adapter_count, 3);
    const struct config_adapter *one = &config->adapters[0];
    assert_string_equal(one->name, "one");
    assert_string_equal(one->icd, "/i.json");
    assert_string_equal(one->device, "10de:1c02");
    assert_int_equal(one->linked_count, 3);
    assert_string_equal(one->linked[1], "Fake Two");
    assert_string_equal(one->service, "Svc");
    assert_int_equal(one->luid, 0x10000abcdull);
    assert_false(one->enabled);
    /* A section that is not enabled keeps its class keys: 0002 to 0005. */
    assert_int_equal(one->class_key, 2);
    assert_int_equal(config->adapters[1].class_key, 0);
    assert_int_equal(config->adapters[2].class_key, 6);
    assert_string_equal(config->adapters[1].service, "two");
    assert_string_equal(config->adapters[1].device, "0");
    config_unref(config);
}

static void faults_are_named(void **state)
{
    (void)state;
    refused("[service]\nsoket=/a\n", "[service] soket: unknown key; is \"socket\" meant?");
    refused("[service]\nqqqqqqqqqqqq=/a\n", "unknown key; docs/configuration.md");
    refused("[servce]\n", "[servce]: unknown section; is [service] meant?");
    refused("[other-thing]\n", "unknown section; the sections are");
    refused("x=1\n[service]\n", "x: stands before the first [section]");
    refused("[service]\nsocket=relative\n", "[service] socket: must be an absolute path");
    refused("[service]\nhive=/a/../b\n", "[service] hive: must not hold");
    refused("[service]\nhive=/a//b\n", "[service] hive: must not hold");
    refused("[service]\nstore=/a/\n", "[service] store: must not end with '/'");
    refused("[service]\nsocket-mode=0999\n", "[service] socket-mode: must be an octal");
    refused("[service]\nlisting=maybe\n", "[service] listing: must be allow or deny");
    refused("[service]\nprivate-data-guard=on\n", "must be off, warn or enforce");
    refused("[service]\nmax-clients=0\n", "max-clients: must be a number from 1");
    refused("[service]\nmax-clients=-1\n", "max-clients: must be a number from 1");
    refused("[service]\nmax-clients=12x\n", "max-clients: must be a number from 1");
    refused("[service]\nvideo-memory=0\n", "video-memory: must be a number of bytes");
    refused("[service]\nvideo-memory=2GB\n", "video-memory: must be a number of bytes");
    refused("[service]\nvideo-memory=-1\n", "video-memory: must be a number of bytes");
    refused("[service]\nvideo-memory=4194305T\n", "video-memory: must be a number of bytes");
    refused("[service]\nprobe-timeout=601\n", "probe-timeout: must be a number");
    refused("[service]\nwarm-workers=17\n", "warm-workers: must be a number from 0 to 16");
    refused("[service]\nworker-memory=shared\n",
            "worker-memory: must be auto, import, export or messages, not \"shared\"");
    refused("[service]\nworker-files=/*\n", "a file starts with");
    refused("[service]\nworker-files=opt\n", "a file starts with");
    refused("[service]\nlog=loud\n", "log: must be error, warning");
    refused("[service]\nsocket=/s\ncontrol=/s\n", "control: must differ from socket");
    refused("[vm:]\n", "[vm:]: the VM's name must be");
    refused("[vm:default]\n", "the default VM's settings stand in [service]");
    refused("[vm:a]\nsocket=/run/gpupv/host.sock\n", "[vm:a] socket: [service] has the same");
    refused("[vm:a]\nsocket=/s\n[vm:b]\nsocket=/s\n", "[vm:b] socket: a has the same");
    refused("[service]\ncontrol=/c\n[vm:a]\nsocket=/c\n", "[service] control has the same");
    refused("[vm:a]\nescapes=yes\n", "[vm:a] escapes: must be allow or deny");
    refused("[vm:a]\nregistry-deny=Password\n", "[vm:a] registry-deny: a pattern starts with");
    refused("[vm:a]\nregistry-allow=*a,,*b\n", "registry-allow: has an empty element");
    refused("[vm:a]\nregistry-allow=*\xff\n", "registry-allow: a pattern is not UTF-8");
    refused("[vm:a]\nhive=/x\n", "[vm:a] hive: unknown key");
    refused("[adapter:]\n", "the adapter's name must be");
    refused("[adapter:a b]\n", "the adapter's name must be");
    refused("[adapter:a]\nluid=0:0\n", "[adapter:a] luid: must be HIGH:LOW");
    refused("[adapter:a]\nluid=123456789:1\n", "[adapter:a] luid");
    refused("[adapter:a]\nluid=1:2\n[adapter:b]\nluid=1:2\n", "[adapter:b] luid: [adapter:a]");
    refused("[adapter:a]\nkey=12345\n", "[adapter:a] key: must be up to four");
    refused("[adapter:a]\nkey=1\n[adapter:b]\nkey=0001\n", "[adapter:b] key");
    refused("[adapter:a]\nkey=9999\nlinked=1\n", "[adapter:a] key");
    refused("[adapter:a]\nlinked=1,,2\n", "[adapter:a] linked: has an empty element");
    refused("[adapter:a]\nenabled=perhaps\n", "[adapter:a] enabled: must be yes or no");
    refused("[adapter:a]\nservice=x\\y\n", "[adapter:a] service");
    refused("[adapter:a]\ndevice=\n", "[adapter:a] device: must not be empty");
    refused("[service]\nthis is no assignment\n", "(2)");
    refused("[service\n", "(1)");
}

static void only_the_default_file_may_be_missing(void **state)
{
    (void)state;
    struct config *config;
    struct error err;
    assert_int_equal(config_load("/nonexistent/gpupv.ini", &config, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nonexistent/gpupv.ini"));
    assert_int_equal(config_load("/tmp", &config, &err), -EINVAL);
    assert_non_null(strstr(err.text, "not a regular file"));
}

static void near_names(void **state)
{
    (void)state;
    static const char *const known[] = {"socket", "store", "hive"};
    assert_string_equal(near_name("stroe", known, 3), "store");
    assert_string_equal(near_name("hives", known, 3), "hive");
    assert_null(near_name("zzzzzz", known, 3));
    assert_null(near_name("a-word-that-is-far-longer-than-any-key-can-be", known, 3));
}

static void selectors(void **state)
{
    (void)state;
    struct host_device devices[] = {{.name = "Red One", .vendor_id = 0x1002, .device_id = 0x10},
                                    {.name = "Red Two", .vendor_id = 0x1002, .device_id = 0x10},
                                    {.name = "Blue", .vendor_id = 0x8086, .device_id = 0xabc}};
    struct device_list list = {.devices = devices, .count = 3};
    const struct host_device *found;
    struct error err;
    assert_int_equal(device_select(&list, "2", &found, &err), 0);
    assert_ptr_equal(found, &devices[2]);
    assert_int_equal(device_select(&list, "8086:0ABC", &found, &err), 0);
    assert_ptr_equal(found, &devices[2]);
    assert_int_equal(device_select(&list, "red t", &found, &err), 0);
    assert_ptr_equal(found, &devices[1]);
    assert_int_equal(device_select(&list, "red", &found, &err), -ENOTUNIQ);
    assert_int_equal(device_select(&list, "1002:10", &found, &err), -ENOTUNIQ);
    assert_int_equal(device_select(&list, "3", &found, &err), -ENOENT);
    assert_non_null(strstr(err.text, "2: Blue"));
    assert_int_equal(device_select(&list, "green", &found, &err), -ENOENT);
    strcpy(list.failure.text, "crashed");
    assert_int_equal(device_select(&list, "0", &found, &err), -ENODEV);
    assert_string_equal(err.text, "crashed");
}

#define DEVICE(name, more)                                                                         \
    "{\"name\":" name ",\"vendor_id\":1,\"device_id\":2,\"type\":4,\"api_version\":5,"             \
    "\"driver_version\":\"1.2\",\"driver_name\":\"d\",\"driver_info\":\"i\",\"driver_id\":1,"      \
    "\"device_uuid\":\"000102030405060708090a0b0c0d0e0f\","                                        \
    "\"driver_uuid\":\"000102030405060708090a0b0c0d0e0f\",\"local_bytes\":"                        \
    "18446744073709551615" more "}"

static int parse(const char *text, struct host_device **devices, size_t *count)
{
    struct error err;
    int result = probe_parse("probe", text, strlen(text), devices, count, &err);
    if (result)
        assert_non_null(strstr(err.text, "probe: "));
    return result;
}

static void probe_output(void **state)
{
    (void)state;
    struct host_device *devices;
    size_t count;
    assert_int_equal(parse("{\"devices\":[]}", &devices, &count), 0);
    assert_int_equal(count, 0);
    free(devices);
    assert_int_equal(
        parse("{\"devices\":[" DEVICE("\"x\"", ",\"luid\":\"0102030405060708\"") "," DEVICE(
                  "\"y\"", ",\"pci\":{\"domain\":1,\"bus\":2,\"device\":3,"
                           "\"function\":4,\"subvendor_id\":5,\"subsystem_id\":6,"
                           "\"revision\":7}") "]}",
              &devices, &count),
        0);
    assert_int_equal(count, 2);
    assert_string_equal(devices[0].name, "x");
    assert_int_equal(devices[0].type, HOST_DEVICE_CPU);
    assert_true(devices[0].has_luid);
    assert_int_equal(devices[0].luid[7], 8);
    assert_true(devices[0].local_bytes == UINT64_MAX);
    assert_int_equal(devices[0].device_uuid[15], 15);
    assert_false(devices[0].has_pci);
    assert_true(devices[1].has_pci);
    assert_int_equal(devices[1].pci_function, 4);
    free(devices);

    static const char *const wrong[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"devices\":1}",
        "{\"devices\":[1]}",
        "{\"devices\":[{}]}",
        "{\"devices\":[]} x",
        "{\"devices\":[" DEVICE("1", "") "]}",
        "{\"devices\":[" DEVICE("\"a\\u0000b\"", "") "]}",
        "{\"devices\":[" DEVICE("\"x\"", ",\"luid\":\"01\"") "]}",
        "{\"devices\":[" DEVICE("\"x\"", ",\"luid\":7") "]}",
        "{\"devices\":[" DEVICE("\"x\"", ",\"pci\":{\"domain\":1}") "]}",
        "{\"devices\":[" DEVICE("\"x\"", ",\"pci\":[]") "]}",
        "{\"devices\":[" DEVICE("\"x\"", ",\"vendor_id\":-1") "]}",
        "{\"devices\":[" DEVICE("\"x\"", ",\"vendor_id\":4294967296") "]}",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (!parse(wrong[i], &devices, &count))
            fail_msg("accepted: %s", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_key),
        cmocka_unit_test(vm_sections),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(only_the_default_file_may_be_missing),
        cmocka_unit_test(near_names),
        cmocka_unit_test(selectors),
        cmocka_unit_test(probe_output),
    };
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    close(fd);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return result;
}
