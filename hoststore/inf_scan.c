/* SPDX-License-Identifier: MIT */
/* From text to sections, lines and fields. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hoststore/inf_text.h"

/* U+201C and U+201D. */
#define OPENING_QUOTE "\xe2\x80\x9c"
#define CLOSING_QUOTE "\xe2\x80\x9d"

struct scanner {
    struct inf *inf;
    const char *at, *end;
    unsigned line;
    struct inf_section *section; /* NULL before the first */
    char *field;                 /* INF_MAX_TEXT + 1 bytes, of the field that is read */
    size_t length;
    size_t kept; /* length up to where no trailing blank is cut */
};

static int fail(const struct scanner *scanner, int code, struct error *err, const char *cause)
{
    const struct inf_line line = {.number = scanner->line};
    return inf_error(scanner->inf, &line, code, err, "%s", cause);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool at_line_end(const struct scanner *scanner)
{
    return scanner->at == scanner->end || *scanner->at == '\n' || *scanner->at == '\r';
}

static void skip_line_end(struct scanner *scanner)
{
    if (scanner->at < scanner->end && *scanner->at == '\r')
        scanner->at++;
    if (scanner->at < scanner->end && *scanner->at == '\n')
        scanner->at++;
    scanner->line++;
}

static void skip_blanks(struct scanner *scanner)
{
    while (scanner->at < scanner->end && is_blank(*scanner->at))
        scanner->at++;
}

/* Over blanks and a comment, to the end of the line. */
static void skip_to_line_end(struct scanner *scanner)
{
    while (!at_line_end(scanner))
        scanner->at++;
}

static bool at_text(const struct scanner *scanner, const char *text)
{
    size_t length = strlen(text);
    return (size_t)(scanner->end - scanner->at) >= length && !memcmp(scanner->at, text, length);
}

static int add_character(struct scanner *scanner, char c, bool kept, struct error *err)
{
    if ((unsigned char)c < 0x20 && c != '\t')
        return fail(scanner, -EINVAL, err, "a control character is in the text");
    if (scanner->length == INF_MAX_TEXT)
        return fail(scanner, -E2BIG, err, "the field is too long");
    scanner->field[scanner->length++] = c;
    if (kept)
        scanner->kept = scanner->length;
    return 0;
}

/* The length of a quote at the place, or 0. */
static size_t quote_length(const struct scanner *scanner)
{
    if (at_text(scanner, "\""))
        return 1;
    return at_text(scanner, OPENING_QUOTE) || at_text(scanner, CLOSING_QUOTE)
               ? sizeof(OPENING_QUOTE) - 1
               : 0;
}

/* Any kind of quote closes a string, as texts from word processors mix them; but a typographic pair
 * within one belongs to the text. */
static int read_quoted(struct scanner *scanner, struct error *err)
{
    unsigned depth = 0;
    scanner->at += quote_length(scanner);
    scanner->kept = scanner->length;
    for (;;) {
        if (at_line_end(scanner))
            return fail(scanner, -EINVAL, err, "a quoted text does not end on its line");
        bool doubled = at_text(scanner, "\"\"");
        bool opening = at_text(scanner, OPENING_QUOTE), closing = at_text(scanner, CLOSING_QUOTE);
        if (!doubled && (at_text(scanner, "\"") || (closing && !depth)))
            break;
        depth += opening;
        depth -= closing;
        scanner->at += doubled;
        for (size_t left = opening || closing ? sizeof(OPENING_QUOTE) - 1 : 1; left; left--) {
            int result = add_character(scanner, *scanner->at++, true, err);
            if (result)
                return result;
        }
    }
    bool typographic = at_text(scanner, CLOSING_QUOTE);
    scanner->at += quote_length(scanner);
    /* The end of the sentence that the directive was copied from. */
    if (typographic && scanner->at < scanner->end && *scanner->at == '.') {
        scanner->at++;
        if (!at_line_end(scanner))
            scanner->at--;
    }
    scanner->kept = scanner->length;
    return 0;
}

/* At a backslash: whether the line goes on on the next one. Moves there if so. */
static bool continue_line(struct scanner *scanner)
{
    const char *at = scanner->at + 1;
    while (at < scanner->end && is_blank(*at))
        at++;
    if (at < scanner->end && *at != '\n' && *at != '\r' && *at != ';')
        return false;
    scanner->at = at;
    skip_to_line_end(scanner);
    if (scanner->at == scanner->end)
        return true;
    skip_line_end(scanner);
    skip_blanks(scanner);
    return true;
}

/* Reads up to an unquoted comma, to "=" if `key` is possible, or to the line's end or comment. */
static int read_field(struct scanner *scanner, bool key, struct error *err)
{
    scanner->length = scanner->kept = 0;
    skip_blanks(scanner);
    while (!at_line_end(scanner)) {
        int result = 0;
        char c = *scanner->at;
        if (c == ',' || c == ';' || (c == '=' && key))
            break;
        if (quote_length(scanner)) {
            result = read_quoted(scanner, err);
        } else if (c != '\\' || !continue_line(scanner)) {
            scanner->at++;
            result = add_character(scanner, c, !is_blank(c), err);
        }
        if (result)
            return result;
    }
    scanner->length = scanner->kept;
    scanner->field[scanner->length] = '\0';
    return 0;
}

static int grow(void **array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return 0;
    size_t wanted = *capacity ? 2 * *capacity : 4;
    void *grown = reallocarray(*array, wanted, size);
    if (!grown)
        return -ENOMEM;
    *array = grown;
    *capacity = wanted;
    return 0;
}

static int add_field(struct scanner *scanner, struct inf_line *line, size_t *capacity,
                     struct error *err)
{
    if (scanner->inf->field_count++ == INF_MAX_FIELDS)
        return fail(scanner, -E2BIG, err, "the file has too many fields");
    char *copy = strdup(scanner->field);
    if (!copy || grow((void **)&line->fields, line->count, capacity, sizeof(char *))) {
        free(copy);
        return fail(scanner, -ENOMEM, err, "out of memory");
    }
    line->fields[line->count++] = copy;
    return 0;
}

static int read_fields(struct scanner *scanner, struct inf_line *line, struct error *err)
{
    size_t capacity = 0;
    int result = read_field(scanner, true, err);
    if (!result && scanner->at < scanner->end && *scanner->at == '=') {
        line->key = strdup(scanner->field);
        if (!line->key)
            return fail(scanner, -ENOMEM, err, "out of memory");
        scanner->at++;
        result = read_field(scanner, false, err);
    }
    if (!result)
        result = add_field(scanner, line, &capacity, err);
    while (!result && scanner->at < scanner->end && *scanner->at == ',') {
        scanner->at++;
        result = read_field(scanner, false, err);
        if (!result)
            result = add_field(scanner, line, &capacity, err);
    }
    return result;
}

static int read_line(struct scanner *scanner, struct error *err)
{
    struct inf_section *section = scanner->section;
    if (!section)
        return fail(scanner, -EINVAL, err, "a line stands before the first [section]");
    if (grow((void **)&section->lines, section->count, &section->capacity,
             sizeof(*section->lines)))
        return fail(scanner, -ENOMEM, err, "out of memory");
    struct inf_line *line = &section->lines[section->count++];
    *line = (struct inf_line){.number = scanner->line};
    return read_fields(scanner, line, err);
}

static int find_or_add_section(struct scanner *scanner, const char *name, struct error *err)
{
    struct inf *inf = scanner->inf;
    scanner->section = (struct inf_section *)inf_find(inf, name);
    if (scanner->section)
        return 0;
    if (inf->count == INF_MAX_SECTIONS)
        return fail(scanner, -E2BIG, err, "the file has too many sections");
    if (grow((void **)&inf->sections, inf->count, &inf->capacity, sizeof(*inf->sections)))
        return fail(scanner, -ENOMEM, err, "out of memory");
    char *copy = strdup(name);
    if (!copy)
        return fail(scanner, -ENOMEM, err, "out of memory");
    scanner->section = &inf->sections[inf->count++];
    *scanner->section = (struct inf_section){.name = copy};
    return 0;
}

static int read_section(struct scanner *scanner, struct error *err)
{
    scanner->length = scanner->kept = 0;
    scanner->at++;
    skip_blanks(scanner);
    while (!at_line_end(scanner) && *scanner->at != ']') {
        char c = *scanner->at++;
        int result = add_character(scanner, c, !is_blank(c), err);
        if (result)
            return result;
    }
    if (at_line_end(scanner))
        return fail(scanner, -EINVAL, err, "the name of a section has no ]");
    scanner->at++;
    skip_blanks(scanner);
    if (!at_line_end(scanner) && *scanner->at != ';')
        return fail(scanner, -EINVAL, err, "something follows the ] of a section's name");
    skip_to_line_end(scanner);
    scanner->field[scanner->kept] = '\0';
    if (!scanner->kept)
        return fail(scanner, -EINVAL, err, "a section has no name");
    return find_or_add_section(scanner, scanner->field, err);
}

int inf_scan(struct inf *inf, const char *text, size_t size, struct error *err)
{
    /* DOS marked the end of a text so. */
    if (size && text[size - 1] == '\x1a')
        size--;
    struct scanner scanner = {.inf = inf, .at = text, .end = text + size, .line = 1};
    scanner.field = malloc(INF_MAX_TEXT + 1);
    if (!scanner.field)
        return error_set(err, -ENOMEM, "%s: out of memory", inf->name);
    int result = 0;
    while (!result && scanner.at < scanner.end) {
        skip_blanks(&scanner);
        if (scanner.at < scanner.end && *scanner.at == ';')
            skip_to_line_end(&scanner);
        else if (!at_line_end(&scanner))
            result = *scanner.at == '[' ? read_section(&scanner, err) : read_line(&scanner, err);
        if (result)
            break;
        skip_to_line_end(&scanner);
        skip_line_end(&scanner);
    }
    free(scanner.field);
    return result;
}
