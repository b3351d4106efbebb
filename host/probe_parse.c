/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <sodium.h>

#include "host/probe_client.h"

/* Reading is sticky: the first member that is missing or wrong sets `bad`, and the rest is moot. */
struct reading {
    json_object *object;
    const char *bad;
};

static json_object *member(struct reading *reading, const char *key, enum json_type type)
{
    json_object *value;
    if (!json_object_object_get_ex(reading->object, key, &value) ||
        !json_object_is_type(value, type)) {
        reading->bad = key;
        return NULL;
    }
    return value;
}

static uint64_t number(struct reading *reading, const char *key, uint64_t maximum)
{
    json_object *value = member(reading, key, json_type_int);
    if (!value)
        return 0;
    uint64_t result = json_object_get_uint64(value);
    if (json_object_get_int64(value) < 0 || result > maximum) {
        reading->bad = key;
        return 0;
    }
    return result;
}

static void text(struct reading *reading, const char *key, char *to, size_t size)
{
    json_object *value = member(reading, key, json_type_string);
    to[0] = '\0';
    if (!value)
        return;
    size_t length = (size_t)json_object_get_string_len(value);
    const char *from = json_object_get_string(value);
    if (length >= size || strlen(from) != length) {
        reading->bad = key;
        return;
    }
    memcpy(to, from, length + 1);
}

static void bytes(struct reading *reading, const char *key, uint8_t *to, size_t size)
{
    json_object *value = member(reading, key, json_type_string);
    size_t used = 0;
    if (!value)
        return;
    size_t length = (size_t)json_object_get_string_len(value);
    if (sodium_hex2bin(to, size, json_object_get_string(value), length, NULL, &used, NULL) ||
        used != size)
        reading->bad = key;
}

static void read_pci(struct reading *reading, struct host_device *device)
{
    json_object *pci;
    if (!json_object_object_get_ex(reading->object, "pci", &pci))
        return;
    struct reading inner = {pci, NULL};
    if (!json_object_is_type(pci, json_type_object)) {
        reading->bad = "pci";
        return;
    }
    device->has_pci = true;
    device->pci_domain = (uint32_t)number(&inner, "domain", UINT32_MAX);
    device->pci_bus = (uint32_t)number(&inner, "bus", 255);
    device->pci_device = (uint32_t)number(&inner, "device", 31);
    device->pci_function = (uint32_t)number(&inner, "function", 7);
    device->subvendor_id = (uint32_t)number(&inner, "subvendor_id", UINT32_MAX);
    device->subsystem_id = (uint32_t)number(&inner, "subsystem_id", UINT32_MAX);
    device->revision = (uint32_t)number(&inner, "revision", UINT32_MAX);
    if (inner.bad)
        reading->bad = inner.bad;
}

static const char *read_device(json_object *object, struct host_device *device)
{
    struct reading reading = {object, NULL};
    if (!json_object_is_type(object, json_type_object))
        return "devices";
    text(&reading, "name", device->name, sizeof(device->name));
    device->vendor_id = (uint32_t)number(&reading, "vendor_id", UINT32_MAX);
    device->device_id = (uint32_t)number(&reading, "device_id", UINT32_MAX);
    uint64_t type = number(&reading, "type", INT32_MAX);
    device->type = type <= HOST_DEVICE_CPU ? (enum host_device_type)type : HOST_DEVICE_OTHER;
    device->api_version = (uint32_t)number(&reading, "api_version", UINT32_MAX);
    text(&reading, "driver_name", device->driver_name, sizeof(device->driver_name));
    text(&reading, "driver_info", device->driver_info, sizeof(device->driver_info));
    text(&reading, "driver_version", device->driver_version, sizeof(device->driver_version));
    bytes(&reading, "device_uuid", device->device_uuid, sizeof(device->device_uuid));
    device->has_luid = json_object_object_get_ex(object, "luid", NULL);
    if (device->has_luid)
        bytes(&reading, "luid", device->luid, sizeof(device->luid));
    device->local_bytes = number(&reading, "local_bytes", UINT64_MAX);
    read_pci(&reading, device);
    return reading.bad;
}

int probe_parse(const char *name, const char *input, size_t size, struct host_device **devices,
                size_t *count, struct error *err)
{
    struct json_tokener *tokener = json_tokener_new();
    if (!tokener)
        return error_set(err, -ENOMEM, "out of memory");
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    json_object *root = json_tokener_parse_ex(tokener, input, (int)size);
    enum json_tokener_error cause = json_tokener_get_error(tokener);
    json_tokener_free(tokener);
    if (!root)
        return error_set(err, -EINVAL, "%s: not JSON: %s", name,
                         cause == json_tokener_continue ? "it ends too early"
                                                        : json_tokener_error_desc(cause));

    int result = 0;
    struct host_device *reading = NULL;
    json_object *list;
    if (!json_object_is_type(root, json_type_object) ||
        !json_object_object_get_ex(root, "devices", &list) ||
        !json_object_is_type(list, json_type_array)) {
        result = error_set(err, -EINVAL, "%s: no \"devices\" list", name);
        goto out_root;
    }
    size_t length = json_object_array_length(list);
    if (length > HOST_MAX_DEVICES) {
        result = error_set(err, -E2BIG, "%s: more than %d devices", name, HOST_MAX_DEVICES);
        goto out_root;
    }
    reading = calloc(length + 1, sizeof(*reading));
    if (!reading) {
        result = error_set(err, -ENOMEM, "out of memory");
        goto out_root;
    }
    for (size_t i = 0; i < length; i++) {
        const char *bad = read_device(json_object_array_get_idx(list, i), &reading[i]);
        if (bad) {
            result =
                error_set(err, -EINVAL, "%s: device %zu: \"%s\" is missing or wrong", name, i, bad);
            goto out_devices;
        }
    }
    *devices = reading;
    *count = length;
    json_object_put(root);
    return 0;

out_devices:
    free(reading);
out_root:
    json_object_put(root);
    return result;
}
