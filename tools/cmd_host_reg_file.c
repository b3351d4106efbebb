/* SPDX-License-Identifier: MIT */
/* `gpupv host reg import|export`: whole keys from and to files in the registry's text form. */
#include "tools/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static int parse_file(const char *file, struct reg_hive **hive, struct error *err)
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
        result = reg_hive_parse(from_stdin ? "standard input" : file, text, size, hive, err);
    free(text);
    return result;
}

/* Keys that are there only as parents of others are not counted. */
static void count(const struct reg_key *key, size_t *keys, size_t *values)
{
    *keys += reg_key_value_count(key) || !reg_key_subkey_count(key);
    *values += reg_key_value_count(key);
    for (size_t i = 0; i < reg_key_subkey_count(key); i++)
        count(reg_key_subkey(key, i), keys, values);
}

static void report_import(const struct cli *cli, const struct reg_hive *hive, const char *file)
{
    const struct reg_key *root = reg_hive_find(hive, "HKLM");
    size_t keys = 0, values = 0;

    if (root && (reg_key_subkey_count(root) || reg_key_value_count(root)))
        count(root, &keys, &values);
    if (output_is_json(cli)) {
        json_object *document = json_object_new_object();

        json_add_text(document, "file", file);
        json_add_number(document, "keys", keys);
        json_add_number(document, "values", values);
        output_json(document);
    } else {
        printf("Imported %zu values in %zu keys from ", values, keys);
        output_text(stdout, file);
        putchar('\n');
    }
}

enum exit_code cmd_host_reg_import(const struct cli *cli)
{
    const char *file = cli_argument(cli, 0);
    struct host_reg reg;
    struct hive_edit edit;
    struct reg_hive *imported = NULL;
    struct error err = {0};
    int result = host_reg_open_plain(cli, &reg, &err);

    if (result < 0)
        return output_error(cli, result, &err);
    result = parse_file(file, &imported, &err);
    if (result < 0)
        goto close_reg;
    result = hive_edit_begin(reg.env.hive, &edit, &err);
    if (result < 0)
        goto destroy_imported;
    result = reg_hive_merge(edit.hive, imported, &err);
    if (result == 0)
        result = hive_edit_save(&edit, &err);
    if (result == 0)
        report_import(cli, imported, file);
    hive_edit_end(&edit);
destroy_imported:
    reg_hive_destroy(imported);
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

static void report_export(const struct reg_key *key, const char *file, const char *text,
                          size_t size)
{
    json_object *document = json_object_new_object();

    host_reg_add_key_name(document, "key", key);
    json_add_text(document, "file", file);
    json_add_number(document, "size", size);
    /* Without a file the text has no other place. */
    if (!file)
        json_object_object_add(document, "text", json_object_new_string_len(text, (int)size));
    output_json(document);
}

static int export_key(const struct cli *cli, const struct host_reg *reg,
                      const struct reg_hive *hive, struct error *err)
{
    const char *file = cli_argument(cli, 1);
    const struct reg_key *key = reg_hive_find(hive, reg->path);
    char *text;
    size_t size;
    int result;

    if (!key)
        return host_reg_no_key(reg->env.hive, reg->path, err);
    result = reg_key_format(key, &text, &size);
    if (result < 0)
        return error_set(err, result, "cannot write the key %s as text: %s", reg->path,
                         strerror(-result));
    if (file && strcmp(file, "-") == 0)
        file = NULL;
    if (file)
        result = write_file(cli, file, text, size, err);
    if (result == 0 && output_is_json(cli))
        report_export(key, file, text, size);
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
    int result = host_reg_open(cli, &reg, &err);

    if (result < 0)
        return output_error(cli, result, &err);
    result = hive_read(reg.env.hive, &hive, &err);
    if (result == 0) {
        result = export_key(cli, &reg, hive, &err);
        reg_hive_destroy(hive);
    }
    host_reg_close(&reg);
    return result < 0 ? output_error(cli, result, &err) : EXIT_DONE;
}
