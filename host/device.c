/* SPDX-License-Identifier: MIT */
#include "host/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/isolation.h"

const char *device_type_name(enum host_device_type type)
{
    switch (type) {
    case HOST_DEVICE_INTEGRATED:
        return "integrated";
    case HOST_DEVICE_DISCRETE:
        return "discrete";
    case HOST_DEVICE_VIRTUAL:
        return "virtual";
    case HOST_DEVICE_CPU:
        return "cpu";
    case HOST_DEVICE_OTHER:
        break;
    }
    return "other";
}

struct inventory *inventory_ref(struct inventory *inventory)
{
    __atomic_add_fetch(&inventory->refs, 1, __ATOMIC_RELAXED);
    return inventory;
}

void inventory_unref(struct inventory *inventory)
{
    if (!inventory || __atomic_sub_fetch(&inventory->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (size_t i = 0; i < inventory->count; i++) {
        free(inventory->lists[i].icd);
        free(inventory->lists[i].devices);
    }
    free(inventory->lists);
    free(inventory);
}

static bool same_icd(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

const struct device_list *inventory_find(const struct inventory *inventory, const char *icd)
{
    for (size_t i = 0; i < inventory->count; i++) {
        if (same_icd(inventory->lists[i].icd, icd))
            return &inventory->lists[i];
    }
    return NULL;
}

static int collect_list(struct inventory *inventory, const char *icd, const struct config *config,
                        const struct host_device_source *source, int cancel_fd, struct error *err)
{
    if (inventory_find(inventory, icd))
        return 0;
    struct device_list *list = &inventory->lists[inventory->count];
    if (icd && !(list->icd = strdup(icd)))
        return error_set(err, -ENOMEM, "out of memory");
    inventory->count++;
    int result = source->list(source->context, icd, config->probe_timeout, cancel_fd,
                              &list->devices, &list->count, &list->failure);
    if (result == -ECANCELED || result == -ENOMEM)
        return error_set(err, result, "%s", list->failure.text);
    if (!result)
        list->failure.text[0] = '\0';
    for (size_t i = 0; i < list->count && !result; i++)
        isolation_read(source->sysfs, &list->devices[i]);
    return 0;
}

int inventory_collect(const struct config *config, const struct host_device_source *source,
                      int cancel_fd, struct inventory **inventory, struct error *err)
{
    struct inventory *collecting = calloc(1, sizeof(*collecting));
    if (!collecting)
        return error_set(err, -ENOMEM, "out of memory");
    collecting->refs = 1;
    collecting->lists = calloc(config->adapter_count + 1, sizeof(*collecting->lists));
    int result = 0;
    if (!collecting->lists)
        result = error_set(err, -ENOMEM, "out of memory");
    if (!result && !config->adapter_count)
        result = collect_list(collecting, NULL, config, source, cancel_fd, err);
    for (size_t i = 0; i < config->adapter_count && !result; i++) {
        if (config->adapters[i].enabled)
            result =
                collect_list(collecting, config->adapters[i].icd, config, source, cancel_fd, err);
    }
    if (result) {
        inventory_unref(collecting);
        return result;
    }
    *inventory = collecting;
    return 0;
}

static bool parse_index(const char *selector, unsigned long *index)
{
    if (strlen(selector) > 4 || strspn(selector, "0123456789") != strlen(selector))
        return false;
    *index = strtoul(selector, NULL, 10);
    return true;
}

static bool parse_ids(const char *selector, uint32_t *vendor, uint32_t *device)
{
    size_t first = strspn(selector, "0123456789abcdefABCDEF");
    const char *second = selector + first + 1;
    if (!first || first > 8 || selector[first] != ':')
        return false;
    size_t length = strspn(second, "0123456789abcdefABCDEF");
    if (!length || length > 8 || second[length])
        return false;
    *vendor = (uint32_t)strtoul(selector, NULL, 16);
    *device = (uint32_t)strtoul(second, NULL, 16);
    return true;
}

static int no_such_device(const struct device_list *list, const char *selector, struct error *err)
{
    char names[512] = "none";
    size_t used = 0;
    for (size_t i = 0; i < list->count && used < sizeof(names) - 1; i++) {
        int more = snprintf(names + used, sizeof(names) - used, "%s%zu: %s", i ? ", " : "", i,
                            list->devices[i].name);
        if (more < 0)
            break;
        used += (size_t)more;
    }
    return error_set(err, -ENOENT, "no device \"%s\" in %s; there are: %s", selector,
                     list->icd ? list->icd : "the host's installed drivers", names);
}

int device_select(const struct device_list *list, const char *selector,
                  const struct host_device **device, struct error *err)
{
    if (list->failure.text[0])
        return error_set(err, -ENODEV, "%s", list->failure.text);
    unsigned long index;
    if (parse_index(selector, &index)) {
        if (index >= list->count)
            return no_such_device(list, selector, err);
        *device = &list->devices[index];
        return 0;
    }

    uint32_t vendor, number;
    bool ids = parse_ids(selector, &vendor, &number);
    const struct host_device *found = NULL;
    for (size_t i = 0; i < list->count; i++) {
        const struct host_device *at = &list->devices[i];
        if (ids ? at->vendor_id != vendor || at->device_id != number
                : !strcasestr(at->name, selector))
            continue;
        if (found)
            return error_set(err, -ENOTUNIQ,
                             "\"%s\" fits several devices (%s, %s); name one by its index",
                             selector, found->name, at->name);
        found = at;
    }
    if (!found)
        return no_such_device(list, selector, err);
    *device = found;
    return 0;
}
