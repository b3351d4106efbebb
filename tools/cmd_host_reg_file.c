/* SPDX-License-Identifier: MIT */
/* `gpupv host reg import|export`: whole keys from and to files, in the registry's text form or in
 * that of Windows (.reg). */
#include "tools/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "registry/reg_file.h"
#include "registry/windows_hive.h"
#include "tools/hive_edit.h"
#include "tools/host_reg.h"
#include "tools/output.h"
#include "tools/prompt.h"
#include "util/file.h"

static int read_standard_input(char **text, size_t *size, struct error *err)
{
    size_t capacity = 0, got;

    *text = NULL;
    *size = 0;
    do {
        char *larger;

        capacity = capacity ? 2 * capacity : 65536;
        if (capacity > 2 * (size_t)REG_MAX_FILE)
            return error_set(err, -EFBIG, "standard input holds more than the %d MiB that are read",
                             REG_MAX_FILE >> 20);
        larger = realloc(*text, capacity);
        if (!larger)
            return error_set(err, -ENOMEM, "no memory for what standard input holds");
        *text = larger;
        got = fread(*text + *size, 1, capacity - *size, stdin);
        *size += got;
    } while (*size == capacity);
    return ferror(stdin) ? error_set(err, -EIO, "cannot read standard input") : 0;
}

/* What a file asks for: one of the two is not NULL. */
struct imported {
    struct reg_hive *hive;   /* of the text form: keys to merge */
    struct reg_edits *edits; /* of a .reg file */
};

static void imported_destroy(struct imported *imported)
{
    reg_hive_destroy(imported->hive);
    reg_edits_destroy(imported->edits);
}

static int parse_text(const char *name, const char *text, size_t size, struct imported *imported,
                      struct error *err)
{
    static const char title[] = "gpupv registry";

    if (reg_file_recognise(text, size))
        return reg_file_parse(name, text, size, &imported->edits, err);
    if (windows_hive_recognise(text, size))
        return error_set(err, -EINVAL,
                         "%s is a hive file of Windows; \"gpupv host reg import-hive\" takes keys "
                         "out of it",
                         name);
    if (size < strlen(title) || memcmp(text, title, strlen(title)) != 0)
        return error_set(err, -EINVAL,
                         "%s:1: neither \"gpupv registry 1\" nor \"Windows Registry Editor Version "
                         "5.00\" is the first line",
                         name);
    return reg_hive_parse(name, text, size, &imported->hive, err);
}

static int parse_file(const char *file, struct imported *imported, struct error *err)
{
    bool from_stdin = strcmp(file, "-") == 0;
    char *text = NULL;
    size_t size;
    int result;

    if (from_stdin)
        result = read_standard_input(&text, &size, err);
    else
        result = file_read(AT_FDCWD, file, REG_MAX_FILE, &text, &size, err);
    if (result == 0)
        result = parse_text(from_stdin ? "standard input" : file, text, size, imported, err);
    free(text);
    return result;
}

/* Keys that are there only as parents of others are not counted. */
static void count(const struct reg_key *key, struct reg_edits_count *sum)
{
    sum->keys += reg_key_value_count(key) || !reg_key_subkey_count(key);
    sum->values += reg_key_value_count(key);
    for (size_t i = 0; i < reg_key_subkey_count(key); i++)
        count(reg_key_subkey(key, i), sum);
}

static struct reg_edits_count count_imported(const struct imported *imported)
{
    struct reg_edits_count sum = {0};
    const struct reg_key *root;

    if (imported->edits)
        return reg_edits_count(imported->edits);
    root = reg_hive_find(imported->hive, "HKLM");
    if (root && (reg_key_subkey_count(root) || reg_key_value_count(root)))
        count(root, &sum);
    return sum;
}

static void report_import_json(const struct imported *imported, const char *file)
{
    struct reg_edits_count sum = count_imported(imported);
    json_object *document = json_object_new_object(), *skipped = json_object_new_array();

    for (size_t i = 0; i < sum.skipped; i++)
        json_object_array_add(skipped,
                              json_object_new_string(reg_edits_skipped(imported->edits, i)));
    json_add_text(document, "file", file);
    json_add_text(document, "format", imported->edits ? "reg" : "text");
    json_add_number(document, "keys", sum.keys);
    json_add_number(document, "values", sum.values);
    json_add_number(document, "deleted_keys", sum.deleted_keys);
    json_add_number(document, "deleted_values", sum.deleted_values);
    json_object_object_add(document, "skipped", skipped);
    output_json(document);
}

static void report_import(const struct cli *cli, const struct imported *imported, const char *file)
{
    struct reg_edits_count sum = count_imported(imported);

    for (size_t i = 0; i < sum.skipped; i++)
        output_note("%s", reg_edits_skipped(imported->edits, i));
    if (output_is_json(cli)) {
        report_import_json(imported, file);
        return;
    }
    printf("Imported %zu values in %zu keys from ", sum.values, sum.keys);
    output_text(stdout, file);
    if (sum.deleted_keys || sum.deleted_values)
        printf("; deleted %zu values and %zu keys", sum.deleted_values, sum.deleted_keys);
    putchar('\n');
}

enum exit_code cmd_host_reg_import(const struct cli *cli)
{
    const char *file = cli_argument(cli, 0);
    struct host_reg reg;
    struct hive_edit edit;
    struct imported imported = {0};
    struct error err = {0};
    int result = host_reg_open_plain(cli, &reg, &err);

    if (result < 0)
        return output_error(cli, result, &err);
    result = parse_file(file, &imported, &err);
    if (result < 0)
        goto close_reg;
    result = hive_edit_begin(reg.hive, &edit, &err);
    if (result < 0)
        goto destroy_imported;
    if (imported.edits)
        result = reg_edits_apply(imported.edits, edit.hive, &err);
    else
        result = reg_hive_merge(edit.hive, imported.hive, &err);
    if (result == 0)
        result = hive_edit_save(&edit, &err);
    if (result == 0)
        report_import(cli, &imported, file);
    hive_edit_end(&edit);
destroy_imported:
    imported_destroy(&imported);
close_reg:
    host_reg_close(&reg);
    return result < 0 ? output_error(cli, result, &err) : EXIT_DONE;
}

static int write_file(const struct cli *cli, const char *file, const char *text, size_t size,
                      struct error *err)
{
    if (access(file, F_OK) == 0 && !cli_given(cli, "force")) {
        if (!prompt_possible())
            return error_set(err, -EBUSY, "the file %s is there already; --force replaces it",
                             file);
        if (!prompt_confirm("Replace the file %s?", file))
            return error_set(err, -EBUSY, "the file %s stays as it is", file);
    }
    return file_write_atomic(file, text, size, 0644, err);
}

/* --format, else what the file's name says. */
static int choose_format(const struct cli *cli, const char *file, bool *as_reg, struct error *err)
{
    const char *format = cli_value(cli, "format");
    size_t length = file ? strlen(file) : 0;

    *as_reg = format ? strcmp(format, "reg") == 0
                     : length > 4 && strcasecmp(file + length - 4, ".reg") == 0;
    if (format && !*as_reg && strcmp(format, "text") != 0)
        return error_set(err, -EINVAL, "--format is text or reg, not \"%s\"", format);
    return 0;
}

/* The text of a JSON document is UTF-8, and that of a .reg file UTF-16: then it is left out. */
static void report_export(const struct reg_key *key, const char *file, bool as_reg,
                          const char *text, size_t size)
{
    json_object *document = json_object_new_object();

    host_reg_add_key_name(document, "key", key);
    json_add_text(document, "file", file);
    json_add_text(document, "format", as_reg ? "reg" : "text");
    json_add_number(document, "size", size);
    /* Without a file the text has no other place. */
    if (!file && !as_reg)
        json_object_object_add(document, "text", json_object_new_string_len(text, (int)size));
    output_json(document);
}

static int format_key(const struct reg_key *key, bool as_reg, char **text, size_t *size)
{
    void *data;
    int result;

    if (!as_reg)
        return reg_key_format(key, text, size);
    result = reg_file_format(key, &data, size);
    if (result == 0)
        *text = data;
    return result;
}

static int export_key(const struct cli *cli, const struct host_reg *reg,
                      const struct reg_hive *hive, bool as_reg, struct error *err)
{
    const char *file = cli_argument(cli, 1);
    const struct reg_key *key = reg_hive_find(hive, reg->path);
    char *text;
    size_t size;
    int result;

    if (!key)
        return host_reg_no_key(reg, reg->path, err);
    result = format_key(key, as_reg, &text, &size);
    if (result < 0)
        return error_set(err, result, "cannot write the key %s as text: %s", reg->path,
                         strerror(-result));
    if (file && strcmp(file, "-") == 0)
        file = NULL;
    if (file)
        result = write_file(cli, file, text, size, err);
    if (result == 0 && output_is_json(cli))
        report_export(key, file, as_reg, text, size);
    else if (result == 0 && !file)
        fwrite(text, 1, size, stdout);
    free(text);
    return result;
}

enum exit_code cmd_host_reg_export(const struct cli *cli)
{
    struct host_reg reg;
    struct reg_hive *hive;
    struct error err = {0};
    bool as_reg;
    int result = choose_format(cli, cli_argument(cli, 1), &as_reg, &err);

    if (result == 0 && as_reg && output_is_json(cli) && !cli_argument(cli, 1))
        result = error_set(&err, -EINVAL, "--json and --format reg need a FILE");
    if (result < 0)
        return output_fail(cli, EXIT_USAGE, "%s", err.text);
    result = host_reg_open(cli, &reg, &err);
    if (result < 0)
        return output_error(cli, result, &err);
    result = host_reg_read(&reg, &hive, &err);
    if (result == 0) {
        result = export_key(cli, &reg, hive, as_reg, &err);
        reg_hive_destroy(hive);
    }
    host_reg_close(&reg);
    return result < 0 ? output_error(cli, result, &err) : EXIT_DONE;
}
