/* SPDX-License-Identifier: MIT */
/* For tests that write out what the driver must get: a trial each, whose functions of the driver count
 * their calls. Included after cmocka.h. */
#ifndef GPUPV_TESTS_TRIAL_FIXTURE_H
#define GPUPV_TESTS_TRIAL_FIXTURE_H

#include <stdlib.h>

#include "trial.h"

static int calls; /* of the driver by the last command */

static int set_up(void **state)
{
    struct trial *trial = calloc(1, sizeof(*trial));

    if (!trial)
        return -1;
    trial_init(trial, 4);
    trial_clear(trial);
    calls = 0;
    *state = trial;
    return 0;
}

static int tear_down(void **state)
{
    trial_finish(*state);
    free(*state);
    return 0;
}

/* What the encoder has reaches the driver. */
static void run(struct trial *trial)
{
    calls = 0;
    trial_execute(trial);
    assert_string_equal(trial->failure, "");
    assert_int_equal(calls, 1);
}

#endif
