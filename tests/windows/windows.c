/* SPDX-License-Identifier: MIT */
/*
 * Vulkan programs with windows on X11, which look at what the windows show. Prints a line for each
 * case. Exit status 1 when something is not as it should be; a case that takes too long ends the
 * program. Usage: windows [--native] [CASE...]
 *   --native  the driver is not the paravirtual one: what only that promises is left out
 */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CASE_SECONDS 100

static const struct {
    const char *name;
    void (*run)(struct app *app);
    bool own;   /* only of the paravirtual driver */
    bool asked; /* only when it is named */
} cases[] = {
    {"modes", case_modes, false},
    {"sizes", case_sizes, false},
    {"alpha", case_alpha, true},
    {"timeouts", case_timeouts, false},
    {"fences", case_fences, false},
    {"resize", case_resize, false},
    {"hidden", case_hidden, false},
    {"several", case_several, false},
    {"views", case_views, false},
    {"regions", case_regions, false},
    {"leftovers", case_leftovers, false},
    {"again", case_again, false},
    {"threads", case_threads, false},
    {"events", case_events, false},
    {"retired", case_retired, true},
    {"in-use", case_in_use, true},
    {"present-wait", case_present_wait, true},
    {"aliases", case_aliases, true},
    {"group", case_group, true},
    {"destroyed", case_destroyed, true},
    {"disconnected", case_disconnected, true},
    {"fork", case_fork, true},
    {"exits", case_exits, true, true},
    {"killed", case_killed, true, true},
};

static bool named(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

int main(int argc, char **argv)
{
    bool native = argc > 1 && !strcmp(argv[1], "--native");
    argc -= 1 + native;
    argv += 1 + native;
    struct app app = {.name = "start", .native = native};
    app_open(&app);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool wanted = argc ? named(cases[i].name, argc, argv) : !cases[i].asked;
        if (!wanted || (native && cases[i].own))
            continue;
        alarm(CASE_SECONDS);
        app.name = cases[i].name;
        app.skipped = false;
        app.windows = 0;
        cases[i].run(&app);
        app_check_events(&app);
        printf("%s: %s\n", app.name, app.skipped ? "skipped" : "done");
        fflush(stdout);
    }
    app.name = "end";
    app_close(&app);
    return app_failed();
}
