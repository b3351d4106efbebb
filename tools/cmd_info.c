/* SPDX-License-Identifier: MIT */
/* `gpupv info`: the host and each adapter, as this guest sees them. */
#include "tools/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "loader/guest_hive.h"
#include "loader/loader.h"
#include "tools/guest.h"
#include "tools/output.h"

/* Texts are NULL and numbers 0 where the host does not answer a query. */
static void add_text(json_object *object, const char *member, char *text)
{
    json_add_text(object, member, text);
    free(text);
}

static void add_guid(json_object *object, D3DKMT_HANDLE adapter)
{
    D3DKMT_QUERY_ADAPTER_UNIQUE_GUID guid = {0};
    bool known =
        NT_SUCCESS(guest_query(adapter, KMTQAITYPE_QUERY_ADAPTER_UNIQUE_GUID, &guid, sizeof(guid)));

    add_text(
        object, "guid",
        known ? guest_text(guid.AdapterUniqueGUID, sizeof(guid.AdapterUniqueGUID) / sizeof(WCHAR))
              : NULL);
}

static void add_type(json_object *object, D3DKMT_HANDLE adapter)
{
    D3DKMT_ADAPTERTYPE type = {0};
    json_object *flags = json_object_new_array();
    static const char *const names[] = {"render",
                                        "display",
                                        "software",
                                        "post",
                                        "hybrid-discrete",
                                        "hybrid-integrated",
                                        "indirect-display",
                                        "paravirtualized",
                                        "acg",
                                        "set-timings",
                                        "detachable",
                                        "compute-only",
                                        "prototype",
                                        "runtime-power-management"};

    if (NT_SUCCESS(guest_query(adapter, KMTQAITYPE_ADAPTERTYPE, &type, sizeof(type)))) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (type.Value >> i & 1)
                json_object_array_add(flags, json_object_new_string(names[i]));
        }
    }
    json_object_object_add(object, "type", flags);
}

static void add_physical(json_object *object, const struct loader_adapter *adapter)
{
    json_object *array = json_object_new_array();

    for (uint32_t i = 0; i < adapter->physical_adapter_count; i++) {
        D3DKMT_QUERY_DEVICE_IDS ids = {.PhysicalAdapterIndex = i};
        json_object *physical;

        if (!NT_SUCCESS(guest_query(adapter->handle, KMTQAITYPE_PHYSICALADAPTERDEVICEIDS, &ids,
                                    sizeof(ids))))
            break;
        physical = json_object_new_object();
        json_add_number(physical, "vendor_id", ids.DeviceIds.VendorID);
        json_add_number(physical, "device_id", ids.DeviceIds.DeviceID);
        json_add_number(physical, "subvendor_id", ids.DeviceIds.SubVendorID);
        json_add_number(physical, "subsystem_id", ids.DeviceIds.SubSystemID);
        json_add_number(physical, "revision_id", ids.DeviceIds.RevisionID);
        json_object_array_add(array, physical);
    }
    json_object_object_add(object, "physical_adapters", array);
}

/* a.b.c.d of the user-mode driver, or NULL. */
static char *driver_version(D3DKMT_HANDLE adapter)
{
    D3DKMT_UMD_DRIVER_VERSION version = {0};
    char *text;
    uint64_t n;

    if (!NT_SUCCESS(guest_query(adapter, KMTQAITYPE_UMD_DRIVER_VERSION, &version, sizeof(version))))
        return NULL;
    n = (uint64_t)version.DriverVersion.QuadPart;
    if (asprintf(&text, "%u.%u.%u.%u", (unsigned)(n >> 48), (unsigned)(n >> 32) & 0xffff,
                 (unsigned)(n >> 16) & 0xffff, (unsigned)n & 0xffff) < 0)
        return NULL;
    return text;
}

/* The user-mode driver's name as the registry has it, in the guest's form, or NULL. */
static char *umd_name(D3DKMT_HANDLE adapter)
{
    D3DKMT_UMDFILENAMEINFO name = {.Version = KMTUMDVERSION_DX12};

    if (!NT_SUCCESS(guest_query(adapter, KMTQAITYPE_UMDRIVERNAME, &name, sizeof(name))))
        return NULL;
    return guest_text(name.UmdFileName, MAX_PATH);
}

static char *driver_store_path(const struct loader_adapter *adapter)
{
    struct guest_registry_query query = {.query = D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH};
    struct reg_value value;

    if (guest_read_registry(adapter->handle, &query, &value, NULL) == 0)
        return (char *)value.data;
    return adapter->store_path ? strdup(adapter->store_path) : NULL;
}

static void add_signature(json_object *object, const struct loader_adapter *adapter)
{
    json_object *signature = json_object_new_object();
    const struct trust_result *result = &adapter->signature;
    bool known = adapter->signature_known;

    json_add_text(signature, "state", known ? trust_state_name(result->state) : NULL);
    json_add_text(signature, "key_id", known && result->key_id[0] ? result->key_id : NULL);
    json_add_text(signature, "comment", known && result->comment[0] ? result->comment : NULL);
    json_object_object_add(object, "signature", signature);
}

static void add_umd(json_object *object, const struct loader_adapter *adapter)
{
    json_object *umd = json_object_new_object();
    const struct loader_umd *loaded = adapter->umd;

    json_add_boolean(umd, "loaded", loaded != NULL);
    json_add_text(umd, "library", loaded ? loaded->library_path : NULL);
    if (loaded) {
        json_add_number(umd, "interface_version", loaded->interface_version);
        json_add_boolean(umd, "paravirtual", loaded->open_adapter != NULL);
        json_add_number(umd, "nodes", adapter->node_count);
        json_add_number(umd, "cross_node_sharing_tier", adapter->cross_node_sharing_tier);
    }
    json_add_text(umd, "failed_step", loaded ? NULL : loader_step_name(adapter->step));
    json_add_text(umd, "error", loaded ? NULL : adapter->error.text);
    json_object_object_add(object, "umd", umd);
}

static json_object *describe_adapter(const struct loader_adapter *adapter, size_t index)
{
    json_object *object = json_object_new_object();
    char luid[GUEST_LUID_SIZE];

    guest_format_luid(adapter->luid, luid);
    json_add_number(object, "index", index);
    json_add_text(object, "description", adapter->description);
    json_add_text(object, "luid", luid);
    add_guid(object, adapter->handle);
    json_add_number(object, "vendor_id", adapter->device_ids.VendorID);
    json_add_number(object, "device_id", adapter->device_ids.DeviceID);
    add_type(object, adapter->handle);
    add_physical(object, adapter);
    add_text(object, "driver_version", driver_version(adapter->handle));
    add_text(object, "umd_name", umd_name(adapter->handle));
    add_text(object, "driver_store_path", driver_store_path(adapter));
    json_add_text(object, "manifest", adapter->manifest_path);
    add_signature(object, adapter);
    add_umd(object, adapter);
    return object;
}

static json_object *describe_host(const struct gpupv_kmt_info *info)
{
    json_object *object = json_object_new_object();

    json_add_text(object, "transport", info->transport);
    json_add_text(object, "host_version", info->host_version);
    json_add_number(object, "protocol_version", info->protocol_version);
    json_add_number(object, "protocol_min", info->protocol_min);
    json_add_number(object, "protocol_max", info->protocol_max);
    json_add_text(object, "guest_version", GPUPV_VERSION);
    return object;
}

/* The guest's own configuration. */
static json_object *describe_trust(void)
{
    json_object *object = json_object_new_object(), *keys = json_object_new_array();
    struct trust *trust = NULL;
    struct error err = {0};
    bool named, good = trust_load(&trust, &err) == 0;

    for (size_t i = 0; good && i < trust->key_count; i++) {
        json_object *key = json_object_new_object();

        json_add_text(key, "key_id", trust->keys[i].id);
        json_add_text(key, "comment", trust->keys[i].comment);
        json_object_array_add(keys, key);
    }
    json_add_text(object, "config", trust_config_path(&named));
    json_object_object_add(object, "trusted_keys", keys);
    json_add_boolean(object, "test_signing", good && trust->test_signing);
    json_add_text(object, "error", good ? NULL : err.text);
    trust_destroy(trust);
    return object;
}

static json_object *describe_pairing(void)
{
    json_object *object = json_object_new_object();
    struct error err = {0};
    bool named, paired, good = guest_hive_pairing(&paired, &err) == 0;

    json_add_text(object, "registry", guest_hive_path(&named));
    json_add_boolean(object, "paired", paired);
    json_add_text(object, "error", good ? NULL : err.text);
    return object;
}

static void print_pairing(json_object *document)
{
    json_object *pairing = NULL;
    const char *state;

    json_object_object_get_ex(document, "pairing", &pairing);
    state = json_boolean(pairing, "paired") ? "on" : "off";
    if (json_text(pairing, "error"))
        output_field_format(0, "Pairing with display", "%s: %s", state,
                            json_text(pairing, "error"));
    else
        output_field(0, "Pairing with display", state);
}

static void print_trust(json_object *document)
{
    json_object *trust = NULL;
    size_t count;

    json_object_object_get_ex(document, "trust", &trust);
    count = json_object_array_length(json_array(trust, "trusted_keys"));
    if (json_text(trust, "error"))
        output_field_format(0, "Trusted keys", "none: %s", json_text(trust, "error"));
    else
        output_field_format(0, "Trusted keys", "%zu, test signing %s", count,
                            json_boolean(trust, "test_signing") ? "on" : "off");
}

static void print_signature(json_object *adapter)
{
    json_object *signature = NULL;
    const char *state, *key_id, *comment;

    json_object_object_get_ex(adapter, "signature", &signature);
    state = json_text(signature, "state");
    key_id = json_text(signature, "key_id");
    comment = json_text(signature, "comment");
    if (key_id)
        output_field_format(2, "Signature", "%s, key %s%s%s", state, key_id, comment ? ", " : "",
                            comment ? comment : "");
    else
        output_field(2, "Signature", state);
}

static void print_flags(json_object *flags)
{
    char text[256] = "";

    for (size_t i = 0; flags && i < json_object_array_length(flags); i++) {
        size_t used = strlen(text);

        snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "",
                 json_object_get_string(json_object_array_get_idx(flags, i)));
    }
    output_field(2, "Type", text[0] ? text : NULL);
}

static void print_physical(json_object *array)
{
    size_t count = array ? json_object_array_length(array) : 0;

    output_field_format(2, "Physical adapters", "%zu", count);
    for (size_t i = 0; i < count && count > 1; i++) {
        json_object *physical = json_object_array_get_idx(array, i);
        char label[32];

        snprintf(label, sizeof(label), "Vendor and device %zu", i);
        output_field_format(4, label, "%04" PRIx64 ":%04" PRIx64,
                            json_number(physical, "vendor_id"), json_number(physical, "device_id"));
    }
}

static void print_umd(json_object *adapter)
{
    json_object *umd = NULL;

    json_object_object_get_ex(adapter, "umd", &umd);
    if (json_boolean(umd, "loaded")) {
        output_field(2, "User-mode driver", json_text(umd, "library"));
        output_field_format(2, "Driver loaded", "yes, interface version %" PRIu64,
                            json_number(umd, "interface_version"));
        if (json_boolean(umd, "paravirtual"))
            output_field_format(2, "Nodes", "%" PRIu64 ", cross-node sharing tier %" PRIu64,
                                json_number(umd, "nodes"),
                                json_number(umd, "cross_node_sharing_tier"));
        return;
    }
    output_field(2, "User-mode driver", json_text(adapter, "umd_name"));
    output_field_format(2, "Driver loaded", "no, at the step \"%s\": %s",
                        json_text(umd, "failed_step"), json_text(umd, "error"));
}

static void print_adapter(json_object *adapter)
{
    printf("\nAdapter %" PRIu64 "\n", json_number(adapter, "index"));
    output_field(2, "Description", json_text(adapter, "description"));
    output_field(2, "LUID", json_text(adapter, "luid"));
    output_field(2, "GUID", json_text(adapter, "guid"));
    output_field_format(2, "Vendor and device", "%04" PRIx64 ":%04" PRIx64,
                        json_number(adapter, "vendor_id"), json_number(adapter, "device_id"));
    print_flags(json_array(adapter, "type"));
    print_physical(json_array(adapter, "physical_adapters"));
    output_field(2, "Driver version", json_text(adapter, "driver_version"));
    output_field(2, "Driver store path", json_text(adapter, "driver_store_path"));
    output_field(2, "Manifest", json_text(adapter, "manifest"));
    print_signature(adapter);
    print_umd(adapter);
}

static void print_text(json_object *document)
{
    json_object *host = NULL, *adapters = json_array(document, "adapters");

    json_object_object_get_ex(document, "host", &host);
    output_field(0, "Transport", json_text(host, "transport"));
    output_field(0, "Host version", json_text(host, "host_version"));
    output_field(0, "Guest version", json_text(host, "guest_version"));
    output_field_format(0, "Protocol", "%" PRIu64 " (the host speaks %" PRIu64 " to %" PRIu64 ")",
                        json_number(host, "protocol_version"), json_number(host, "protocol_min"),
                        json_number(host, "protocol_max"));
    print_trust(document);
    print_pairing(document);
    for (size_t i = 0; i < json_object_array_length(adapters); i++)
        print_adapter(json_object_array_get_idx(adapters, i));
    if (!json_object_array_length(adapters))
        output_note("the host offers no adapter; \"gpupv host adapters\" on the host tells why");
}

enum exit_code cmd_info(const struct cli *cli)
{
    struct gpupv_kmt_info info;
    struct loader *loader;
    struct error err = {0};
    json_object *document, *adapters;
    int result = guest_connect(&info, &err);

    if (result == 0)
        result = loader_create(&loader, &err);
    if (result < 0)
        return output_error(cli, result, &err);
    document = json_object_new_object();
    adapters = json_object_new_array();
    for (size_t i = 0; i < loader->adapter_count; i++)
        json_object_array_add(adapters, describe_adapter(&loader->adapters[i], i));
    json_object_object_add(document, "host", describe_host(&info));
    json_object_object_add(document, "trust", describe_trust());
    json_object_object_add(document, "pairing", describe_pairing());
    json_object_object_add(document, "adapters", adapters);
    loader_destroy(loader);

    if (output_is_json(cli)) {
        output_json(document);
    } else {
        print_text(document);
        json_object_put(document);
    }
    return EXIT_DONE;
}
