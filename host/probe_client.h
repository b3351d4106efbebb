/* SPDX-License-Identifier: MIT */
/*
 * The service's device source: runs gpupv-probe in a process of its own and reads what it prints.
 * A driver that crashes or hangs takes only that process along.
 */
#ifndef GPUPV_HOST_PROBE_CLIENT_H
#define GPUPV_HOST_PROBE_CLIENT_H

#include "host/device.h"

struct probe_client {
    char path[4096]; /* of gpupv-probe */
};

/* Finds gpupv-probe beside the running program, in ../libexec/gpupv of its folder, or in the
 * configured libexecdir. -ENOENT. */
int probe_client_init(struct probe_client *client, struct error *err);

/* `client` is borrowed for as long as the source is used. */
struct host_device_source probe_client_source(struct probe_client *client);

/* Reads the JSON that gpupv-probe prints; every member is checked. `name` stands for its source in
 * messages. */
int probe_parse(const char *name, const char *text, size_t size, struct host_device **devices,
                size_t *count, struct error *err);

#endif
