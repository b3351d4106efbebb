/* SPDX-License-Identifier: MIT */
#include "host/adapters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "host/guid.h"
#include "host/offer.h"
#include "util/log.h"

char *adapter_class_key_path(unsigned number)
{
    char *path = NULL;
    return asprintf(&path, ADAPTER_CLASS_KEY "\\%04u", number) < 0 ? NULL : path;
}

char *adapter_service_key_path(const char *service)
{
    char *path = NULL;
    return asprintf(&path, ADAPTER_SERVICES_KEY "\\%s", service) < 0 ? NULL : path;
}

/* --- Names that stay the same from one start of the service to the next --- */

/* BLAKE2b of the adapter's name and its first device, for one `purpose`. */
static void identify(const struct adapter *adapter, const char *purpose, unsigned attempt,
                     uint8_t *to, size_t size)
{
    crypto_generichash_state state;
    uint8_t digest[32], number = (uint8_t)attempt;
    crypto_generichash_init(&state, NULL, 0, sizeof(digest));
    crypto_generichash_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
    crypto_generichash_update(&state, (const uint8_t *)adapter->name, strlen(adapter->name) + 1);
    crypto_generichash_update(&state, adapter->devices[0]->device_uuid,
                              sizeof(adapter->devices[0]->device_uuid));
    crypto_generichash_update(&state, &number, 1);
    crypto_generichash_final(&state, digest, sizeof(digest));
    memcpy(to, digest, size);
}

static void derive_guid(struct adapter *adapter)
{
    identify(adapter, "gpupv adapter guid", 0, adapter->guid, sizeof(adapter->guid));
    guid_mark(adapter->guid);
}

static bool luid_is_taken(const struct config *config, const struct adapter_list *list,
                          uint64_t luid)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->adapters[i].luid == luid)
            return true;
    }
    for (size_t i = 0; i < config->adapter_count; i++) {
        if (config->adapters[i].luid == luid)
            return true;
    }
    return false;
}

/* A LUID on Windows is a small counter; programs take it for a signed 64-bit number at most, so
 * the derived one is positive. */
static void derive_luid(const struct config *config, const struct adapter_list *list,
                        struct adapter *adapter)
{
    unsigned attempt = 0;
    do {
        identify(adapter, "gpupv adapter luid", attempt++, (uint8_t *)&adapter->luid,
                 sizeof(adapter->luid));
        adapter->luid &= INT64_MAX;
    } while (!adapter->luid || luid_is_taken(config, list, adapter->luid));
}

/* --- One adapter --- */

static void adapter_finish(struct adapter *adapter)
{
    free(adapter->name);
    free(adapter->devices);
    free(adapter->class_keys);
    free(adapter->keys);
    free(adapter->store_path);
    free(adapter->image_path);
    for (size_t i = 0; i < adapter->package_count; i++)
        free(adapter->packages[i]);
    free(adapter->packages);
}

static int adapter_allocate(struct adapter *adapter, const char *name, size_t physical_count)
{
    *adapter = (struct adapter){.name = strdup(name), .physical_count = physical_count};
    adapter->devices = calloc(physical_count, sizeof(*adapter->devices));
    adapter->class_keys = calloc(physical_count, sizeof(*adapter->class_keys));
    adapter->keys = calloc(physical_count, sizeof(*adapter->keys));
    if (adapter->name && adapter->devices && adapter->class_keys && adapter->keys)
        return 0;
    adapter_finish(adapter);
    return -ENOMEM;
}

static int find_keys(struct adapter *adapter, const struct reg_hive *hive, unsigned first_key)
{
    for (size_t i = 0; i < adapter->physical_count; i++) {
        adapter->class_keys[i] = first_key + (unsigned)i;
        char *path = adapter_class_key_path(adapter->class_keys[i]);
        if (!path)
            return -ENOMEM;
        adapter->keys[i] = reg_hive_find(hive, path);
        free(path);
    }
    char *path = adapter_service_key_path(adapter->service);
    if (!path)
        return -ENOMEM;
    adapter->service_key = reg_hive_find(hive, path);
    free(path);
    return 0;
}

/* The folder of the package that a path of the host lies in; *folder NULL when it is in none. */
static int package_folder(const struct store_paths *paths, const char *host_path, char **folder)
{
    size_t length;
    const char *package = host_path ? store_path_package(paths, host_path, &length) : NULL;
    *folder = NULL;
    if (!package)
        return 0;
    *folder = strndup(host_path, (size_t)(package - host_path) + length);
    return *folder ? 0 : -ENOMEM;
}

static int note_package(struct adapter *adapter, const struct store_paths *paths,
                        const char *host_path)
{
    size_t length;
    const char *package = host_path ? store_path_package(paths, host_path, &length) : NULL;
    if (!package)
        return 0;
    for (size_t i = 0; i < adapter->package_count; i++) {
        const char *known = adapter->packages[i];
        if (strlen(known) == length && !strncmp(known, package, length))
            return 0;
    }
    size_t count = adapter->package_count;
    char **larger = realloc(adapter->packages, (count + 1) * sizeof(*larger));
    if (!larger)
        return -ENOMEM;
    adapter->packages = larger;
    adapter->packages[count] = strndup(package, length);
    if (!adapter->packages[count])
        return -ENOMEM;
    adapter->package_count++;
    return 0;
}

/* The packages of all strings of a value. */
static int note_packages(struct adapter *adapter, const struct store_paths *paths,
                         const struct reg_key *key, const char *value_name)
{
    const struct reg_value *value = key ? reg_key_find_value(key, value_name) : NULL;
    if (!value || (value->type != REG_TYPE_SZ && value->type != REG_TYPE_EXPAND_SZ &&
                   value->type != REG_TYPE_MULTI_SZ))
        return 0;
    const char *text = (const char *)value->data, *end = text + value->size;
    int result = 0;
    for (; text < end && *text && !result; text += strlen(text) + 1)
        result = note_package(adapter, paths, text);
    return result;
}

static const char *key_text(const struct reg_key *key, const char *value)
{
    return key ? reg_key_string(key, value) : NULL;
}

static int find_paths(struct adapter *adapter, const struct store_paths *paths)
{
    const char *image = key_text(adapter->service_key, "ImagePath");
    const char *vulkan = key_text(adapter->keys[0], "VulkanDriverName");
    int result = package_folder(paths, image, &adapter->store_path);
    if (!result && adapter->store_path && !(adapter->image_path = strdup(image)))
        result = -ENOMEM;
    if (!result && !adapter->store_path)
        result = package_folder(paths, vulkan, &adapter->store_path);
    if (!result)
        result = note_package(adapter, paths, image);
    for (size_t i = 0; i < adapter->physical_count && !result; i++) {
        result = note_packages(adapter, paths, adapter->keys[i], "VulkanDriverName");
        if (!result)
            result = note_packages(adapter, paths, adapter->keys[i], "UserModeDriverName");
    }
    return result;
}

static int translate(void *context, const char *host_path, char **guest_path)
{
    return store_path_to_guest(context, host_path, guest_path);
}

/* What a section of the file, or a device that is offered without one, asks for. */
struct wanted {
    const char *name, *service, *description;
    uint64_t luid;
    unsigned class_key;
    const char *icd;
    const struct host_device *const *devices;
    size_t device_count;
};

static int add_adapter(struct adapter_list *list, const struct adapter_inputs *inputs,
                       const struct wanted *wanted, struct error *err)
{
    struct adapter *adapter = &list->adapters[list->count];
    int result = adapter_allocate(adapter, wanted->name, wanted->device_count);
    if (result)
        return error_set(err, result, "out of memory");
    memcpy(adapter->devices, wanted->devices, wanted->device_count * sizeof(*wanted->devices));
    adapter->icd = wanted->icd;
    adapter->index = (uint32_t)list->count;
    adapter->description = wanted->description ? wanted->description : adapter->devices[0]->name;
    adapter->service = wanted->service ? wanted->service : adapter->name;
    adapter->luid = wanted->luid;
    if (!adapter->luid)
        derive_luid(inputs->config, list, adapter);
    derive_guid(adapter);

    result = find_keys(adapter, inputs->hive, wanted->class_key);
    if (!result)
        result = find_paths(adapter, inputs->paths);
    if (result) {
        adapter_finish(adapter);
        return error_set(err, result, "out of memory");
    }
    adapter->registry = (struct reg_query_source){
        .service = adapter->service_key,
        .adapters = adapter->keys,
        .adapter_count = adapter->physical_count,
        .driver_store_path = adapter->store_path,
        .driver_image_path = adapter->image_path,
        .translate = translate,
        .context = (void *)inputs->paths,
    };
    list->count++;
    return 0;
}

/* --- All of them --- */

static int resolve_section(const struct inventory *inventory, const struct config_adapter *section,
                           const struct host_device **devices, struct error *err)
{
    const struct device_list *available = inventory_find(inventory, section->icd);
    if (!available)
        return error_set(err, -ENODEV, "its drivers were not asked for devices");
    for (size_t i = 0; i <= section->linked_count; i++) {
        const char *selector = i ? section->linked[i - 1] : section->device;
        int result = device_select(available, selector, &devices[i], err);
        for (size_t j = 0; j < i && !result; j++) {
            if (devices[j] == devices[i])
                result = error_set(err, -EINVAL, "\"%s\" is linked with itself", selector);
        }
        if (result)
            return error_prefix(err, result, i ? "linked" : "device");
    }
    return 0;
}

static int add_section(struct adapter_list *list, const struct adapter_inputs *inputs,
                       const struct config_adapter *section, struct error *err)
{
    const struct host_device *devices[CONFIG_MAX_LINKED + 1];
    int result = resolve_section(inputs->inventory, section, devices, err);
    if (!result) {
        struct wanted wanted = {
            section->name,      section->service, section->description, section->luid,
            section->class_key, section->icd,     devices,              section->linked_count + 1};
        result = add_adapter(list, inputs, &wanted, err);
    }
    if (result)
        error_prefix(err, result, "%s: [adapter:%s]", inputs->config->path, section->name);
    return result;
}

static bool same_devices(const struct config_adapter *a, const struct config_adapter *b)
{
    bool same = a->enabled == b->enabled && !strcmp(a->device, b->device) &&
                (a->icd && b->icd ? !strcmp(a->icd, b->icd) : a->icd == b->icd) &&
                a->linked_count == b->linked_count;
    for (size_t i = 0; i < a->linked_count && same; i++)
        same = !strcmp(a->linked[i], b->linked[i]);
    return same;
}

/* A device that was missing already is no news, and keeps nobody from taking up other changes. */
static bool was_left_out(const struct adapters_before *before, const struct config_adapter *section)
{
    for (size_t i = 0; i < before->list->count; i++) {
        if (!strcmp(before->list->adapters[i].name, section->name))
            return false;
    }
    for (size_t i = 0; i < before->config->adapter_count; i++) {
        const struct config_adapter *older = &before->config->adapters[i];
        if (!strcmp(older->name, section->name))
            return same_devices(older, section);
    }
    return false;
}

static int add_sections(struct adapter_list *list, const struct adapter_inputs *inputs,
                        const struct adapters_before *before, struct error *err)
{
    for (size_t i = 0; i < inputs->config->adapter_count; i++) {
        const struct config_adapter *section = &inputs->config->adapters[i];
        if (!section->enabled)
            continue;
        struct error why;
        int result = add_section(list, inputs, section, &why);
        if (result && (result == -ENOMEM || (before && !was_left_out(before, section))))
            return error_set(err, result, "%s", why.text);
        if (result)
            log_error("service", "%s; the adapter is not offered", why.text);
    }
    return 0;
}

/* An adapter's name and keys follow from its device's place in the list, so that what becomes of
 * the devices before it changes nothing. */
static int add_every_device(struct adapter_list *list, const struct adapter_inputs *inputs,
                            const struct adapters_before *before, struct error *err)
{
    const struct device_list *available = inventory_find(inputs->inventory, NULL);
    if (!available)
        return 0;
    if (available->failure.text[0]) {
        if (before && (before->list->count || before->config->adapter_count))
            return error_set(err, -ENODEV, "%s", available->failure.text);
        log_error("service", "%s; no adapter is offered", available->failure.text);
        return 0;
    }
    const struct host_device *refused = NULL;
    for (size_t i = 0; i < available->count && i < CONFIG_MAX_ADAPTERS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "gpu%zu", i);
        const struct host_device *device = &available->devices[i];
        const char *refusal = offer_refusal(device, inputs->settings);
        if (refusal) {
            log_info("service", "the device \"%s\" is not offered: %s", device->name, refusal);
            refused = device;
            continue;
        }
        struct wanted wanted = {name, NULL, NULL, 0, (unsigned)i, NULL, &device, 1};
        int result = add_adapter(list, inputs, &wanted, err);
        if (result)
            return error_prefix(err, result, "%s", name);
    }
    if (refused && !list->count)
        log_warning("service", "no adapter is offered; the device \"%s\" is not, because %s",
                    refused->name, offer_refusal(refused, inputs->settings));
    return 0;
}

int adapters_create(const struct adapter_inputs *inputs, const struct adapters_before *before,
                    struct adapter_list *list, struct error *err)
{
    *list = (struct adapter_list){0};
    list->adapters = calloc(CONFIG_MAX_ADAPTERS, sizeof(*list->adapters));
    if (!list->adapters)
        return error_set(err, -ENOMEM, "out of memory");
    int result = inputs->config->adapter_count ? add_sections(list, inputs, before, err)
                                               : add_every_device(list, inputs, before, err);
    if (result)
        adapters_finish(list);
    return result;
}

void adapters_finish(struct adapter_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        adapter_finish(&list->adapters[i]);
    free(list->adapters);
    *list = (struct adapter_list){0};
}
