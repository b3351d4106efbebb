/* SPDX-License-Identifier: MIT */
/* registry/reg_file.h describes the form. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "registry/key.h"
#include "registry/names.h"
#include "registry/reg_edits.h"
#include "registry/reg_file_decode.h"
#include "registry/value_text.h"
#include "registry/value_wire.h"

#define TYPE_DWORD 4u
#define TYPE_BINARY 3u

struct parser {
    struct scan scan;
    struct reg_edits *edits;
    enum { NO_SECTION, IN_KEY, IN_DELETED_KEY } section;
};

static int no_memory(struct error *err)
{
    return error_set(err, -ENOMEM, "no memory for the registry");
}

/* Each function returns with the scan on the line that is wrong. */

/* A word of letters without regard to case. */
static bool take_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(scan->end - scan->at) < length || !name_is_word(scan->at, length, word))
        return false;
    scan->at += length;
    return true;
}

static int hex_digit(const struct scan *scan)
{
    if (scan->at == scan->end)
        return -1;
    char digit = *scan->at;
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* Up to `most` digits; false when there is none, or one more. */
static bool take_hex(struct scan *scan, int most, uint32_t *number)
{
    int count = 0;
    *number = 0;
    for (int digit; count < most && (digit = hex_digit(scan)) >= 0; count++, scan->at++)
        *number = *number << 4 | (uint32_t)digit;
    return count && hex_digit(scan) < 0;
}

static bool at_end_or_comment(const struct scan *scan)
{
    return scan_at_line_end(scan) || *scan->at == ';';
}

/* Header */

static int parse_header(struct scan *scan, struct error *err)
{
    if (take_word(scan, "REGEDIT4"))
        return error_set(err, -EINVAL,
                         "the file has the old ANSI form \"REGEDIT4\", which does not tell its "
                         "code page; export it again in the form \"" REG_FILE_HEADER "\"");
    size_t length = strlen(REG_FILE_HEADER);
    if ((size_t)(scan->end - scan->at) >= length && !memcmp(scan->at, REG_FILE_HEADER, length)) {
        scan->at += length;
        scan_blanks(scan);
        if (scan_at_line_end(scan)) {
            scan_next_line(scan);
            return 0;
        }
    }
    return error_set(err, -EINVAL, "the first line must be \"" REG_FILE_HEADER "\"");
}

/* Keys */

static int check_root(const char *path, struct error *err)
{
    static const char *const others[] = {
        "HKEY_CURRENT_USER",
        "HKEY_CLASSES_ROOT",
        "HKEY_USERS",
        "HKEY_CURRENT_CONFIG",
        "HKCU",
        "HKCR",
        "HKU",
        "HKCC",
        "HKEY_DYN_DATA",
        "HKEY_PERFORMANCE_DATA",
    };
    size_t length = strcspn(path, "\\");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (name_is_word(path, length, others[i]))
            return error_set(err, -EINVAL,
                             "this registry has HKEY_LOCAL_MACHINE alone; keys of %s cannot be "
                             "imported",
                             others[i]);
    }
    return hive_check_path(path, err);
}

/* Behind '['. */
static int parse_section(struct parser *parser, struct error *err)
{
    struct scan *scan = &parser->scan;
    bool deleted = scan_take(scan, '-');
    const char *from = scan->at, *close = NULL;
    for (; !scan_at_line_end(scan); scan->at++) {
        if (*scan->at == ']')
            close = scan->at;
    }
    if (!close)
        return error_set(err, -EINVAL, "a key's line has no ']' at its end");
    scan->at = close + 1;
    scan_blanks(scan);
    if (!at_end_or_comment(scan))
        return error_set(err, -EINVAL, "a key's line ends with ']', but something follows it");

    char *path = strndup(from, (size_t)(close - from));
    if (!path)
        return no_memory(err);
    int result = check_root(path, err);
    if (result) {
        free(path);
        return result;
    }
    parser->section = deleted ? IN_DELETED_KEY : IN_KEY;
    return reg_edits_add(parser->edits,
                         (struct reg_edit){.kind = deleted ? REG_EDIT_DELETE_KEY : REG_EDIT_KEY,
                                           .line = scan->line,
                                           .name = path},
                         err);
}

/* Values */

/* In quotes, over line ends; the text is added. */
static int parse_string(struct scan *scan, struct text_buffer *text, struct error *err)
{
    size_t first_line = scan->line;
    if (!scan_take(scan, '"'))
        return error_set(err, -EINVAL, "a text in quotes is missing");
    for (;;) {
        const char *from = scan->at;
        while (scan->at < scan->end && *scan->at != '"' && *scan->at != '\\') {
            scan->line += *scan->at == '\n';
            scan->at++;
        }
        text_buffer_add(text, from, (size_t)(scan->at - from));
        if (scan->at == scan->end) {
            scan->line = first_line;
            return error_set(err, -EINVAL, "a text has no closing quote");
        }
        if (scan_take(scan, '"'))
            return 0;
        scan->at++;
        if (scan->at == scan->end || (*scan->at != '"' && *scan->at != '\\'))
            return error_set(err, -EINVAL,
                             "in quotes only \"\\\\\" and \"\\\"\" may follow a '\\'; a '\\' of "
                             "the text itself is written \"\\\\\"");
        text_buffer_add(text, scan->at, 1);
        scan->at++;
    }
}

/* Between bytes. */
static int skip_to_byte(struct scan *scan, struct error *err)
{
    return scan_joined_blanks(
        scan, "a '\\' among bytes stands only at the end of a line that goes on", err);
}

static int parse_bytes(struct scan *scan, struct text_buffer *bytes, struct error *err)
{
    int result = skip_to_byte(scan, err);
    if (result || at_end_or_comment(scan))
        return result;
    for (;;) {
        uint32_t byte;
        if (!take_hex(scan, 2, &byte))
            return error_set(err, -EINVAL,
                             "bytes are pairs of hexadecimal digits with commas between them");
        text_buffer_add(bytes, &(uint8_t){(uint8_t)byte}, 1);
        result = skip_to_byte(scan, err);
        if (result || at_end_or_comment(scan))
            return result;
        if (!scan_take(scan, ','))
            return error_set(err, -EINVAL, "a ',' is missing between two bytes");
        result = skip_to_byte(scan, err);
        if (result)
            return result;
    }
}

/* Behind "hex": "(N):" or ":". */
static int parse_hex_type(struct scan *scan, uint32_t *type, struct error *err)
{
    *type = TYPE_BINARY;
    if (scan_take(scan, '(') && (!take_hex(scan, 8, type) || !scan_take(scan, ')')))
        return error_set(err, -EINVAL, "the type of hex(…) is a hexadecimal number, as in hex(7)");
    if (!scan_take(scan, ':'))
        return error_set(err, -EINVAL, "a ':' is missing between the type and the data");
    return 0;
}

static int parse_dword(struct scan *scan, struct text_buffer *bytes, struct error *err)
{
    uint32_t number;
    scan_blanks(scan);
    if (!take_hex(scan, 8, &number))
        return error_set(err, -EINVAL, "dword: wants one to eight hexadecimal digits");
    uint8_t data[4] = {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16),
                       (uint8_t)(number >> 24)};
    text_buffer_add(bytes, data, sizeof(data));
    return 0;
}

/* The data in the form of struct reg_value: `edit` gets it. -ENOTSUP for a type that is not kept.
 */
static int parse_data(struct scan *scan, struct reg_edit *edit, struct error *err)
{
    struct text_buffer bytes = {0};
    size_t first_line = scan->line;
    uint32_t type = TYPE_DWORD;
    int result;
    if (scan->at < scan->end && *scan->at == '"') {
        edit->type = REG_TYPE_SZ;
        result = parse_string(scan, &bytes, err);
        text_buffer_add(&bytes, "", 1);
        if (!result)
            edit->data = (uint8_t *)text_buffer_take(&bytes, &edit->size);
        text_buffer_finish(&bytes);
        return result || edit->data ? result : no_memory(err);
    }
    if (take_word(scan, "dword:")) {
        result = parse_dword(scan, &bytes, err);
    } else if (take_word(scan, "hex")) {
        result = parse_hex_type(scan, &type, err);
        if (!result)
            result = parse_bytes(scan, &bytes, err);
    } else {
        result = error_set(err, -EINVAL,
                           "behind '=' stands a text in quotes, dword:, hex:, hex(N): or '-'");
    }
    if (!result && bytes.failed)
        result = no_memory(err);
    if (!result) {
        result = value_from_wire(type, (const uint8_t *)bytes.data, bytes.size, &edit->type,
                                 &edit->data, &edit->size, err);
        if (result && result != -ENOTSUP)
            scan->line = first_line;
    }
    text_buffer_finish(&bytes);
    return result;
}

static int parse_name(struct scan *scan, char **name, struct error *err)
{
    struct text_buffer text = {0};
    int result = scan_take(scan, '@') ? 0 : parse_string(scan, &text, err);
    *name = result ? NULL : text_buffer_take(&text, NULL);
    text_buffer_finish(&text);
    if (result || !*name)
        return result ? result : no_memory(err);
    char folded[NAME_FOLDED_SIZE];
    result = name_fold(NAME_OF_VALUE, *name, strlen(*name), folded, err);
    if (result)
        free(*name);
    return result;
}

/* Behind the name and '='. Takes edit.name over. */
static int parse_assignment(struct parser *parser, struct reg_edit edit, struct error *err)
{
    struct scan *scan = &parser->scan;
    struct error why;
    int result = 0;
    bool skipped = false;
    scan_blanks(scan);
    if (scan_take(scan, '-')) {
        edit.kind = REG_EDIT_DELETE_VALUE;
    } else {
        result = parse_data(scan, &edit, &why);
        skipped = result == -ENOTSUP;
        if (skipped)
            result = reg_edits_add_skipped(parser->edits, edit.line, edit.name, why.text, err);
        else if (result)
            error_set(err, result, "%s", why.text);
    }
    scan_blanks(scan);
    if (!result && !at_end_or_comment(scan))
        result = error_set(err, -EINVAL,
                           "something follows the value of \"%.64s\", which began in line %zu",
                           edit.name, edit.line);
    if (!result && !skipped)
        return reg_edits_add(parser->edits, edit, err);
    free(edit.name);
    free(edit.data);
    return result;
}

static int parse_value(struct parser *parser, struct error *err)
{
    struct scan *scan = &parser->scan;
    struct reg_edit edit = {.kind = REG_EDIT_VALUE, .line = scan->line};
    if (parser->section == NO_SECTION)
        return error_set(err, -EINVAL, "a value stands before the first key's \"[…]\" line");
    if (parser->section == IN_DELETED_KEY)
        return error_set(err, -EINVAL, "a value stands below a \"[-…]\" line, which deletes a key");
    int result = parse_name(scan, &edit.name, err);
    if (result)
        return result;
    scan_blanks(scan);
    if (!scan_take(scan, '=')) {
        free(edit.name);
        return error_set(err, -EINVAL, "'=' and a value must follow the name");
    }
    return parse_assignment(parser, edit, err);
}

static int parse_line(struct parser *parser, struct error *err)
{
    struct scan *scan = &parser->scan;
    int result = 0;
    scan_blanks(scan);
    if (!at_end_or_comment(scan)) {
        if (scan_take(scan, '['))
            result = parse_section(parser, err);
        else if (*scan->at == '"' || *scan->at == '@')
            result = parse_value(parser, err);
        else
            result = error_set(err, -EINVAL,
                               "a line starts with '[' (a key), a name in quotes or '@' (a value), "
                               "or ';' (a comment)");
    }
    if (!result)
        scan_next_line(scan);
    return result;
}

int reg_file_parse(const char *name, const void *data, size_t size, struct reg_edits **edits,
                   struct error *err)
{
    if (size > REG_MAX_FILE)
        return error_set(err, -EFBIG, "%s has %zu bytes, at most %d are accepted", name, size,
                         REG_MAX_FILE);
    struct parser parser = {.scan.line = 1};
    char *text;
    size_t text_size;
    int result = reg_edits_create(name, &parser.edits, err);
    if (result)
        return result;
    result = reg_file_decode(data, size, &text, &text_size, &parser.scan.line, err);
    if (result)
        goto out;
    parser.scan = (struct scan){.at = text, .end = text + text_size, .line = 1};
    result = parse_header(&parser.scan, err);
    while (!result && parser.scan.at < parser.scan.end)
        result = parse_line(&parser, err);
    free(text);
out:
    if (result) {
        reg_edits_destroy(parser.edits);
        return error_prefix(err, result, "%s:%zu", name, parser.scan.line);
    }
    *edits = parser.edits;
    return 0;
}
