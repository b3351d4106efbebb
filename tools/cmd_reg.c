/* SPDX-License-Identifier: MIT */
/* `gpupv reg query`: the host's registry as this guest's drivers see it. */
#include "tools/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/guest.h"
#include "tools/output.h"
#include "tools/reg_data.h"

/* The order in which types are tried for a value whose type the host does not tell. */
static const enum reg_type all_types[] = {REG_TYPE_SZ,    REG_TYPE_MULTI_SZ,  REG_TYPE_DWORD,
                                          REG_TYPE_QWORD, REG_TYPE_EXPAND_SZ, REG_TYPE_BINARY};

struct request {
    uint32_t query, physical;
    bool by_luid, translate;
    size_t index;
    LUID luid;
    enum reg_type type; /* REG_TYPE_NONE: any */
    const char *name;   /* NULL: all values */
};

static int check_conflicts(const struct cli *cli, struct error *err)
{
    static const char *const sources[] = {"service", "adapter", "store-path", "image-path", NULL};
    static const char *const adapters[] = {"index", "luid", NULL};
    static const char *const path_and_type[][3] = {{"store-path", "type", NULL},
                                                   {"image-path", "type", NULL},
                                                   {"store-path", "translate", NULL},
                                                   {"image-path", "translate", NULL}};
    const char *first, *second;
    bool conflict =
        cli_conflict(cli, sources, &first, &second) || cli_conflict(cli, adapters, &first, &second);

    for (size_t i = 0; i < 4 && !conflict; i++)
        conflict = cli_conflict(cli, path_and_type[i], &first, &second);
    if (conflict)
        return error_set(err, -EINVAL, "--%s and --%s exclude each other", first, second);
    return 0;
}

static int read_numbers(const struct cli *cli, struct request *request, struct error *err)
{
    const char *index = cli_value(cli, "index"), *luid = cli_value(cli, "luid");
    const char *physical = cli_value(cli, "phys");
    unsigned long long number;

    if (index) {
        if (cli_parse_number(index, UINT16_MAX, &number) < 0)
            return error_set(err, -EINVAL, "--index needs a number from 0 on, not \"%s\"", index);
        request->index = (size_t)number;
    }
    request->by_luid = luid != NULL;
    if (luid && guest_parse_luid(luid, &request->luid) < 0)
        return error_set(err, -EINVAL,
                         "--luid needs HIGH:LOW in hexadecimal, as \"gpupv info\" prints it, not "
                         "\"%s\"",
                         luid);
    if (physical) {
        if (cli_parse_number(physical, UINT16_MAX, &number) < 0)
            return error_set(err, -EINVAL, "--phys needs a number from 0 on, not \"%s\"", physical);
        request->physical = (uint32_t)number;
    }
    return 0;
}

static int read_request(const struct cli *cli, struct request *request, struct error *err)
{
    const char *type = cli_value(cli, "type");
    int result = check_conflicts(cli, err);

    if (result < 0)
        return result;
    *request = (struct request){.query = D3DDDI_QUERYREGISTRY_ADAPTERKEY,
                                .type = REG_TYPE_NONE,
                                .translate = cli_given(cli, "translate"),
                                .name = cli_argument(cli, 0)};
    if (cli_given(cli, "service"))
        request->query = D3DDDI_QUERYREGISTRY_SERVICEKEY;
    if (cli_given(cli, "store-path"))
        request->query = D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH;
    if (cli_given(cli, "image-path"))
        request->query = D3DDDI_QUERYREGISTRY_DRIVERIMAGEPATH;
    if (request->query >= D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH && request->name)
        return error_set(err, -EINVAL, "--store-path and --image-path take no NAME");
    if (type && reg_type_parse(type, &request->type) < 0)
        return error_set(err, -EINVAL,
                         "\"%s\" is no type: REG_SZ, REG_EXPAND_SZ, REG_MULTI_SZ, REG_DWORD, "
                         "REG_QWORD and REG_BINARY are known",
                         type);
    return read_numbers(cli, request, err);
}

/* The adapter that was asked for, or NULL with its error. */
static const struct guest_adapter *choose(const struct request *request,
                                          const struct guest_adapter *adapters, size_t count,
                                          struct error *err)
{
    char luid[GUEST_LUID_SIZE];

    if (!count) {
        error_set(err, -ENOENT,
                  "the host offers no adapter; \"gpupv host adapters\" on the host tells why");
        return NULL;
    }
    if (!request->by_luid) {
        if (request->index < count)
            return &adapters[request->index];
        error_set(err, -ENOENT, "there is no adapter %zu: the host offers %zu, counted from 0",
                  request->index, count);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&adapters[i].luid, &request->luid, sizeof(LUID)) == 0)
            return &adapters[i];
    }
    guest_format_luid(request->luid, luid);
    error_set(err, -ENOENT, "no adapter has the LUID %s; \"gpupv info\" lists the adapters", luid);
    return NULL;
}

/* Says what is wrong when it is the number of the physical adapter. */
static int explain_physical(const struct guest_adapter *adapter, const struct request *request,
                            int code, struct error *err)
{
    D3DKMT_PHYSICAL_ADAPTER_COUNT count = {0};

    if (code != -EINVAL || !request->physical ||
        !NT_SUCCESS(
            guest_query(adapter->handle, KMTQAITYPE_PHYSICALADAPTERCOUNT, &count, sizeof(count))) ||
        request->physical < count.Count)
        return code;
    return error_set(err, -ENOENT,
                     "the adapter has no physical adapter %u: it has %u, counted from 0",
                     request->physical, (unsigned)count.Count);
}

/* Reads one value, of the type that is wanted, else of the first one that the host takes. */
static int read_value(const struct guest_adapter *adapter, const struct request *request,
                      struct reg_value *value, struct error *err)
{
    struct guest_registry_query query = {.query = request->query,
                                         .physical = request->physical,
                                         .translate = request->translate,
                                         .name = request->name,
                                         .type = request->type};
    int result = -EMEDIUMTYPE;

    if (request->type != REG_TYPE_NONE || request->query >= D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH)
        return guest_read_registry(adapter->handle, &query, value, err);
    for (size_t i = 0; result == -EMEDIUMTYPE && i < sizeof(all_types) / sizeof(all_types[0]);
         i++) {
        query.type = all_types[i];
        result = guest_read_registry(adapter->handle, &query, value, err);
    }
    return result;
}

/* "Adapter key of adapter 0 (LUID 00000000-0000abcd), physical adapter 0" */
static void key_line(const struct request *request, const struct guest_adapter *adapter,
                     size_t index, char *text, size_t size)
{
    char luid[GUEST_LUID_SIZE];

    guest_format_luid(adapter->luid, luid);
    if (request->query == D3DDDI_QUERYREGISTRY_SERVICEKEY)
        snprintf(text, size, "Service key of adapter %zu (LUID %s)", index, luid);
    else
        snprintf(text, size, "Adapter key of adapter %zu (LUID %s), physical adapter %u", index,
                 luid, request->physical);
}

struct result {
    json_object *values; /* NULL: text is printed */
    const char *key;
    size_t printed;
};

static void emit(struct result *result, const struct reg_value *value)
{
    if (result->values) {
        json_object_array_add(result->values, reg_value_json(value));
        return;
    }
    if (!result->printed++)
        puts(result->key);
    reg_print_value(stdout, value);
}

static int emit_one(const struct guest_adapter *adapter, const struct request *request,
                    struct result *result, struct error *err)
{
    struct reg_value value;
    int code = read_value(adapter, request, &value, err);

    if (code < 0)
        return code;
    value.name = (char *)request->name;
    emit(result, &value);
    free(value.data);
    return 0;
}

static int emit_all(const struct guest_adapter *adapter, const struct request *request,
                    struct result *result, struct error *err)
{
    struct gpupv_kmt_registry_entry *entries;
    size_t count;
    int code = guest_list_registry(adapter->handle, request->query, request->physical, &entries,
                                   &count, err);

    if (code < 0)
        return code;
    if (!count && !result->values)
        puts(result->key);
    for (size_t i = 0; i < count && code == 0; i++) {
        struct request one = *request;

        if (request->type != REG_TYPE_NONE && request->type != (enum reg_type)entries[i].type)
            continue;
        one.name = entries[i].name;
        one.type = (enum reg_type)entries[i].type;
        code = emit_one(adapter, &one, result, err);
        /* Deleted or retyped since the listing: no longer part of it. */
        if (code == -ENOENT || code == -EMEDIUMTYPE)
            code = 0;
    }
    free(entries);
    return code;
}

static int emit_path(const struct cli *cli, const struct guest_adapter *adapter,
                     const struct request *request, struct error *err)
{
    struct reg_value value;
    int code = read_value(adapter, request, &value, err);

    if (code < 0)
        return code;
    if (output_is_json(cli)) {
        json_object *document = json_object_new_object();

        json_add_text(document, "path", (const char *)value.data);
        output_json(document);
    } else {
        output_text(stdout, (const char *)value.data);
        putchar('\n');
    }
    free(value.data);
    return 0;
}

static int emit_values(const struct cli *cli, const struct guest_adapter *adapter, size_t index,
                       const struct request *request, struct error *err)
{
    struct result result = {0};
    char key[160], luid[GUEST_LUID_SIZE];
    int code;

    key_line(request, adapter, index, key, sizeof(key));
    result.key = key;
    result.values = output_is_json(cli) ? json_object_new_array() : NULL;
    code = request->name ? emit_one(adapter, request, &result, err)
                         : emit_all(adapter, request, &result, err);
    if (code < 0) {
        json_object_put(result.values);
        return code;
    }
    if (result.values) {
        json_object *document = json_object_new_object();

        guest_format_luid(adapter->luid, luid);
        json_add_number(document, "adapter", index);
        json_add_text(document, "luid", luid);
        json_add_text(document, "key",
                      request->query == D3DDDI_QUERYREGISTRY_SERVICEKEY ? "service" : "adapter");
        json_add_number(document, "physical_adapter", request->physical);
        json_object_object_add(document, "values", result.values);
        output_json(document);
    }
    return 0;
}

enum exit_code cmd_reg_query(const struct cli *cli)
{
    struct request request;
    struct gpupv_kmt_info info;
    struct guest_adapter *adapters;
    const struct guest_adapter *adapter;
    struct error err = {0};
    size_t count;
    int result = read_request(cli, &request, &err);

    if (result < 0)
        return output_fail(cli, EXIT_USAGE, "%s", err.text);
    result = guest_connect(&info, &err);
    if (result == 0)
        result = guest_open_adapters(&adapters, &count, &err);
    if (result < 0)
        return output_error(cli, result, &err);
    adapter = choose(&request, adapters, count, &err);
    if (!adapter)
        result = -ENOENT;
    else if (request.query >= D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH)
        result = emit_path(cli, adapter, &request, &err);
    else
        result = emit_values(cli, adapter, (size_t)(adapter - adapters), &request, &err);
    if (adapter)
        result = explain_physical(adapter, &request, result, &err);
    guest_close_adapters(adapters, count);
    return result < 0 ? output_error(cli, result, &err) : EXIT_DONE;
}
