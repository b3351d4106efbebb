/* SPDX-License-Identifier: MIT */
#include "registry/value_text.h"

#include <inttypes.h>
#include <string.h>
#include <utf8proc.h>

#include "registry/value.h"

#define BYTES_PER_LINE 24

/* What a person would not see, or what would make the text look different from what it is:
 * controls, line separators, marks that turn the direction of writing, the byte-order mark. */
static bool must_escape(utf8proc_int32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) ||
           (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2060 && point <= 0x206f) || point == 0xfeff;
}

void format_string(struct text_buffer *text, const char *string, size_t size)
{
    text_buffer_puts(text, "\"");
    for (size_t at = 0; at < size;) {
        utf8proc_int32_t point;
        utf8proc_ssize_t length =
            utf8proc_iterate((const uint8_t *)string + at, (utf8proc_ssize_t)(size - at), &point);
        if (length <= 0) { /* cannot be: strings are checked when they are set */
            text->failed = true;
            return;
        }
        if (point == '"')
            text_buffer_puts(text, "\\\"");
        else if (point == '\\')
            text_buffer_puts(text, "\\\\");
        else if (point == '\n')
            text_buffer_puts(text, "\\n");
        else if (point == '\t')
            text_buffer_puts(text, "\\t");
        else if (point == '\r')
            text_buffer_puts(text, "\\r");
        else if (must_escape(point))
            text_buffer_printf(text, "\\u{%" PRIx32 "}", (uint32_t)point);
        else
            text_buffer_add(text, string + at, (size_t)length);
        at += (size_t)length;
    }
    text_buffer_puts(text, "\"");
}

static void format_texts(struct text_buffer *text, const struct reg_value *value)
{
    const char *data = (const char *)value->data;
    /* The last NUL ends the list; each of the others ends a string, which may be empty. */
    for (size_t at = 0; at + 1 < value->size;) {
        size_t length = strlen(data + at);
        text_buffer_puts(text, at ? " " : "");
        format_string(text, data + at, length);
        at += length + 1;
    }
}

static void format_binary(struct text_buffer *text, const struct reg_value *value, bool wrap)
{
    wrap = wrap && value->size > BYTES_PER_LINE;
    for (size_t i = 0; i < value->size; i++) {
        if (wrap && i % BYTES_PER_LINE == 0)
            text_buffer_puts(text, i ? " \\\n    " : "\\\n    ");
        else if (i)
            text_buffer_puts(text, " ");
        text_buffer_printf(text, "%02x", value->data[i]);
    }
}

void format_value(struct text_buffer *text, const struct reg_value *value, bool wrap)
{
    switch (value->type) {
    case REG_TYPE_SZ:
    case REG_TYPE_EXPAND_SZ:
        text_buffer_puts(text, value->type == REG_TYPE_SZ ? "sz:" : "expand_sz:");
        format_string(text, (const char *)value->data, value->size - 1);
        break;
    case REG_TYPE_MULTI_SZ:
        text_buffer_puts(text, "multi_sz:");
        format_texts(text, value);
        break;
    case REG_TYPE_DWORD:
        text_buffer_printf(text, "dword:0x%08" PRIx32, (uint32_t)value_get_number(value));
        break;
    case REG_TYPE_QWORD:
        text_buffer_printf(text, "qword:0x%016" PRIx64, value_get_number(value));
        break;
    case REG_TYPE_BINARY:
        text_buffer_puts(text, "binary:");
        format_binary(text, value, wrap);
        break;
    case REG_TYPE_NONE:
        text->failed = true;
        break;
    }
}

char *reg_value_format(const struct reg_value *value)
{
    struct text_buffer text = {0};
    if (value_check(value->type, value->data, value->size, NULL) < 0)
        return NULL;
    format_value(&text, value, false);
    return text_buffer_take(&text, NULL);
}
