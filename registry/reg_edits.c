/* SPDX-License-Identifier: MIT */
#include "registry/reg_edits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/key.h"

struct reg_edits {
    char *file;
    struct reg_edit *edits;
    size_t count, capacity;
    char **skipped;
    size_t skipped_count;
};

static int no_memory(struct error *err)
{
    return error_set(err, -ENOMEM, "no memory for the registry");
}

int reg_edits_create(const char *file, struct reg_edits **result, struct error *err)
{
    struct reg_edits *edits = calloc(1, sizeof(*edits));
    if (!edits)
        return no_memory(err);
    edits->file = strdup(file);
    if (!edits->file) {
        free(edits);
        return no_memory(err);
    }
    *result = edits;
    return 0;
}

static void edit_finish(struct reg_edit *edit)
{
    free(edit->name);
    free(edit->data);
}

void reg_edits_destroy(struct reg_edits *edits)
{
    if (!edits)
        return;
    for (size_t i = 0; i < edits->count; i++)
        edit_finish(&edits->edits[i]);
    free(edits->edits);
    for (size_t i = 0; i < edits->skipped_count; i++)
        free(edits->skipped[i]);
    free(edits->skipped);
    free(edits->file);
    free(edits);
}

int reg_edits_add(struct reg_edits *edits, struct reg_edit edit, struct error *err)
{
    int result = 0;
    if (edits->count == REG_EDITS_MAX) {
        result = error_set(err, -E2BIG,
                           "the file has more than the %d keys and values that are accepted; "
                           "import it in parts",
                           REG_EDITS_MAX);
    } else if (edits->count == edits->capacity) {
        size_t capacity = edits->capacity ? 2 * edits->capacity : 16;
        struct reg_edit *larger = realloc(edits->edits, capacity * sizeof(*larger));
        if (larger) {
            edits->edits = larger;
            edits->capacity = capacity;
        } else {
            result = no_memory(err);
        }
    }
    if (result) {
        edit_finish(&edit);
        return result;
    }
    edits->edits[edits->count++] = edit;
    return 0;
}

int reg_edits_add_skipped(struct reg_edits *edits, size_t line, const char *name, const char *why,
                          struct error *err)
{
    if (edits->skipped_count == REG_EDITS_MAX)
        return error_set(err, -E2BIG, "too many values of types that are not kept");
    char **larger = realloc(edits->skipped, (edits->skipped_count + 1) * sizeof(*larger));
    if (!larger)
        return no_memory(err);
    edits->skipped = larger;
    char *text;
    if (asprintf(&text, "%s:%zu: the value \"%s\" is left out: %s", edits->file, line, name, why) <
        0)
        return no_memory(err);
    edits->skipped[edits->skipped_count++] = text;
    return 0;
}

const char *reg_edits_skipped(const struct reg_edits *edits, size_t index)
{
    return index < edits->skipped_count ? edits->skipped[index] : NULL;
}

struct reg_edits_count reg_edits_count(const struct reg_edits *edits)
{
    struct reg_edits_count count = {.skipped = edits->skipped_count};
    for (size_t i = 0; i < edits->count; i++) {
        switch (edits->edits[i].kind) {
        case REG_EDIT_KEY:
            count.keys++;
            break;
        case REG_EDIT_DELETE_KEY:
            count.deleted_keys++;
            break;
        case REG_EDIT_VALUE:
            count.values++;
            break;
        case REG_EDIT_DELETE_VALUE:
            count.deleted_values++;
            break;
        }
    }
    return count;
}

/* *key is the key of the section that the edit stands in. */
static int apply_one(const struct reg_edit *edit, struct reg_hive *hive, struct reg_key **key,
                     struct error *err)
{
    int result = 0;
    switch (edit->kind) {
    case REG_EDIT_KEY:
        return reg_hive_make(hive, edit->name, key, err);
    case REG_EDIT_DELETE_KEY:
        *key = NULL;
        result = reg_hive_delete(hive, edit->name, err);
        break;
    case REG_EDIT_VALUE:
        return reg_key_set(*key, edit->name, edit->type, edit->data, edit->size, err);
    case REG_EDIT_DELETE_VALUE:
        result = reg_key_delete_value(*key, edit->name);
        break;
    }
    /* What is to go and is not there is no fault of the file's. */
    return result == -ENOENT ? 0 : result;
}

int reg_edits_apply(const struct reg_edits *edits, struct reg_hive *hive, struct error *err)
{
    struct reg_hive *changed;
    int result = reg_hive_create(&changed);
    if (result)
        return no_memory(err);
    result = reg_hive_merge(changed, hive, err);
    struct reg_key *key = NULL;
    for (size_t i = 0; i < edits->count && !result; i++) {
        result = apply_one(&edits->edits[i], changed, &key, err);
        if (result)
            error_prefix(err, result, "%s:%zu", edits->file, edits->edits[i].line);
    }
    if (!result)
        hive_swap(hive, changed);
    reg_hive_destroy(changed);
    return result;
}
