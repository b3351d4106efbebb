/* SPDX-License-Identifier: MIT */
/* `gpupv host reg import-hive`: a driver's key out of a hive file of Windows. */
#include "tools/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "registry/windows_hive.h"
#include "tools/hive_edit.h"
#include "tools/host_reg.h"
#include "tools/key_names.h"
#include "tools/output.h"

struct request {
    const char *file, *source, *adapter;
    unsigned physical;
    bool list;
};

static int read_request(const struct cli *cli, struct request *request, struct error *err)
{
    const char *physical = cli_value(cli, "phys");
    unsigned long long number = 0;

    *request = (struct request){.file = cli_argument(cli, 0),
                                .source = cli_value(cli, "source"),
                                .adapter = cli_value(cli, "adapter"),
                                .list = cli_given(cli, "list")};
    if (request->list && (request->adapter || physical))
        return error_set(err, -EINVAL, "--list imports nothing: give it without --adapter, --phys");
    if (!request->list && !request->adapter)
        return error_set(err, -EINVAL,
                         "--adapter NAME is missing: the adapter whose key takes the values; or "
                         "give --list to see the keys of FILE");
    if (physical && cli_parse_number(physical, UINT16_MAX, &number) < 0)
        return error_set(err, -EINVAL, "--phys needs a number from 0 on, not \"%s\"", physical);
    request->physical = (unsigned)number;
    return 0;
}

static void note_dirty(const struct windows_hive *hive, const char *file)
{
    if (windows_hive_is_dirty(hive))
        output_note("%s was copied while Windows was writing to it: its last changes may be "
                    "missing. \"reg save HKLM\\SYSTEM FILE\" makes a complete copy",
                    file);
}

/* --list */

static void print_keys(const struct windows_hive_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct windows_hive_key *key = &list->keys[i];

        output_text(stdout, list->path);
        fputs(*list->path ? "\\" : "", stdout);
        output_text(stdout, key->name);
        printf("    %zu values, %zu subkeys", key->values, key->subkeys);
        if (key->description) {
            fputs("    ", stdout);
            output_text(stdout, key->description);
        }
        putchar('\n');
    }
}

static void print_keys_json(const struct windows_hive_list *list, const char *file)
{
    json_object *document = json_object_new_object(), *keys = json_object_new_array();

    for (size_t i = 0; i < list->count; i++) {
        const struct windows_hive_key *key = &list->keys[i];
        json_object *object = json_object_new_object();

        json_add_text(object, "name", key->name);
        json_add_text(object, "description", key->description);
        json_add_number(object, "values", key->values);
        json_add_number(object, "subkeys", key->subkeys);
        json_object_array_add(keys, object);
    }
    json_add_text(document, "file", file);
    json_add_text(document, "source", list->path);
    json_object_object_add(document, "keys", keys);
    output_json(document);
}

static int list(const struct cli *cli, struct windows_hive *hive, const struct request *request,
                struct error *err)
{
    const char *source = request->source ? request->source : "ControlSet001\\" WINDOWS_HIVE_CLASS;
    struct windows_hive_list keys;
    int result = windows_hive_list(hive, source, &keys, err);

    if (result < 0)
        return result;
    if (output_is_json(cli))
        print_keys_json(&keys, request->file);
    else
        print_keys(&keys);
    windows_hive_list_free(&keys);
    return 0;
}

/* Import */

static void report(const struct cli *cli, const struct request *request, const char *target,
                   const struct windows_hive_import *import)
{
    for (size_t i = 0; i < import->skipped_count; i++)
        output_note("%s", import->skipped[i]);
    if (output_is_json(cli)) {
        json_object *document = json_object_new_object(), *skipped = json_object_new_array();

        for (size_t i = 0; i < import->skipped_count; i++)
            json_object_array_add(skipped, json_object_new_string(import->skipped[i]));
        json_add_text(document, "file", request->file);
        json_add_text(document, "source", import->path);
        json_add_text(document, "key", target);
        json_add_number(document, "keys", import->keys);
        json_add_number(document, "values", import->values);
        json_object_object_add(document, "skipped", skipped);
        output_json(document);
        return;
    }
    printf("Imported %zu values in %zu keys from ", import->values, import->keys);
    output_text(stdout, import->path);
    fputs(" into ", stdout);
    output_text(stdout, target);
    putchar('\n');
}

static int import(const struct cli *cli, struct windows_hive *windows,
                  const struct request *request, const struct host_reg *reg, struct error *err)
{
    const char *source = request->source ? request->source : WINDOWS_HIVE_DEFAULT_KEY;
    struct windows_hive_import done;
    struct hive_edit edit;
    char *target;
    int result = key_of_adapter(&reg->env, request->adapter, request->physical, &target, err);

    if (result < 0)
        return result;
    result = hive_edit_begin(reg->hive, &edit, err);
    if (result < 0)
        goto free_target;
    result = windows_hive_import(windows, source, edit.hive, target, &done, err);
    if (result < 0)
        goto end_edit;
    result = hive_edit_save(&edit, err);
    if (result == 0)
        report(cli, request, target, &done);
    windows_hive_import_free(&done);
end_edit:
    hive_edit_end(&edit);
free_target:
    free(target);
    return result;
}

enum exit_code cmd_host_reg_import_hive(const struct cli *cli)
{
    struct request request;
    struct host_reg reg;
    struct windows_hive *hive;
    struct error err = {0};
    int result = read_request(cli, &request, &err);

    if (result < 0)
        return output_fail(cli, EXIT_USAGE, "%s", err.text);
    result = host_reg_open_plain(cli, &reg, &err);
    if (result < 0)
        return output_error(cli, result, &err);
    result = windows_hive_open(request.file, &hive, &err);
    if (result == 0) {
        note_dirty(hive, request.file);
        result = request.list ? list(cli, hive, &request, &err)
                              : import(cli, hive, &request, &reg, &err);
        windows_hive_close(hive);
    }
    host_reg_close(&reg);
    return result < 0 ? output_error(cli, result, &err) : EXIT_DONE;
}
