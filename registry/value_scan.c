/* SPDX-License-Identifier: MIT */
#include "registry/value_text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "registry/value.h"
#include "util/utf.h"

static int no_memory(struct error *err)
{
    return error_set(err, -ENOMEM, "no memory for the registry");
}

/* Blanks and lines */

void scan_blanks(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t'))
        scan->at++;
}

bool scan_at_line_end(const struct scan *scan)
{
    size_t left = (size_t)(scan->end - scan->at);
    return !left || *scan->at == '\n' || (*scan->at == '\r' && (left == 1 || scan->at[1] == '\n'));
}

void scan_next_line(struct scan *scan)
{
    const char *newline = memchr(scan->at, '\n', (size_t)(scan->end - scan->at));
    scan->at = newline ? newline + 1 : scan->end;
    if (newline)
        scan->line++;
}

bool scan_take(struct scan *scan, char wanted)
{
    if (scan->at == scan->end || *scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

int scan_joined_blanks(struct scan *scan, const char *misplaced, struct error *err)
{
    for (;;) {
        scan_blanks(scan);
        if (!scan_take(scan, '\\'))
            return 0;
        scan_blanks(scan);
        if (!scan_at_line_end(scan))
            return error_set(err, -EINVAL, "%s", misplaced);
        if (!memchr(scan->at, '\n', (size_t)(scan->end - scan->at)))
            return error_set(err, -EINVAL, "the last line ends with '\\', but no line follows");
        scan_next_line(scan);
    }
}

/* Between the parts of a list. */
static int scan_list_blanks(struct scan *scan, struct error *err)
{
    return scan_joined_blanks(
        scan, "outside quotes a '\\' stands only at the end of a line that goes on", err);
}

/* Strings */

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* Behind "\u". */
static int scan_code_point(struct scan *scan, struct text_buffer *text, struct error *err)
{
    uint32_t point = 0;
    int digits = 0;
    if (scan_take(scan, '{')) {
        for (; scan->at < scan->end && hex_digit(*scan->at) >= 0 && digits < 7; digits++)
            point = point << 4 | (uint32_t)hex_digit(*scan->at++);
    }
    if (!digits || digits > 6 || !scan_take(scan, '}'))
        return error_set(err, -EINVAL,
                         "\"\\u\" wants one to six hexadecimal digits in braces, as in \\u{e9}");
    if (!point)
        return error_set(err, -EINVAL, "a string cannot hold \\u{0}, which would end it");
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return error_set(err, -EINVAL, "\\u{%x} is no Unicode character", point);
    uint8_t bytes[4];
    text_buffer_add(text, bytes, (size_t)utf8proc_encode_char((utf8proc_int32_t)point, bytes));
    return 0;
}

/* Behind '\'. */
static int scan_escape(struct scan *scan, struct text_buffer *text, struct error *err)
{
    static const char letters[] = "\"\\ntr", meanings[] = "\"\\\n\t\r";
    char letter = scan->at < scan->end ? *scan->at : '\n';
    const char *known = letter ? strchr(letters, letter) : NULL;
    if (known) {
        scan->at++;
        text_buffer_add(text, meanings + (known - letters), 1);
        return 0;
    }
    if (scan_take(scan, 'u'))
        return scan_code_point(scan, text, err);
    if (letter > 0x20 && letter < 0x7f)
        return error_set(err, -EINVAL,
                         "\"\\%c\" is no escape; a '\\' in a string is written \"\\\\\"", letter);
    return error_set(err, -EINVAL, "a '\\' in a string is written \"\\\\\"");
}

int scan_string(struct scan *scan, struct text_buffer *text, struct error *err)
{
    if (!scan_take(scan, '"'))
        return error_set(err, -EINVAL, "a string in quotes is missing");
    for (;;) {
        const char *from = scan->at;
        while (scan->at < scan->end && *scan->at != '"' && *scan->at != '\\' &&
               (unsigned char)*scan->at >= 0x20 && *scan->at != 0x7f)
            scan->at++;
        text_buffer_add(text, from, (size_t)(scan->at - from));
        if (scan_at_line_end(scan))
            return error_set(err, -EINVAL, "a string has no closing quote on its line");
        if (scan_take(scan, '"'))
            return 0;
        if (!scan_take(scan, '\\'))
            return error_set(err, -EINVAL,
                             "a string has the control character 0x%02x in it; write \\u{%x}",
                             (unsigned)*scan->at, (unsigned)*scan->at);
        int result = scan_escape(scan, text, err);
        if (result)
            return result;
    }
}

/* Data by type; each adds the data's bytes. */

static int scan_text(struct scan *scan, struct text_buffer *data, struct error *err)
{
    int result = scan_string(scan, data, err);
    text_buffer_add(data, "", 1);
    return result;
}

static int scan_texts(struct scan *scan, struct text_buffer *data, struct error *err)
{
    for (;;) {
        int result = scan_list_blanks(scan, err);
        if (result)
            return result;
        if (scan->at == scan->end || *scan->at != '"')
            break;
        result = scan_text(scan, data, err);
        if (result)
            return result;
    }
    text_buffer_add(data, "", 1);
    return 0;
}

static int scan_binary(struct scan *scan, struct text_buffer *data, struct error *err)
{
    for (;;) {
        int result = scan_list_blanks(scan, err);
        if (result)
            return result;
        if (scan_at_line_end(scan))
            return 0;
        int high = hex_digit(scan->at[0]);
        int low = scan->end - scan->at > 1 ? hex_digit(scan->at[1]) : -1;
        if (high < 0 || low < 0)
            return error_set(err, -EINVAL,
                             "binary data is pairs of hexadecimal digits with blanks between them");
        uint8_t byte = (uint8_t)(high << 4 | low);
        text_buffer_add(data, &byte, 1);
        scan->at += 2;
    }
}

static int scan_number(struct scan *scan, uint64_t limit, uint64_t *number, struct error *err)
{
    unsigned base = 10;
    if (scan->end - scan->at > 2 && scan->at[0] == '0' && (scan->at[1] | 0x20) == 'x') {
        base = 16;
        scan->at += 2;
    }
    uint64_t sum = 0;
    const char *from = scan->at;
    for (; scan->at < scan->end; scan->at++) {
        int digit = hex_digit(*scan->at);
        if (digit < 0 || (unsigned)digit >= base)
            break;
        if (sum > (limit - (unsigned)digit) / base)
            return error_set(err, -EINVAL,
                             "the number is too large for its type, which ends at %llu",
                             (unsigned long long)limit);
        sum = sum * base + (unsigned)digit;
    }
    if (scan->at == from)
        return error_set(err, -EINVAL, "a number is missing: 123, or 0x7b in hexadecimal");
    *number = sum;
    return 0;
}

static int scan_word(struct scan *scan, enum reg_type type, struct text_buffer *data,
                     struct error *err)
{
    size_t size = type == REG_TYPE_DWORD ? 4 : 8;
    uint64_t number = 0;
    int result = scan_number(scan, type == REG_TYPE_DWORD ? UINT32_MAX : UINT64_MAX, &number, err);
    if (result)
        return result;
    uint8_t bytes[8];
    value_put_number(bytes, size, number);
    text_buffer_add(data, bytes, size);
    return 0;
}

/* The word before ':', and the colon. */
static int scan_type(struct scan *scan, enum reg_type *type, struct error *err)
{
    char word[24] = "";
    size_t length = 0;
    while (scan->at + length < scan->end && length < sizeof(word) &&
           (unsigned char)scan->at[length] > ' ' && scan->at[length] != ':')
        length++;
    if (length < sizeof(word))
        memcpy(word, scan->at, length);
    if (length == sizeof(word) || scan->at + length == scan->end || scan->at[length] != ':' ||
        reg_type_parse(word, type) < 0)
        return error_set(err, -EINVAL,
                         "a value starts with its type and a colon: sz:, expand_sz:, multi_sz:, "
                         "dword:, qword: or binary:");
    scan->at += length + 1;
    return 0;
}

int scan_value(struct scan *scan, enum reg_type *type, uint8_t **result, size_t *size,
               struct error *err)
{
    struct text_buffer data = {0};
    size_t first_line = scan->line;
    int code = scan_type(scan, type, err);
    if (code)
        return code;
    scan_blanks(scan);
    switch (*type) {
    case REG_TYPE_SZ:
    case REG_TYPE_EXPAND_SZ:
        code = scan_text(scan, &data, err);
        break;
    case REG_TYPE_MULTI_SZ:
        code = scan_texts(scan, &data, err);
        break;
    case REG_TYPE_BINARY:
        code = scan_binary(scan, &data, err);
        break;
    default:
        code = scan_word(scan, *type, &data, err);
    }
    if (!code && data.failed)
        code = no_memory(err);
    if (!code) {
        code = value_check(*type, data.data, data.size, err);
        if (code)
            scan->line = first_line;
    }
    if (code) {
        text_buffer_finish(&data);
        return code;
    }
    *result = (uint8_t *)text_buffer_take(&data, size);
    return *result ? 0 : no_memory(err);
}

int reg_value_parse(const char *text, enum reg_type *type, uint8_t **data, size_t *size,
                    struct error *err)
{
    size_t length = strlen(text);
    if (utf8_to_utf16(text, length, NULL, 0) < 0)
        return error_set(err, -EILSEQ, "the value is not valid UTF-8");
    struct scan scan = {.at = text, .end = text + length, .line = 1};
    scan_blanks(&scan);
    enum reg_type parsed;
    uint8_t *bytes;
    size_t count;
    int result = scan_value(&scan, &parsed, &bytes, &count, err);
    if (result)
        return result;
    scan_blanks(&scan);
    if (scan.at != scan.end) {
        free(bytes);
        return error_set(err, -EINVAL, "something follows the value: \"%.64s\"", scan.at);
    }
    *type = parsed;
    *data = bytes;
    *size = count;
    return 0;
}
