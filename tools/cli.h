/* SPDX-License-Identifier: MIT */
/*
 * The command line as tables: a tree of commands, each with its options. One parser reads all of
 * them and one printer writes every --help, so that no command can forget an option.
 *
 * Options of a group (such as --config of `gpupv host`) are known to all commands below it and may
 * stand before or after the subcommand's name. Nothing here allocates; texts are borrowed from
 * argv.
 */
#ifndef GPUPV_TOOLS_CLI_H
#define GPUPV_TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "util/error.h"

/* What the process exits with; gpupv(1), EXIT STATUS. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_DIFFERENT = 1, /* of commands that compare */
    EXIT_USAGE = 2,
    EXIT_NO_SERVICE = 3,
    EXIT_NOT_FOUND = 4,
    EXIT_REFUSED = 5,
    EXIT_NOT_STARTED = 125, /* of commands that run a program and pass its status on */
};

struct cli_option {
    const char *name;     /* without "--" */
    char letter;          /* of the short form, or 0 */
    const char *reg_exe;  /* reg.exe's spelling without "/", or NULL */
    const char *argument; /* what --help calls its argument; NULL: takes none */
    const char *help;
};

struct cli;

struct cli_command {
    const char *name;
    const char *arguments;              /* for the usage line, "KEY [NAME]"; NULL: takes none */
    const char *summary;                /* one line */
    const char *details;                /* printed below the usage line, or NULL */
    const struct cli_option *options;   /* the last has no name; NULL: none */
    const struct cli_command *commands; /* the last has no name; NULL: this is no group */
    size_t min_arguments, max_arguments;
    enum exit_code (*run)(const struct cli *cli);
    /* The first argument begins another program's command line: it and all after it are kept in
     * `rest`, unread. */
    bool takes_rest;
};

#define CLI_MAX_DEPTH 4
#define CLI_MAX_OPTIONS 128
#define CLI_MAX_ARGUMENTS 4

struct cli {
    const struct cli_command *path[CLI_MAX_DEPTH]; /* from the root to the command */
    size_t depth;
    struct {
        const struct cli_option *option;
        const char *value; /* NULL for an option without argument */
    } given[CLI_MAX_OPTIONS];
    size_t given_count;
    const char *arguments[CLI_MAX_ARGUMENTS];
    size_t argument_count;
    char *const *rest; /* the end of argv, with its NULL */
    size_t rest_count;
};

/* Reads the command line. -EINVAL with a message that names the word and the --help to look at.
 * A --help or --version on the way ends the reading with success: nothing else is checked then. */
int cli_parse(const struct cli_command *root, int argc, char **argv, struct cli *cli,
              struct error *err);

/* The command that was named, possibly a group. */
const struct cli_command *cli_command(const struct cli *cli);
/* "gpupv host reg add" */
void cli_command_name(const struct cli *cli, char *name, size_t size);

bool cli_given(const struct cli *cli, const char *option);
/* Whether the program's own version is asked for; a command may have a --version VERSION. */
bool cli_asks_version(const struct cli *cli);
/* The last value given, or NULL. */
const char *cli_value(const struct cli *cli, const char *option);
/* The positional argument, or NULL. */
const char *cli_argument(const struct cli *cli, size_t index);

/* The first two given options of a list that ends with NULL; false when at most one was given. */
bool cli_conflict(const struct cli *cli, const char *const *options, const char **first,
                  const char **second);

/* A whole number, decimal or 0x hexadecimal, up to `limit`. 0 or -EINVAL. */
int cli_parse_number(const char *text, unsigned long long limit, unsigned long long *number);

void cli_print_help(const struct cli *cli, FILE *file);

#endif
