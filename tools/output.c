/* SPDX-License-Identifier: MIT */
#include "tools/output.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "util/utf.h"

#define FIELD_COLUMN 26

bool output_is_json(const struct cli *cli)
{
    return cli_given(cli, "json");
}

static void print_line(const char *text)
{
    fputs("gpupv: ", stderr);
    output_text(stderr, text);
    fputc('\n', stderr);
}

enum exit_code output_fail(const struct cli *cli, enum exit_code code, const char *format, ...)
{
    char text[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    print_line(text);
    if (output_is_json(cli)) {
        json_object *document = json_object_new_object();

        json_add_text(document, "error", text);
        json_add_number(document, "exit_code", code);
        output_json(document);
    }
    return code;
}

enum exit_code output_code(int error)
{
    switch (-error) {
    case 0:
        return EXIT_DONE;
    case ECONNREFUSED:
    case ENOTCONN:
        return EXIT_NO_SERVICE;
    case ENOENT:
        return EXIT_NOT_FOUND;
    case EBUSY:
    case EACCES:
    case EROFS:
        return EXIT_REFUSED;
    default:
        return EXIT_FAILED;
    }
}

enum exit_code output_error(const struct cli *cli, int error, const struct error *err)
{
    if (!err->text[0])
        return output_fail(cli, output_code(error), "%s", strerror(-error));
    return output_fail(cli, output_code(error), "%s", err->text);
}

void output_note(const char *format, ...)
{
    char text[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    print_line(text);
}

void output_json(json_object *document)
{
    puts(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PRETTY |
                                                      JSON_C_TO_STRING_SPACED |
                                                      JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(document);
}

/* Bytes of the UTF-8 character at `text`, or 0 when none that may be printed stands there. */
static size_t printable_size(const char *text)
{
    unsigned char first = (unsigned char)text[0];
    size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (first < 0x20 || first == 0x7f)
        return 0;
    if (strnlen(text, size) < size || utf8_to_utf16(text, size, NULL, 0) < 0)
        return 0;
    /* The C1 controls, U+0080 to U+009F, steer terminals as well. */
    if (first == 0xc2 && (unsigned char)text[1] < 0xa0)
        return 0;
    return size;
}

void output_text(FILE *file, const char *text)
{
    while (*text) {
        size_t size = printable_size(text);

        if (size) {
            fwrite(text, 1, size, file);
            text += size;
        } else {
            fprintf(file, "\\x%02x", (unsigned char)*text++);
        }
    }
}

int output_width(const char *text)
{
    int width = 0;

    while (*text) {
        size_t size = printable_size(text);

        width += size ? 1 : 4;
        text += size ? size : 1;
    }
    return width;
}

void output_column(const char *text, int width)
{
    int used = output_width(text);

    output_text(stdout, text);
    printf("%*s", used < width ? width - used : 0, "");
}

void output_field(int indent, const char *label, const char *text)
{
    int used = printf("%*s%s:", indent, "", label);

    printf("%*s", used < FIELD_COLUMN ? FIELD_COLUMN - used : 1, "");
    output_text(stdout, text ? text : "-");
    putchar('\n');
}

void output_field_format(int indent, const char *label, const char *format, ...)
{
    char text[4096];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    output_field(indent, label, text);
}

void output_size(uint64_t bytes, char *text, size_t size)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double number = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1024) {
        snprintf(text, size, "%u B", (unsigned)bytes);
        return;
    }
    for (; number >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
        number /= 1024;
    snprintf(text, size, "%.1f %s", number, units[unit]);
}

void output_grouped(uint64_t number, char *text, size_t size)
{
    char digits[24];
    size_t count = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
    size_t used = 0;

    for (size_t i = 0; i < count && used + 2 < size; i++) {
        if (i && (count - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
}

const char *json_text(json_object *object, const char *name)
{
    json_object *member;

    if (!json_object_object_get_ex(object, name, &member) ||
        !json_object_is_type(member, json_type_string))
        return NULL;
    return json_object_get_string(member);
}

uint64_t json_number(json_object *object, const char *name)
{
    json_object *member;

    if (!json_object_object_get_ex(object, name, &member) ||
        !json_object_is_type(member, json_type_int))
        return 0;
    return json_object_get_uint64(member);
}

bool json_boolean(json_object *object, const char *name)
{
    json_object *member;

    return json_object_object_get_ex(object, name, &member) && json_object_get_boolean(member);
}

json_object *json_array(json_object *object, const char *name)
{
    json_object *member;

    if (!json_object_object_get_ex(object, name, &member) ||
        !json_object_is_type(member, json_type_array))
        return NULL;
    return member;
}

void json_add_text(json_object *object, const char *name, const char *text)
{
    json_object_object_add(object, name, text ? json_object_new_string(text) : NULL);
}

void json_add_number(json_object *object, const char *name, uint64_t number)
{
    json_object_object_add(object, name, json_object_new_uint64(number));
}

void json_add_boolean(json_object *object, const char *name, bool boolean)
{
    json_object_object_add(object, name, json_object_new_boolean(boolean));
}
