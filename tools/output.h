/* SPDX-License-Identifier: MIT */
/*
 * What the tools print. Results go to standard output, as text or (--json) as one JSON document;
 * what went wrong goes to standard error, and with --json also to standard output as
 * {"error":TEXT,"exit_code":N}, so that a program that reads JSON always gets some.
 *
 * Names and descriptions come from guests, hosts and drivers: text output never passes their
 * control characters on to a terminal.
 */
#ifndef GPUPV_TOOLS_OUTPUT_H
#define GPUPV_TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

#include "tools/cli.h"

/* Prints the message and gives `code` back. */
enum exit_code output_fail(const struct cli *cli, enum exit_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The exit status that belongs to a negative errno of the libraries. */
enum exit_code output_code(int error);
/* The two together. */
enum exit_code output_error(const struct cli *cli, int error, const struct error *err);

/* Something that a person should know and that is no failure; standard error. */
void output_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

bool output_is_json(const struct cli *cli);
/* Prints the document and releases it. */
void output_json(json_object *document);

/* The text with control characters as \xNN (and bytes that are not UTF-8 too). */
void output_text(FILE *file, const char *text);
/* "Label:        text", the texts of one block in one column. NULL prints "-". */
void output_field(int indent, const char *label, const char *text);
void output_field_format(int indent, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Pads to `width` columns; the width of text is counted in characters, not bytes. */
void output_column(const char *text, int width);
int output_width(const char *text);

/* "12.3 MiB" */
void output_size(uint64_t bytes, char *text, size_t size);
/* "18,446,744" */
void output_grouped(uint64_t number, char *text, size_t size);

/* Members of a JSON object, of the wanted type, else NULL or 0. */
const char *json_text(json_object *object, const char *name);
uint64_t json_number(json_object *object, const char *name);
bool json_boolean(json_object *object, const char *name);
json_object *json_array(json_object *object, const char *name);
/* Adds a string, or null for NULL. */
void json_add_text(json_object *object, const char *name, const char *text);
void json_add_number(json_object *object, const char *name, uint64_t number);
void json_add_boolean(json_object *object, const char *name, bool boolean);

#endif
