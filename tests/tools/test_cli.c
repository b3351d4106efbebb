/* SPDX-License-Identifier: MIT */
/* The table-driven command line: groups, inherited options, both spellings, wrong lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/cli.h"

static const struct cli_option add_options[] = {{"value", 'v', "v", "NAME", "a value"},
                                                {"default", 0, "ve", NULL, "the default"},
                                                {"version", 0, NULL, "VERSION", "a version"},
                                                {"force", 'f', "f", NULL, "do not ask"},
                                                {0}};
static const struct cli_command group_commands[] = {
    {"add", "KEY [NAME]", "adds", NULL, add_options, NULL, 1, 2, NULL},
    {"list", NULL, "lists", NULL, NULL, NULL, 0, 0, NULL},
    {"run", "PROGRAM", "runs", NULL, add_options, NULL, 0, 0, NULL, true},
    {0}};
static const struct cli_option group_options[] = {{"config", 'c', NULL, "FILE", "a file"}, {0}};
static const struct cli_command root_commands[] = {
    {"group", NULL, "a group", NULL, group_options, group_commands, 0, 0, NULL}, {0}};
static const struct cli_option root_options[] = {{"json", 'j', NULL, NULL, "JSON"},
                                                 {"help", 'h', "?", NULL, "help"},
                                                 {"version", 'V', NULL, NULL, "version"},
                                                 {0}};
static const struct cli_command root = {"tool",        NULL, "a tool", NULL, root_options,
                                        root_commands, 0,    0,        NULL};

#define MAX_WORDS 12

/* Splits `line` at blanks, after the program's name. */
static int parse(const char *line, struct cli *cli, struct error *err)
{
    static char buffer[256];
    static char *argv[MAX_WORDS + 1] = {(char *)"tool"}, *position = NULL; /* `rest` points there */
    int argc = 1;

    assert_true(strlen(line) < sizeof(buffer));
    strcpy(buffer, line);
    for (char *word = strtok_r(buffer, " ", &position); word; word = strtok_r(NULL, " ", &position))
        argv[argc++] = word;
    argv[argc] = NULL;
    *err = (struct error){0};
    return cli_parse(&root, argc, argv, cli, err);
}

static void leaves_the_rest_alone(void **state)
{
    struct cli cli;
    struct error err;

    (void)state;
    assert_int_equal(parse("group run -f PROGRAM --force -- -x", &cli, &err), 0);
    assert_int_equal(cli.given_count, 1);
    assert_int_equal(cli.rest_count, 4);
    assert_string_equal(cli.rest[0], "PROGRAM");
    assert_string_equal(cli.rest[3], "-x");
    assert_null(cli.rest[4]);
    assert_int_equal(parse("group run -- -f --help", &cli, &err), 0);
    assert_int_equal(cli.rest_count, 2);
    assert_string_equal(cli.rest[0], "-f");
    assert_false(cli_given(&cli, "help"));
    assert_int_equal(parse("group run", &cli, &err), 0);
    assert_int_equal(cli.rest_count, 0);
}

static void finds_the_command(void **state)
{
    struct cli cli;
    struct error err;
    char name[64];

    (void)state;
    assert_int_equal(parse("group add KEY NAME", &cli, &err), 0);
    cli_command_name(&cli, name, sizeof(name));
    assert_string_equal(name, "tool group add");
    assert_string_equal(cli_argument(&cli, 0), "KEY");
    assert_string_equal(cli_argument(&cli, 1), "NAME");
    assert_null(cli_argument(&cli, 2));
    assert_false(cli_given(&cli, "force"));
}

static void takes_every_spelling(void **state)
{
    static const char *const lines[] = {"group add K --value X --force",
                                        "group add K --value=X -f",
                                        "group add K -v X -f",
                                        "group add K -vX -f",
                                        "group add -fv X K",
                                        "group add K /v X /f",
                                        "group add /V X K /F",
                                        "group add K -fvX"};
    struct cli cli;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_int_equal(parse(lines[i], &cli, &err), 0);
        assert_string_equal(cli_value(&cli, "value"), "X");
        assert_true(cli_given(&cli, "force"));
        assert_string_equal(cli_argument(&cli, 0), "K");
        assert_int_equal(cli.argument_count, 1);
    }
}

static void group_options_stand_anywhere(void **state)
{
    static const char *const lines[] = {"group --config F list", "group list --config F",
                                        "group -cF list -j", "--json group list -c F"};
    struct cli cli;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_int_equal(parse(lines[i], &cli, &err), 0);
        assert_string_equal(cli_value(&cli, "config"), "F");
        assert_string_equal(cli_command(&cli)->name, "list");
    }
    /* But not before the group is named. */
    assert_int_not_equal(parse("--config F group list", &cli, &err), 0);
}

static void the_last_value_counts(void **state)
{
    struct cli cli;
    struct error err;

    (void)state;
    assert_int_equal(parse("group add K --value A -v B", &cli, &err), 0);
    assert_string_equal(cli_value(&cli, "value"), "B");
}

static void a_path_is_no_reg_exe_option(void **state)
{
    struct cli cli;
    struct error err;

    (void)state;
    assert_int_equal(parse("group add /etc/v /vx", &cli, &err), 0);
    assert_string_equal(cli_argument(&cli, 0), "/etc/v");
    assert_string_equal(cli_argument(&cli, 1), "/vx");
    assert_int_equal(parse("group add -- -f /v", &cli, &err), 0);
    assert_string_equal(cli_argument(&cli, 0), "-f");
    assert_string_equal(cli_argument(&cli, 1), "/v");
    assert_int_equal(parse("group add - K", &cli, &err), 0);
    assert_string_equal(cli_argument(&cli, 0), "-");
}

static void wrong_lines_name_the_word(void **state)
{
    static const struct {
        const char *line, *part;
    } cases[] = {
        {"", "needs a command"},
        {"group", "needs a command"},
        {"nothing", "\"nothing\""},
        {"group add", "KEY"},
        {"group add K --nothing", "\"--nothing\""},
        {"group add K -x", "\"-x\""},
        {"group add K --force=yes", "--force"},
        {"group add K --value", "--value"},
        {"group add K N more", "\"more\""},
        {"group list --force", "\"--force\""},
        {"group add K --val X", "\"--val\""},
    };
    struct cli cli;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(parse(cases[i].line, &cli, &err) < 0);
        assert_non_null(strstr(err.text, cases[i].part));
    }
}

static void help_needs_no_arguments(void **state)
{
    struct cli cli;
    struct error err;

    (void)state;
    assert_int_equal(parse("group add --help", &cli, &err), 0);
    assert_true(cli_given(&cli, "help"));
    assert_int_equal(parse("group /?", &cli, &err), 0);
    assert_true(cli_given(&cli, "help"));
    assert_int_equal(parse("-V", &cli, &err), 0);
    assert_true(cli_asks_version(&cli));
    /* The command's own --version is another one. */
    assert_int_equal(parse("group add K --version 1.2", &cli, &err), 0);
    assert_false(cli_asks_version(&cli));
    assert_string_equal(cli_value(&cli, "version"), "1.2");
}

static void conflicts_are_found(void **state)
{
    static const char *const both[] = {"value", "default", NULL};
    const char *first, *second;
    struct cli cli;
    struct error err;

    (void)state;
    assert_int_equal(parse("group add K --value A", &cli, &err), 0);
    assert_false(cli_conflict(&cli, both, &first, &second));
    assert_int_equal(parse("group add K /ve --value A", &cli, &err), 0);
    assert_true(cli_conflict(&cli, both, &first, &second));
    assert_string_equal(first, "value");
    assert_string_equal(second, "default");
}

static void numbers_are_strict(void **state)
{
    static const char *const wrong[] = {
        "", "-1", "+1", " 1", "1 ", "0x", "0xg", "1.0", "0x-1", "256", "99999999999999999999999"};
    unsigned long long number;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_not_equal(cli_parse_number(wrong[i], 255, &number), 0);
    assert_int_equal(cli_parse_number("255", 255, &number), 0);
    assert_int_equal(number, 255);
    assert_int_equal(cli_parse_number("0XfF", 255, &number), 0);
    assert_int_equal(number, 255);
    /* Not octal. */
    assert_int_equal(cli_parse_number("010", 255, &number), 0);
    assert_int_equal(number, 10);
    assert_int_equal(cli_parse_number("18446744073709551615", UINT64_MAX, &number), 0);
    assert_true(number == UINT64_MAX);
    assert_int_not_equal(cli_parse_number("18446744073709551616", UINT64_MAX, &number), 0);
}

static void too_many_options_are_refused(void **state)
{
    char *argv[CLI_MAX_OPTIONS + 5] = {(char *)"tool", (char *)"group", (char *)"list"};
    struct cli cli;
    struct error err = {0};

    (void)state;
    for (int i = 3; i < CLI_MAX_OPTIONS + 4; i++)
        argv[i] = (char *)"--json";
    assert_true(cli_parse(&root, CLI_MAX_OPTIONS + 4, argv, &cli, &err) < 0);
    assert_int_equal(cli_parse(&root, 3 + CLI_MAX_OPTIONS, argv, &cli, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_command),
        cmocka_unit_test(leaves_the_rest_alone),
        cmocka_unit_test(takes_every_spelling),
        cmocka_unit_test(group_options_stand_anywhere),
        cmocka_unit_test(the_last_value_counts),
        cmocka_unit_test(a_path_is_no_reg_exe_option),
        cmocka_unit_test(wrong_lines_name_the_word),
        cmocka_unit_test(help_needs_no_arguments),
        cmocka_unit_test(conflicts_are_found),
        cmocka_unit_test(numbers_are_strict),
        cmocka_unit_test(too_many_options_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
