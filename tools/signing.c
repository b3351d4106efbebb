/* SPDX-License-Identifier: MIT */
#include "tools/signing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/output.h"

int signing_key_load(const char *path, struct secret_key *key, struct error *err)
{
    struct error warning;
    int result = secret_key_load(path, key, &warning, err);

    if (result == 0 && warning.text[0])
        output_note("%s", warning.text);
    return result;
}

int signing_public_keys(const struct cli *cli, struct public_key **keys, size_t *count,
                        struct error *err)
{
    struct public_key *list = calloc(cli->given_count + 1, sizeof(*list));
    size_t used = 0;

    if (!list)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < cli->given_count; i++) {
        int result;

        if (strcmp(cli->given[i].option->name, "key") != 0)
            continue;
        result = public_key_load(cli->given[i].value, &list[used], err);
        if (result < 0) {
            free(list);
            return result;
        }
        used++;
    }
    *keys = list;
    *count = used;
    return 0;
}

void signing_add_json(json_object *object, const char *store, const char *package)
{
    struct signature_set set = {.count = 0};
    struct error err = {0};
    json_object *array = json_object_new_array();
    int result = store_signatures(store, package, &set, &err);

    for (size_t i = 0; i < set.count && result == 0; i++)
        json_object_array_add(array, json_object_new_string(set.items[i].key_id));
    json_object_object_add(object, "signatures", array);
    json_add_text(object, "signature_error", result < 0 ? err.text : NULL);
}

void signing_describe(const char *store, const char *package, char *text, size_t size)
{
    struct signature_set set = {.count = 0};

    if (store_signatures(store, package, &set, NULL) < 0)
        snprintf(text, size, "damaged");
    else if (!set.count)
        snprintf(text, size, "no");
    else if (set.count == 1)
        snprintf(text, size, "%s", set.items[0].key_id);
    else
        snprintf(text, size, "%s +%zu", set.items[0].key_id, set.count - 1);
}
