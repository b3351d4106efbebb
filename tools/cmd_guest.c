/* SPDX-License-Identifier: MIT */
/* `gpupv guest run`: the agent of a full VM. */
#include "tools/commands.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "tools/guest_agent.h"
#include "tools/output.h"

#define DEFAULT_INTERVAL_S 10
#define MAX_INTERVAL_S 86400

static volatile sig_atomic_t stop;

static void on_stop(int number)
{
    (void)number;
    stop = 1;
}

/* The signals are blocked but while the agent waits or between two reads: none is missed. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_stop};

    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

/* Waits without missing a signal that comes right before. */
static void wait_seconds(unsigned seconds)
{
    const struct timespec time = {.tv_sec = seconds};
    sigset_t stops, before;

    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGHUP);
    sigprocmask(SIG_BLOCK, &stops, &before);
    if (!stop)
        ppoll(NULL, 0, &time, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static int check_folder(const char *option, const char *folder, struct error *err)
{
    if (!folder || folder[0] == '/')
        return 0;
    return error_set(err, -EINVAL, "--%s needs a full path, not \"%s\"", option, folder);
}

static int read_options(const struct cli *cli, struct guest_agent *agent, unsigned *interval,
                        struct error *err)
{
    const char *text = cli_value(cli, "interval");
    unsigned long long number = DEFAULT_INTERVAL_S;

    *agent = (struct guest_agent){
        .store_folder = cli_value(cli, "store"),
        .native_folder = cli_value(cli, "native-folder"),
        .wow64_folder = cli_value(cli, "wow64-folder"),
        .stop = &stop,
        .quiet = cli_given(cli, "quiet"),
        .json = output_is_json(cli),
    };
    copy_progress_init(&agent->progress, agent->quiet || agent->json);
    if (text && (cli_parse_number(text, MAX_INTERVAL_S, &number) < 0 || !number))
        return error_set(err, -EINVAL, "--interval needs 1 to %d seconds, not \"%s\"",
                         MAX_INTERVAL_S, text);
    *interval = (unsigned)number;
    int result = check_folder("store", agent->store_folder, err);
    if (!result)
        result = check_folder("native-folder", agent->native_folder, err);
    if (!result)
        result = check_folder("wow64-folder", agent->wow64_folder, err);
    return result;
}

enum exit_code cmd_guest_run(const struct cli *cli)
{
    struct guest_agent agent;
    unsigned interval = DEFAULT_INTERVAL_S;
    struct error err;

    if (read_options(cli, &agent, &interval, &err) < 0)
        return output_fail(cli, EXIT_USAGE, "%s", err.text);
    catch_signals();
    enum exit_code code = guest_agent_pass(&agent);
    while (!stop && !cli_given(cli, "once")) {
        wait_seconds(interval);
        if (!stop)
            code = guest_agent_pass(&agent);
    }
    guest_agent_finish(&agent);
    /* Whoever ends the agent by a signal asked for the end; --once tells how the work went. */
    return cli_given(cli, "once") ? code : EXIT_DONE;
}
