/* SPDX-License-Identifier: MIT */
/* `gpupv host reg add|delete`, and of `gpupv guest`: single keys and values of the hive. */
#include "tools/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/hive_edit.h"
#include "tools/host_reg.h"
#include "tools/output.h"
#include "tools/prompt.h"
#include "tools/reg_data.h"

/* What was typed for `reg add`. */
struct new_value {
    const char *name; /* NULL: only the key is wanted */
    enum reg_type type;
    uint8_t *data;
    size_t size;
};

static int read_new_value(const struct cli *cli, struct new_value *value, struct error *err)
{
    const char *type = cli_value(cli, "type"), *data = cli_value(cli, "data");
    const char *separator = cli_value(cli, "separator");
    int result = host_reg_read_value_name(cli, &value->name, err);

    if (result < 0)
        return result;
    if (!value->name && (type || data || separator))
        return error_set(err, -EINVAL,
                         "--type and --data need the NAME of a value, or --default for the key's "
                         "default value");
    value->type = REG_TYPE_SZ;
    if (type && reg_type_parse(type, &value->type) < 0)
        return error_set(err, -EINVAL,
                         "\"%s\" is no type: REG_SZ, REG_EXPAND_SZ, REG_MULTI_SZ, REG_DWORD, "
                         "REG_QWORD and REG_BINARY are known",
                         type);
    return reg_data_parse(value->type, data, separator ? separator : "\\0", &value->data,
                          &value->size, err);
}

static bool same_value(const struct reg_value *value, const struct new_value *wanted)
{
    return value->type == wanted->type && value->size == wanted->size &&
           memcmp(value->data, wanted->data, wanted->size) == 0;
}

/* A person is asked before a value is lost; a script says what it wants and gets it. */
static int confirm_replace(const struct cli *cli, const struct reg_key *key,
                           const struct new_value *wanted, struct error *err)
{
    const struct reg_value *old = reg_key_find_value(key, wanted->name);

    if (!old || same_value(old, wanted) || cli_given(cli, "force") || !prompt_possible())
        return 0;
    reg_print_value(stderr, old);
    if (prompt_confirm("The value is there already, as above. Replace it?"))
        return 0;
    return error_set(err, -EBUSY, "the value \"%s\" stays as it is", wanted->name);
}

static int add(const struct cli *cli, struct hive_edit *edit, const char *path,
               const struct new_value *wanted, struct error *err)
{
    struct reg_key *key;
    int result = reg_hive_make(edit->hive, path, &key, err);

    if (result < 0)
        return result;
    if (wanted->name) {
        result = confirm_replace(cli, key, wanted, err);
        if (result == 0)
            result = reg_key_set(key, wanted->name, wanted->type, wanted->data, wanted->size, err);
        if (result < 0)
            return result;
    }
    return hive_edit_save(edit, err);
}

static void report_added(const struct cli *cli, const struct reg_hive *hive, const char *path,
                         const char *name)
{
    struct reg_key *key = reg_hive_find(hive, path);
    const struct reg_value *value = name ? reg_key_find_value(key, name) : NULL;

    if (output_is_json(cli)) {
        json_object *document = json_object_new_object();

        host_reg_add_key_name(document, "key", key);
        json_object_object_add(document, "value", value ? reg_value_json(value) : NULL);
        output_json(document);
        return;
    }
    host_reg_print_key_name(key);
    if (value)
        reg_print_value(stdout, value);
}

enum exit_code cmd_host_reg_add(const struct cli *cli)
{
    struct new_value wanted = {0};
    struct host_reg reg;
    struct hive_edit edit;
    struct error err = {0};
    enum exit_code code;
    int result = read_new_value(cli, &wanted, &err);

    if (result < 0)
        return output_fail(cli, EXIT_USAGE, "%s", err.text);
    result = host_reg_open(cli, &reg, &err);
    if (result < 0)
        goto free_data;
    result = hive_edit_begin(reg.hive, &edit, &err);
    if (result < 0)
        goto close_reg;
    result = add(cli, &edit, reg.path, &wanted, &err);
    if (result == 0)
        report_added(cli, edit.hive, reg.path, wanted.name);
    hive_edit_end(&edit);
close_reg:
    host_reg_close(&reg);
free_data:
    code = result < 0 ? output_error(cli, result, &err) : EXIT_DONE;
    free(wanted.data);
    return code;
}

static int confirm_delete(const struct cli *cli, const struct reg_key *key, const char *what,
                          struct error *err)
{
    char *path;
    bool yes;

    if (cli_given(cli, "force"))
        return 0;
    if (!prompt_possible())
        return error_set(err, -EBUSY,
                         "nothing is deleted: %s goes only with --force, or when a person at a "
                         "terminal confirms it",
                         what);
    path = reg_key_path(key);
    yes =
        prompt_confirm("Delete %s of %s (%zu values, %zu subkeys)?", what, path ? path : "the key",
                       reg_key_value_count(key), reg_key_subkey_count(key));
    free(path);
    return yes ? 0 : error_set(err, -EBUSY, "nothing is deleted");
}

static int delete_values(struct reg_key *key)
{
    int result = 0;

    while (result == 0 && reg_key_value_count(key)) {
        char *name = strdup(reg_key_value(key, 0)->name);

        result = name ? reg_key_delete_value(key, name) : -ENOMEM;
        free(name);
    }
    return result;
}

static int delete_from(const struct cli *cli, const struct host_reg *reg, struct hive_edit *edit,
                       const char *name, struct error *err)
{
    const char *path = reg->path;
    struct reg_key *key = reg_hive_find(edit->hive, path);
    int result;

    if (!key)
        return host_reg_no_key(reg, path, err);
    if (name) {
        result = reg_key_delete_value(key, name);
        if (result == -ENOENT)
            error_set(err, result, "the key %s has no value \"%s\"", path, name);
    } else if (cli_given(cli, "all-values")) {
        result = confirm_delete(cli, key, "every value", err);
        if (result == 0)
            result = delete_values(key);
    } else {
        result = confirm_delete(cli, key, "the key and all below it", err);
        if (result == 0)
            result = reg_hive_delete(edit->hive, path, err);
    }
    return result < 0 ? result : hive_edit_save(edit, err);
}

enum exit_code cmd_host_reg_delete(const struct cli *cli)
{
    struct host_reg reg;
    struct hive_edit edit;
    struct error err = {0};
    const char *name;
    int result = host_reg_read_value_name(cli, &name, &err);

    if (result == 0 && name && cli_given(cli, "all-values"))
        result = error_set(&err, -EINVAL, "give the NAME of one value or --all-values, not both");
    if (result < 0)
        return output_fail(cli, EXIT_USAGE, "%s", err.text);
    result = host_reg_open(cli, &reg, &err);
    if (result < 0)
        return output_error(cli, result, &err);
    result = hive_edit_begin(reg.hive, &edit, &err);
    if (result == 0) {
        result = delete_from(cli, &reg, &edit, name, &err);
        hive_edit_end(&edit);
    }
    if (result == 0 && output_is_json(cli)) {
        json_object *document = json_object_new_object();

        json_add_text(document, "key", reg.path);
        json_add_text(document, "deleted_value", name);
        output_json(document);
    }
    host_reg_close(&reg);
    return result < 0 ? output_error(cli, result, &err) : EXIT_DONE;
}
