/* SPDX-License-Identifier: MIT */
/*
 * A whole service on a thread of the test, over a real unix socket, with a folder of its own, fake
 * devices and a fake driver that counts. Each wait is bounded, and a failed one fails the test.
 */
#ifndef GPUPV_TESTS_HOST_FIXTURE_H
#define GPUPV_TESTS_HOST_FIXTURE_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <json-c/json.h>

#include "host/fake_queues.h"
#include "host/service.h"
#include "wire/protocol.h"

#define FIXTURE_CLASS_KEY                                                                          \
    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}"
#define FIXTURE_SERVICES_KEY "HKLM\\SYSTEM\\CurrentControlSet\\Services"
#define FIXTURE_GRAPHICS_KEY "HKLM\\SYSTEM\\CurrentControlSet\\Control\\GraphicsDrivers"

/* A linked adapter "fast" (discrete and integrated) and a software one, and the first one's keys.
 */
#define FIXTURE_TWO_ADAPTERS                                                                       \
    "[adapter:fast]\ndevice=discrete\nlinked=integrated\ndescription=The fast one\nkey=0004\n"     \
    "luid=1:2\nservice=FastSvc\n[adapter:soft]\ndevice=2\n"

#define FIXTURE_FAST_HIVE                                                                          \
    "[" FIXTURE_CLASS_KEY "\\0004]\n"                                                              \
    "\"UserModeDriverName\" = multi_sz:\"nine.so\" \"ten.so\" \"eleven.so\"\n"                     \
    "\"DriverVersion\" = sz:\"22.3.6\"\n\"Number\" = dword:7\n"                                    \
    "[" FIXTURE_CLASS_KEY "\\0005]\n\"Which\" = sz:\"linked\"\n"                                   \
    "[" FIXTURE_SERVICES_KEY "\\FastSvc]\n\"Start\" = sz:\"now\"\n"

/* What the fake driver was asked for. */
struct fake_driver {
    atomic_int processes, devices, contexts; /* alive; workers are processes, too */
    atomic_int workers;
    atomic_int worker_mismatches; /* guest processes that did not refer to a worker */
    atomic_int vm_data;           /* calls of set_virtual_machine_data */
    atomic_uint last_vm_flags;
    uint8_t last_vm_guid[16];
    char last_worker_name[64];
    atomic_int created; /* of all kinds, ever */
    atomic_uint last_flags, last_call_flags, last_size;
    char last_name[64];
    /* What the next escape does. */
    enum { ESCAPE_INVERT, ESCAPE_KEEP, ESCAPE_LEAK_POINTER, ESCAPE_FAIL, ESCAPE_LATER } escape;
    struct fake_queues queues;
};

struct host_fixture {
    char folder[64];
    char socket[96], control[96], config[96], hive[96], store[96], sysfs[96];
    struct fake_driver driver;
    atomic_bool fail_devices; /* the device source reports a failure */
    atomic_int device_count;  /* of the three fake ones */
    atomic_int listings;      /* how often the devices were asked for */
    atomic_int hold_devices;  /* not 0: the devices are not told before it is */
    atomic_int serving;       /* 1: the first snapshot is there */
    struct service *service;
    pthread_t thread;
    bool running;
};

/* `service` and `adapters` are lines of the [service] section and whole sections behind it; `hive`
 * is the text behind the hive's first line. All may be "". Returns when guests are served: files
 * that are written from then on make a new generation. */
struct host_fixture *fixture_create(const char *service, const char *adapters, const char *hive);
void fixture_destroy(struct host_fixture *fixture);

/* Without a thread: files only. */
struct host_fixture *fixture_prepare(const char *service, const char *adapters, const char *hive);
/* Returns while the service is starting. */
void fixture_start(struct host_fixture *fixture);
void fixture_stop(struct host_fixture *fixture);

void fixture_write_config(struct host_fixture *fixture, const char *service, const char *adapters);
void fixture_write_hive(struct host_fixture *fixture, const char *hive);
/* SIGHUP's effect; returns when it has taken effect or has failed. */
void fixture_reload(struct host_fixture *fixture);

/* The control socket's answer. */
json_object *fixture_ask(struct host_fixture *fixture, const char *op);
/* One number of "status". */
int64_t fixture_status(struct host_fixture *fixture, const char *key);
/* Asks until the number is `value`. */
void fixture_wait_status(struct host_fixture *fixture, const char *key, int64_t value);
void fixture_wait_count(atomic_int *count, int value);

/* Connects to a socket of the service. */
int connect_to(const char *path);

/* A fake PCI device in fixture->sysfs, "0000:03:04.5" and its class; `group` lists the devices of
 * its IOMMU group, NULL for none. */
void fixture_add_pci(struct host_fixture *fixture, const char *address, unsigned class_code,
                     const char *const *group);

/* A guest. */
int guest_connect(const struct host_fixture *fixture);
/* Connected and greeted. */
int guest_open(const struct host_fixture *fixture);
/* The same on another socket of the service; `name` below the fixture's folder. */
int guest_open_on(const struct host_fixture *fixture, const char *name);
void guest_send(int fd, const void *data, size_t size);
/* A message; the size of the frame. */
size_t guest_frame(uint8_t *to, uint16_t command, uint8_t kind, uint32_t sequence,
                   const void *payload, size_t size);
void guest_send_frame(int fd, uint16_t command, uint8_t kind, uint32_t sequence,
                      const void *payload, size_t size);
/* Reads one reply; false when the service has closed the stream. */
bool guest_receive(int fd, struct wire_header *header, uint8_t payload[WIRE_MAX_PAYLOAD]);
/* A request and its reply; the NTSTATUS. *reply_size in: room, out: bytes. */
int32_t guest_call(int fd, uint16_t command, const void *payload, size_t size, void *reply,
                   size_t *reply_size);
/* True when the service closes the stream without another word. */
bool guest_is_closed(int fd);

struct wire_hello_request guest_hello(void);

/* The handle of the adapter at an index. */
uint32_t guest_adapter(int fd, unsigned index);
uint32_t guest_device(int fd, uint32_t adapter);
uint32_t guest_context(int fd, uint32_t device);
/* A query of private data in place; the NTSTATUS. */
int32_t guest_query(int fd, uint32_t adapter, uint32_t type, void *data, uint32_t size);
/* The number of a type whose data is one. */
uint32_t guest_query_u32(int fd, uint32_t adapter, uint32_t type);
/* NUL-terminated UTF-16 as UTF-8. */
void guest_text(const uint16_t *from, char *to, size_t size);
/* A registry query. *text gets the value as UTF-8 if it is text, up to the first NUL. */
int32_t guest_registry(int fd, uint32_t adapter, uint32_t query_type, const char *name,
                       uint32_t value_type, uint32_t flags, uint32_t physical, char text[512]);
/* An escape with type DRIVERPRIVATE. */
int32_t guest_escape(int fd, uint32_t adapter, uint32_t flags, void *data, uint32_t size);

#endif
