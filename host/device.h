/* SPDX-License-Identifier: MIT */
/*
 * The host's Vulkan physical devices, as a device source found them. Where the devices come from
 * is a table of functions: the service uses gpupv-probe (host/probe_client.h), tests bring their
 * own. All functions may be called from any one thread at a time.
 */
#ifndef GPUPV_HOST_DEVICE_H
#define GPUPV_HOST_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/config.h"
#include "util/error.h"

#define HOST_MAX_DEVICES 256

enum host_device_type { /* the numbers of VkPhysicalDeviceType */
                        HOST_DEVICE_OTHER = 0,
                        HOST_DEVICE_INTEGRATED = 1,
                        HOST_DEVICE_DISCRETE = 2,
                        HOST_DEVICE_VIRTUAL = 3,
                        HOST_DEVICE_CPU = 4,
};

struct host_isolation { /* host/isolation.h */
    bool unique_rid, acs_capable;
};

struct host_device {
    char name[256]; /* UTF-8 */
    uint32_t vendor_id, device_id;
    enum host_device_type type;
    uint32_t api_version; /* VK_MAKE_API_VERSION */
    char driver_name[256], driver_info[256];
    char driver_version[64]; /* dotted, as the vendor counts */
    uint8_t device_uuid[16];
    bool has_luid;
    uint8_t luid[8];
    bool has_pci;
    uint32_t pci_domain, pci_bus, pci_device, pci_function;
    uint32_t subvendor_id, subsystem_id, revision; /* 0 where the host does not say */
    uint64_t local_bytes;                          /* device-local heaps together */
    struct host_isolation isolation;               /* filled by inventory_collect */
};

/* What one ICD manifest (or, with `icd` NULL, the host's installed drivers) offers. */
struct device_list {
    char *icd;
    struct host_device *devices;
    size_t count;
    struct error failure; /* text not empty: the drivers could not be asked, and why */
};

struct host_device_source {
    /* Lists the devices into a malloc'ed array. Gives up after `timeout` seconds, or with
     * -ECANCELED as soon as `cancel_fd` (unless -1) becomes readable. */
    int (*list)(void *context, const char *icd, unsigned timeout, int cancel_fd,
                struct host_device **devices, size_t *count, struct error *err);
    void *context;
    const char *sysfs; /* "/sys", but for tests */
};

/* The devices of every ICD that a configuration names. Counted like a configuration. */
struct inventory {
    int refs;
    struct device_list *lists;
    size_t count;
};

/* Asks once for each distinct ICD. A driver that fails is not a failure of the call: its list
 * keeps the reason. -ENOMEM, -ECANCELED. */
int inventory_collect(const struct config *config, const struct host_device_source *source,
                      int cancel_fd, struct inventory **inventory, struct error *err);
struct inventory *inventory_ref(struct inventory *inventory);
void inventory_unref(struct inventory *inventory);

/* The list of an ICD (NULL: the installed drivers), or NULL if it was not asked for. */
const struct device_list *inventory_find(const struct inventory *inventory, const char *icd);

/* Finds a device by a selector: an index ("0"), vendor and device number in hexadecimal
 * ("10de:1c02"), or a part of the device's name, without case. -ENOENT; -ENOTUNIQ when a name or a
 * number fits several devices. */
int device_select(const struct device_list *list, const char *selector,
                  const struct host_device **device, struct error *err);

const char *device_type_name(enum host_device_type type);

#endif
