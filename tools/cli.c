/* SPDX-License-Identifier: MIT */
#include "tools/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct reader {
    int argc, next;
    char **argv;
    struct cli *cli;
    struct error *err;
};

const struct cli_command *cli_command(const struct cli *cli)
{
    return cli->path[cli->depth - 1];
}

void cli_command_name(const struct cli *cli, char *name, size_t size)
{
    size_t used = 0;

    name[0] = '\0';
    for (size_t i = 0; i < cli->depth && used < size; i++)
        used +=
            (size_t)snprintf(name + used, size - used, "%s%s", i ? " " : "", cli->path[i]->name);
}

static int usage_error(const struct cli *cli, struct error *err, const char *what, const char *word)
{
    char name[128];

    cli_command_name(cli, name, sizeof(name));
    return error_set(err, -EINVAL, "%s \"%s\"; \"%s --help\" tells what there is", what, word,
                     name);
}

/* Searches the command and the groups that it is in, innermost first. */
static const struct cli_option *
find_option(const struct cli *cli, bool (*matches)(const struct cli_option *, const char *),
            const char *word)
{
    for (size_t i = cli->depth; i-- > 0;) {
        for (const struct cli_option *o = cli->path[i]->options; o && o->name; o++) {
            if (matches(o, word))
                return o;
        }
    }
    return NULL;
}

static bool matches_name(const struct cli_option *option, const char *word)
{
    size_t length = strcspn(word, "=");

    return strlen(option->name) == length && strncmp(option->name, word, length) == 0;
}

static bool matches_letter(const struct cli_option *option, const char *word)
{
    return option->letter && option->letter == word[0];
}

static bool matches_reg_exe(const struct cli_option *option, const char *word)
{
    return option->reg_exe && strcasecmp(option->reg_exe, word) == 0;
}

static int add_given(struct reader *reader, const struct cli_option *option, const char *value)
{
    struct cli *cli = reader->cli;

    if (cli->given_count == CLI_MAX_OPTIONS)
        return error_set(reader->err, -EINVAL, "too many options: at most %d are read",
                         CLI_MAX_OPTIONS);
    cli->given[cli->given_count].option = option;
    cli->given[cli->given_count].value = value;
    cli->given_count++;
    return 0;
}

/* Takes the next word as the option's argument. */
static int add_with_next(struct reader *reader, const struct cli_option *option, const char *word)
{
    if (!option->argument)
        return add_given(reader, option, NULL);
    if (reader->next >= reader->argc)
        return error_set(reader->err, -EINVAL, "the option %s needs an argument, %s", word,
                         option->argument);
    return add_given(reader, option, reader->argv[reader->next++]);
}

static int read_long(struct reader *reader, const char *word)
{
    const struct cli_option *option = find_option(reader->cli, matches_name, word + 2);
    const char *value = strchr(word, '=');

    if (!option)
        return usage_error(reader->cli, reader->err, "there is no option", word);
    if (!value)
        return add_with_next(reader, option, word);
    if (!option->argument)
        return error_set(reader->err, -EINVAL, "the option --%s takes no argument", option->name);
    return add_given(reader, option, value + 1);
}

/* "-x", "-xy" for two options without argument, "-xVALUE". */
static int read_short(struct reader *reader, const char *word)
{
    for (const char *p = word + 1; *p; p++) {
        const struct cli_option *option = find_option(reader->cli, matches_letter, p);
        int result;

        if (!option)
            return usage_error(reader->cli, reader->err, "there is no option", word);
        if (option->argument && p[1])
            return add_given(reader, option, p + 1);
        result = add_with_next(reader, option, word);
        if (result < 0)
            return result;
    }
    return 0;
}

static int enter_command(struct reader *reader, const char *word)
{
    struct cli *cli = reader->cli;

    for (const struct cli_command *c = cli_command(cli)->commands; c->name; c++) {
        if (strcmp(c->name, word) == 0) {
            cli->path[cli->depth++] = c;
            return 0;
        }
    }
    return usage_error(cli, reader->err, "there is no command", word);
}

static int read_word(struct reader *reader, const char *word, bool *options_ended)
{
    struct cli *cli = reader->cli;
    const struct cli_option *option;

    if (!*options_ended && strcmp(word, "--") == 0) {
        *options_ended = true;
        return 0;
    }
    if (!*options_ended && strncmp(word, "--", 2) == 0)
        return read_long(reader, word);
    if (!*options_ended && word[0] == '-' && word[1])
        return read_short(reader, word);
    if (!*options_ended && word[0] == '/') {
        option = find_option(cli, matches_reg_exe, word + 1);
        if (option)
            return add_with_next(reader, option, word);
    }
    if (cli_command(cli)->commands)
        return enter_command(reader, word);
    if (cli_command(cli)->takes_rest) {
        cli->rest = reader->argv + reader->next - 1;
        cli->rest_count = (size_t)(reader->argc - reader->next + 1);
        reader->next = reader->argc;
        return 0;
    }
    if (cli->argument_count == cli_command(cli)->max_arguments)
        return usage_error(cli, reader->err, "one argument too many:", word);
    cli->arguments[cli->argument_count++] = word;
    return 0;
}

static int check_complete(const struct cli *cli, struct error *err)
{
    const struct cli_command *command = cli_command(cli);
    char name[128];

    cli_command_name(cli, name, sizeof(name));
    if (command->commands)
        return error_set(err, -EINVAL, "\"%s\" needs a command; \"%s --help\" lists them", name,
                         name);
    if (cli->argument_count < command->min_arguments)
        return error_set(err, -EINVAL, "\"%s\" needs %s; \"%s --help\" tells more", name,
                         command->arguments, name);
    return 0;
}

int cli_parse(const struct cli_command *root, int argc, char **argv, struct cli *cli,
              struct error *err)
{
    struct reader reader = {.argc = argc, .next = 1, .argv = argv, .cli = cli, .err = err};
    bool options_ended = false;

    *cli = (struct cli){.path = {root}, .depth = 1};
    while (reader.next < argc) {
        int result = read_word(&reader, argv[reader.next++], &options_ended);

        if (result < 0)
            return result;
    }
    if (cli_given(cli, "help") || cli_asks_version(cli))
        return 0;
    return check_complete(cli, err);
}

bool cli_given(const struct cli *cli, const char *option)
{
    for (size_t i = 0; i < cli->given_count; i++) {
        if (strcmp(cli->given[i].option->name, option) == 0)
            return true;
    }
    return false;
}

bool cli_asks_version(const struct cli *cli)
{
    for (size_t i = 0; i < cli->given_count; i++) {
        if (!cli->given[i].option->argument && strcmp(cli->given[i].option->name, "version") == 0)
            return true;
    }
    return false;
}

const char *cli_value(const struct cli *cli, const char *option)
{
    for (size_t i = cli->given_count; i-- > 0;) {
        if (strcmp(cli->given[i].option->name, option) == 0)
            return cli->given[i].value;
    }
    return NULL;
}

const char *cli_argument(const struct cli *cli, size_t index)
{
    return index < cli->argument_count ? cli->arguments[index] : NULL;
}

bool cli_conflict(const struct cli *cli, const char *const *options, const char **first,
                  const char **second)
{
    *first = NULL;
    for (; *options; options++) {
        if (!cli_given(cli, *options))
            continue;
        if (*first) {
            *second = *options;
            return true;
        }
        *first = *options;
    }
    return false;
}

int cli_parse_number(const char *text, unsigned long long limit, unsigned long long *number)
{
    bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hexadecimal ? text + 2 : text;
    char *end;

    /* strtoull would also take signs, blanks and nothing at all. */
    if (!*digits ||
        strspn(digits, hexadecimal ? "0123456789abcdefABCDEF" : "0123456789") != strlen(digits))
        return -EINVAL;
    errno = 0;
    *number = strtoull(digits, &end, hexadecimal ? 16 : 10);
    return errno || *end || *number > limit ? -EINVAL : 0;
}

static void print_option(const struct cli_option *option, FILE *file)
{
    char left[80];
    int used;

    used = snprintf(left, sizeof(left), "  --%s%s%s", option->name, option->argument ? " " : "",
                    option->argument ? option->argument : "");
    if (option->letter)
        used += snprintf(left + used, sizeof(left) - (size_t)used, ", -%c", option->letter);
    if (option->reg_exe)
        snprintf(left + used, sizeof(left) - (size_t)used, ", /%s", option->reg_exe);
    fprintf(file, "%-28s  %s\n", left, option->help);
}

void cli_print_help(const struct cli *cli, FILE *file)
{
    const struct cli_command *command = cli_command(cli);
    char name[128];

    cli_command_name(cli, name, sizeof(name));
    fprintf(file, "Usage: %s [OPTIONS]%s%s\n\n%s\n", name,
            command->commands || command->arguments ? " " : "",
            command->commands    ? "COMMAND"
            : command->arguments ? command->arguments
                                 : "",
            command->summary);
    if (command->details)
        fprintf(file, "\n%s\n", command->details);
    if (command->commands) {
        fprintf(file, "\nCommands:\n");
        for (const struct cli_command *c = command->commands; c->name; c++)
            fprintf(file, "  %-12s  %s\n", c->name, c->summary);
    }
    fprintf(file, "\nOptions:\n");
    for (size_t i = cli->depth; i-- > 0;) {
        for (const struct cli_option *o = cli->path[i]->options; o && o->name; o++) {
            /* One with the same name in the command hides the group's. */
            if (find_option(cli, matches_name, o->name) == o)
                print_option(o, file);
        }
    }
}
