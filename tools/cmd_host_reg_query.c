/* SPDX-License-Identifier: MIT */
/* `gpupv host reg query`: keys and values of the hive, as `reg.exe query` prints them. */
#include "tools/commands.h"

#include <errno.h>
#include <string.h>

#include "tools/host_reg.h"
#include "tools/output.h"
#include "tools/reg_data.h"

struct walk {
    const char *name; /* NULL: all values */
    bool recursive;
    json_object *keys; /* NULL: text is printed */
    size_t printed;    /* keys that had something to print */
};

static bool is_wanted(const struct walk *walk, const struct reg_key *key,
                      const struct reg_value *value)
{
    return !walk->name || reg_key_find_value(key, walk->name) == value;
}

static void add_json(struct walk *walk, const struct reg_key *key)
{
    json_object *object = json_object_new_object(), *values = json_object_new_array();
    json_object *subkeys = json_object_new_array();

    host_reg_add_key_name(object, "key", key);
    for (size_t i = 0; i < reg_key_value_count(key); i++) {
        if (is_wanted(walk, key, reg_key_value(key, i)))
            json_object_array_add(values, reg_value_json(reg_key_value(key, i)));
    }
    for (size_t i = 0; i < reg_key_subkey_count(key); i++)
        json_object_array_add(subkeys,
                              json_object_new_string(reg_key_name(reg_key_subkey(key, i))));
    json_object_object_add(object, "values", values);
    json_object_object_add(object, "subkeys", subkeys);
    json_object_array_add(walk->keys, object);
}

static void print_text(struct walk *walk, const struct reg_key *key)
{
    if (walk->printed)
        putchar('\n');
    host_reg_print_key_name(key);
    for (size_t i = 0; i < reg_key_value_count(key); i++) {
        if (is_wanted(walk, key, reg_key_value(key, i)))
            reg_print_value(stdout, reg_key_value(key, i));
    }
    if (walk->recursive || walk->name || !reg_key_subkey_count(key))
        return;
    putchar('\n');
    for (size_t i = 0; i < reg_key_subkey_count(key); i++)
        host_reg_print_key_name(reg_key_subkey(key, i));
}

/* The depth is bounded by REG_MAX_DEPTH. */
static void visit(struct walk *walk, const struct reg_key *key)
{
    if (!walk->name || reg_key_find_value(key, walk->name)) {
        if (walk->keys)
            add_json(walk, key);
        else
            print_text(walk, key);
        walk->printed++;
    }
    for (size_t i = 0; walk->recursive && i < reg_key_subkey_count(key); i++)
        visit(walk, reg_key_subkey(key, i));
}

static int query(const struct cli *cli, const struct host_reg *reg, const struct reg_hive *hive,
                 struct walk *walk, struct error *err)
{
    const struct reg_key *key = reg_hive_find(hive, reg->path);

    if (!key)
        return host_reg_no_key(reg, reg->path, err);
    if (output_is_json(cli))
        walk->keys = json_object_new_array();
    visit(walk, key);
    if (!walk->printed) {
        json_object_put(walk->keys);
        return error_set(err, -ENOENT, "the key %s has no value \"%s\"%s", reg->path, walk->name,
                         walk->recursive ? ", nor has a key below it" : "");
    }
    if (walk->keys) {
        json_object *document = json_object_new_object();

        json_object_object_add(document, "keys", walk->keys);
        output_json(document);
    }
    return 0;
}

enum exit_code cmd_host_reg_query(const struct cli *cli)
{
    struct walk walk = {.recursive = cli_given(cli, "recursive")};
    struct host_reg reg;
    struct reg_hive *hive;
    struct error err = {0};
    int result = host_reg_read_value_name(cli, &walk.name, &err);

    if (result < 0)
        return output_fail(cli, EXIT_USAGE, "%s", err.text);
    result = host_reg_open(cli, &reg, &err);
    if (result < 0)
        return output_error(cli, result, &err);
    result = host_reg_read(&reg, &hive, &err);
    if (result == 0) {
        result = query(cli, &reg, hive, &walk, &err);
        reg_hive_destroy(hive);
    }
    host_reg_close(&reg);
    return result < 0 ? output_error(cli, result, &err) : EXIT_DONE;
}
