/* SPDX-License-Identifier: MIT */
/* The cases of windows.c. */
#ifndef GPUPV_TESTS_WINDOWS_CASES_H
#define GPUPV_TESTS_WINDOWS_CASES_H

#include "app.h"

/* cases_show.c: what windows show */
void case_modes(struct app *app);
void case_sizes(struct app *app);
void case_alpha(struct app *app);
void case_several(struct app *app);
void case_views(struct app *app);
void case_regions(struct app *app);
void case_aliases(struct app *app);
void case_group(struct app *app);
void case_present_wait(struct app *app);

/* cases_life.c: how swapchains live and end */
void case_timeouts(struct app *app);
void case_fences(struct app *app);
void case_resize(struct app *app);
void case_hidden(struct app *app);
void case_leftovers(struct app *app);
void case_again(struct app *app);
void case_threads(struct app *app);
void case_events(struct app *app);
void case_retired(struct app *app);
void case_in_use(struct app *app);
void case_destroyed(struct app *app);
void case_disconnected(struct app *app);
void case_fork(struct app *app);
void case_killed(struct app *app);
void case_exits(struct app *app);

#endif
