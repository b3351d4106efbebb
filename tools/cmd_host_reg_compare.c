/* SPDX-License-Identifier: MIT */
/* `gpupv host reg compare`: two keys of the hive, in the manner of `reg.exe compare`. */
#include "tools/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/host_reg.h"
#include "tools/output.h"
#include "tools/reg_data.h"

struct comparison {
    const char *name; /* NULL: all values */
    bool recursive, show_same, show_different;
    json_object *entries; /* NULL: text is printed */
    size_t same, different;
};

/* Where something is: in the first key, in the second, or in both with the same data. */
enum side { FIRST, SECOND, BOTH };

static void show(struct comparison *comparison, enum side side, const struct reg_key *key,
                 const struct reg_value *value)
{
    static const char *const names[] = {"first", "second", "both"};
    static const char signs[] = "<>=";

    if (side == BOTH ? !comparison->show_same : !comparison->show_different)
        return;
    if (comparison->entries) {
        json_object *object = json_object_new_object();

        json_add_text(object, "in", names[side]);
        host_reg_add_key_name(object, "key", key);
        json_object_object_add(object, "value", value ? reg_value_json(value) : NULL);
        json_object_array_add(comparison->entries, object);
        return;
    }
    printf("%c %s: ", signs[side], value ? "Value" : "Key");
    if (value) {
        host_reg_print_key_name_inline(key);
        reg_print_value(stdout, value);
    } else {
        host_reg_print_key_name(key);
    }
}

static void found(struct comparison *comparison, enum side side, const struct reg_key *key,
                  const struct reg_value *value)
{
    if (side == BOTH)
        comparison->same++;
    else
        comparison->different++;
    show(comparison, side, key, value);
}

static bool same_data(const struct reg_value *one, const struct reg_value *other)
{
    return one->type == other->type && one->size == other->size &&
           memcmp(one->data, other->data, one->size) == 0;
}

static bool is_wanted(const struct comparison *comparison, const struct reg_key *key,
                      const struct reg_value *value)
{
    return !comparison->name || reg_key_find_value(key, comparison->name) == value;
}

static void compare_values(struct comparison *comparison, const struct reg_key *one,
                           const struct reg_key *other)
{
    for (size_t i = 0; i < reg_key_value_count(one); i++) {
        const struct reg_value *value = reg_key_value(one, i);
        const struct reg_value *counterpart = reg_key_find_value(other, value->name);

        if (!is_wanted(comparison, one, value))
            continue;
        if (counterpart && same_data(value, counterpart)) {
            found(comparison, BOTH, one, value);
            continue;
        }
        found(comparison, FIRST, one, value);
        if (counterpart)
            show(comparison, SECOND, other, counterpart);
    }
    for (size_t i = 0; i < reg_key_value_count(other); i++) {
        const struct reg_value *value = reg_key_value(other, i);

        if (is_wanted(comparison, other, value) && !reg_key_find_value(one, value->name))
            found(comparison, SECOND, other, value);
    }
}

/* The depth is bounded by REG_MAX_DEPTH. */
static void compare_keys(struct comparison *comparison, const struct reg_key *one,
                         const struct reg_key *other)
{
    compare_values(comparison, one, other);
    for (size_t i = 0; comparison->recursive && i < reg_key_subkey_count(one); i++) {
        const struct reg_key *subkey = reg_key_subkey(one, i);
        const struct reg_key *counterpart = reg_key_find_subkey(other, reg_key_name(subkey));

        if (counterpart)
            compare_keys(comparison, subkey, counterpart);
        else
            found(comparison, FIRST, subkey, NULL);
    }
    for (size_t i = 0; comparison->recursive && i < reg_key_subkey_count(other); i++) {
        const struct reg_key *subkey = reg_key_subkey(other, i);

        if (!reg_key_find_subkey(one, reg_key_name(subkey)))
            found(comparison, SECOND, subkey, NULL);
    }
}

static void print_result(const struct cli *cli, struct comparison *comparison)
{
    if (output_is_json(cli)) {
        json_object *document = json_object_new_object();

        json_add_boolean(document, "same", comparison->different == 0);
        json_add_number(document, "equal", comparison->same);
        json_add_number(document, "different", comparison->different);
        json_object_object_add(document, "entries", comparison->entries);
        output_json(document);
        return;
    }
    printf("Results Compared: %s\n", comparison->different ? "Different" : "Identical");
}

static int compare(const struct cli *cli, const struct host_reg *reg, const char *second_path,
                   const struct reg_hive *hive, struct comparison *comparison, struct error *err)
{
    const struct reg_key *one = reg_hive_find(hive, reg->path);
    const struct reg_key *other = reg_hive_find(hive, second_path);

    if (!one || !other)
        return host_reg_no_key(reg, one ? second_path : reg->path, err);
    if (comparison->name && !reg_key_find_value(one, comparison->name) &&
        !reg_key_find_value(other, comparison->name) && !comparison->recursive)
        return error_set(err, -ENOENT, "neither %s nor %s has a value \"%s\"", reg->path,
                         second_path, comparison->name);
    comparison->entries = output_is_json(cli) ? json_object_new_array() : NULL;
    compare_keys(comparison, one, other);
    print_result(cli, comparison);
    return 0;
}

static int read_options(const struct cli *cli, struct comparison *comparison, struct error *err)
{
    static const char *const shown[] = {"all", "differences", "matches", "quiet", NULL};
    static const char *const named[] = {"value", "default", NULL};
    const char *first, *second;

    if (cli_conflict(cli, shown, &first, &second) || cli_conflict(cli, named, &first, &second))
        return error_set(err, -EINVAL, "--%s and --%s exclude each other", first, second);
    *comparison = (struct comparison){
        .name = cli_given(cli, "default") ? "" : cli_value(cli, "value"),
        .recursive = cli_given(cli, "recursive"),
        .show_same = cli_given(cli, "all") || cli_given(cli, "matches"),
        .show_different = !cli_given(cli, "matches") && !cli_given(cli, "quiet"),
    };
    return 0;
}

enum exit_code cmd_host_reg_compare(const struct cli *cli)
{
    struct comparison comparison;
    struct host_reg reg;
    struct reg_hive *hive;
    struct error err = {0};
    char *second_path = NULL;
    int result = read_options(cli, &comparison, &err);

    if (result < 0)
        return output_fail(cli, EXIT_USAGE, "%s", err.text);
    result = host_reg_open(cli, &reg, &err);
    if (result < 0)
        return host_reg_fail_comparison(cli, result, &err);
    result = host_reg_expand(&reg, cli_argument(cli, 1), &second_path, &err);
    if (result == 0)
        result = host_reg_read(&reg, &hive, &err);
    if (result == 0) {
        result = compare(cli, &reg, second_path, hive, &comparison, &err);
        reg_hive_destroy(hive);
    }
    free(second_path);
    host_reg_close(&reg);
    if (result < 0)
        return host_reg_fail_comparison(cli, result, &err);
    return comparison.different ? EXIT_DIFFERENT : EXIT_DONE;
}
