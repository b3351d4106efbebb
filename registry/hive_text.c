/* SPDX-License-Identifier: MIT */
/*
 * The text form of a hive. UTF-8, lines ending in LF or CR LF:
 *
 *   gpupv registry 1                           the first line, exactly
 *   # a comment, on a line of its own
 *   [HKLM\SYSTEM\CurrentControlSet\Services\gpu0]
 *   @ = sz:"the key's default value"
 *   "Name" = sz:"text"                         escapes: \" \\ \n \t \r \u{1f600}
 *   "Path" = expand_sz:"%SystemRoot%\\x"
 *   "List" = multi_sz:"a" "b"                  nothing behind the colon: no strings
 *   "Number" = dword:0x00000020                or decimal
 *   "Large" = qword:0x0000000000000001
 *   "Bytes" = binary:00 ff \
 *       10 20                                  a '\' at the end joins the next line, also in lists
 *
 * A "[…]" line holds the path up to its last ']', nothing in it is escaped, and nothing follows it.
 * A key may have several sections: they add up, so that files can be joined. A value that comes
 * twice, in one section or in two, is an error: which of the two was meant cannot be known.
 */
#include "registry/hive_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "registry/key.h"
#include "registry/value_text.h"
#include "util/utf.h"

struct parser {
    struct scan scan;
    struct reg_hive *hive;
    struct reg_key *key; /* of the section; NULL before the first */
};

/* Each returns with the scan on the line that is wrong. */

static int check_encoding(struct scan scan, size_t *line, struct error *err)
{
    while (scan.at < scan.end) {
        const char *from = scan.at;
        *line = scan.line;
        scan_next_line(&scan);
        size_t size = (size_t)(scan.at - from);
        if (memchr(from, '\0', size))
            return error_set(err, -EILSEQ, "a NUL byte, so this is not a text file");
        if (utf8_to_utf16(from, size, NULL, 0) < 0)
            return error_set(err, -EILSEQ, "not valid UTF-8; save the file as UTF-8");
    }
    return 0;
}

static int parse_first_line(struct scan *scan, struct error *err)
{
    size_t left = (size_t)(scan->end - scan->at);
    if (left >= 3 && !memcmp(scan->at, "\xef\xbb\xbf", 3))
        return error_set(err, -EINVAL,
                         "the file starts with a byte-order mark; save it as UTF-8 without one");

    size_t length = strlen(HIVE_FIRST_LINE);
    struct scan behind = *scan;
    behind.at += left < length ? left : length;
    if (left >= length && !memcmp(scan->at, HIVE_FIRST_LINE, length) && scan_at_line_end(&behind)) {
        scan_next_line(scan);
        return 0;
    }
    size_t title = strlen(HIVE_TITLE " ");
    if (left >= title && !memcmp(scan->at, HIVE_TITLE " ", title))
        return error_set(err, -EINVAL,
                         "another version of the form than \"" HIVE_FIRST_LINE
                         "\", the only one that this gpupv reads");
    return error_set(err, -EINVAL, "the first line must be \"" HIVE_FIRST_LINE "\"");
}

/* A '[' is due here. */
static int parse_section(struct parser *parser, struct error *err)
{
    struct scan *scan = &parser->scan;
    const char *from = scan->at + 1;
    while (!scan_at_line_end(scan))
        scan->at++;
    const char *to = scan->at;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    if (to == from || to[-1] != ']')
        return error_set(err, -EINVAL, "a key's line ends with ']', and nothing may follow it");

    char *path = strndup(from, (size_t)(to - 1 - from));
    if (!path)
        return error_set(err, -ENOMEM, "no memory for the registry");
    int result = reg_hive_make(parser->hive, path, &parser->key, err);
    free(path);
    return result;
}

/* "@" or a quoted string; *name is malloc'ed. */
static int parse_value_name(struct scan *scan, char **name, struct error *err)
{
    struct text_buffer text = {0};
    if (*scan->at == '@') {
        scan->at++;
    } else {
        int result = scan_string(scan, &text, err);
        if (result) {
            text_buffer_finish(&text);
            return result;
        }
    }
    *name = text_buffer_take(&text, NULL);
    return *name ? 0 : error_set(err, -ENOMEM, "no memory for the registry");
}

/* Behind the name. */
static int parse_value_data(struct parser *parser, const char *name, size_t line, struct error *err)
{
    struct scan *scan = &parser->scan;
    scan_blanks(scan);
    if (scan->at == scan->end || *scan->at != '=')
        return error_set(err, -EINVAL, "'=' and a value must follow the name");
    scan->at++;
    scan_blanks(scan);

    enum reg_type type;
    uint8_t *data;
    size_t size;
    int result = scan_value(scan, &type, &data, &size, err);
    if (result)
        return result;
    scan_blanks(scan);
    if (scan_at_line_end(scan))
        result = key_put_value(parser->key, name, type, data, size, line, err);
    else
        result = error_set(err, -EINVAL,
                           "something follows the value; a comment needs a line of its own");
    if (result)
        free(data);
    return result;
}

static int parse_value(struct parser *parser, struct error *err)
{
    size_t line = parser->scan.line;
    if (!parser->key)
        return error_set(err, -EINVAL, "a value stands before the first key's \"[…]\" line");
    char *name;
    int result = parse_value_name(&parser->scan, &name, err);
    if (result)
        return result;
    const struct value_entry *before = key_value_entry(parser->key, name);
    if (before)
        result =
            error_set(err, -EINVAL,
                      "the value is in line %zu already (names compare without case): \"%.128s\"",
                      before->line, name);
    else
        result = parse_value_data(parser, name, line, err);
    free(name);
    return result;
}

static int parse_line(struct parser *parser, struct error *err)
{
    struct scan *scan = &parser->scan;
    int result = 0;
    scan_blanks(scan);
    if (!scan_at_line_end(scan)) {
        switch (*scan->at) {
        case '#':
            break;
        case '[':
            result = parse_section(parser, err);
            break;
        case '"':
        case '@':
            result = parse_value(parser, err);
            break;
        default:
            result = error_set(err, -EINVAL,
                               "a line starts with '[' (a key), a name in quotes or '@' (a value), "
                               "or '#' (a comment)");
        }
    }
    if (!result)
        scan_next_line(scan);
    return result;
}

static int parse_hive(struct parser *parser, struct error *err)
{
    int result = check_encoding(parser->scan, &parser->scan.line, err);
    if (result)
        return result;
    parser->scan.line = 1;
    result = parse_first_line(&parser->scan, err);
    while (!result && parser->scan.at < parser->scan.end)
        result = parse_line(parser, err);
    return result;
}

int reg_hive_parse(const char *name, const char *text, size_t size, struct reg_hive **hive,
                   struct error *err)
{
    if (size > REG_MAX_FILE)
        return error_set(err, -EFBIG, "%s has %zu bytes, at most %d are accepted", name, size,
                         REG_MAX_FILE);
    struct parser parser = {.scan = {.at = text, .end = text + size, .line = 1}};
    int result = reg_hive_create(&parser.hive);
    if (result)
        return error_set(err, result, "no memory for the registry %s", name);
    result = parse_hive(&parser, err);
    if (result) {
        reg_hive_destroy(parser.hive);
        return error_prefix(err, result, "%s:%zu", name, parser.scan.line);
    }
    *hive = parser.hive;
    return 0;
}
