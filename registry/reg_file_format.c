/* SPDX-License-Identifier: MIT */
/* What regedit and reg.exe write, byte for byte. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/key.h"
#include "registry/reg_file.h"
#include "registry/reg_file_decode.h"
#include "registry/text_buffer.h"
#include "registry/value.h"
#include "registry/value_wire.h"
#include "util/utf.h"

/* A line of bytes is broken behind the comma that reaches this column. */
#define BREAK_COLUMN 77
#define ROOT "HKEY_LOCAL_MACHINE"
#define SHORT_ROOT "HKLM"

static void format_quoted(struct text_buffer *text, const char *string)
{
    text_buffer_puts(text, "\"");
    while (*string) {
        size_t plain = strcspn(string, "\"\\");
        text_buffer_add(text, string, plain);
        string += plain;
        if (*string) {
            text_buffer_puts(text, "\\");
            text_buffer_add(text, string++, 1);
        }
    }
    text_buffer_puts(text, "\"");
}

/* `column` is where the line stands, in UTF-16 units. */
static void format_bytes(struct text_buffer *text, const struct reg_value *value, size_t column)
{
    uint8_t *bytes;
    size_t size;
    char prefix[16] = "hex:";
    if (value->type != REG_TYPE_BINARY)
        snprintf(prefix, sizeof(prefix), "hex(%x):", (unsigned)value->type);
    text_buffer_puts(text, prefix);
    column += strlen(prefix);
    if (value_to_wire(value, &bytes, &size) < 0) {
        text->failed = true;
        return;
    }
    for (size_t i = 0; i < size; i++) {
        text_buffer_printf(text, "%02x", bytes[i]);
        if (i + 1 == size)
            break;
        text_buffer_puts(text, ",");
        column += 3;
        if (column >= BREAK_COLUMN) {
            text_buffer_puts(text, "\\\r\n  ");
            column = 2;
        }
    }
    free(bytes);
}

static void format_value(struct text_buffer *text, const struct reg_value *value)
{
    size_t start = text->size;
    if (value->name[0])
        format_quoted(text, value->name);
    else
        text_buffer_puts(text, "@");
    text_buffer_puts(text, "=");
    if (text->failed)
        return;
    if (value->type == REG_TYPE_SZ) {
        format_quoted(text, (const char *)value->data);
    } else if (value->type == REG_TYPE_DWORD) {
        text_buffer_printf(text, "dword:%08" PRIx32, (uint32_t)value_get_number(value));
    } else {
        ssize_t column = utf8_to_utf16(text->data + start, text->size - start, NULL, 0);
        format_bytes(text, value, column < 0 ? 0 : (size_t)column);
    }
    text_buffer_puts(text, "\r\n");
}

/* Recursion is bounded by REG_MAX_DEPTH. */
static void format_key(struct text_buffer *text, const struct reg_key *key)
{
    char *path = reg_key_path(key);
    if (!path) {
        text->failed = true;
        return;
    }
    text_buffer_puts(text, "\r\n[" ROOT);
    text_buffer_puts(text, path + strlen(SHORT_ROOT));
    text_buffer_puts(text, "]\r\n");
    free(path);
    for (size_t i = 0; i < key->values.count; i++)
        format_value(text, reg_key_value(key, i));
    for (size_t i = 0; i < key->subkeys.count && !text->failed; i++)
        format_key(text, reg_key_subkey(key, i));
}

static int to_utf16(const char *utf8, size_t length, void **data, size_t *size)
{
    ssize_t count = utf8_to_utf16(utf8, length, NULL, 0);
    if (count < 0)
        return (int)count;
    uint16_t *units = malloc((size_t)count * sizeof(*units));
    if (!units)
        return -ENOMEM;
    utf8_to_utf16(utf8, length, units, (size_t)count);
    for (ssize_t i = 0; i < count; i++)
        units[i] = htole16(units[i]);
    *data = units;
    *size = (size_t)count * sizeof(*units);
    return 0;
}

int reg_file_format(const struct reg_key *key, void **data, size_t *size)
{
    struct text_buffer text = {0};
    text_buffer_puts(&text, "\xef\xbb\xbf" REG_FILE_HEADER "\r\n");
    format_key(&text, key);
    text_buffer_puts(&text, "\r\n");
    size_t length;
    char *utf8 = text_buffer_take(&text, &length);
    if (!utf8)
        return -ENOMEM;
    int result = to_utf16(utf8, length, data, size);
    free(utf8);
    return result;
}
