/* SPDX-License-Identifier: MIT */
/*
 * gpupv-worker: runs the Vulkan commands of one guest process on the host's driver.
 *
 * Processes. The service (gpupvd) starts a worker with its end of the link on descriptor LINK_FD,
 * before any guest needs it. The worker takes its capabilities away, loads the drivers, locks
 * itself in, says LINK_READY and is then warm. LINK_ASSIGN makes it that of one guest process, for
 * good: it gets the process' aperture and its table of allocations. The end of the link ends it. A
 * guest that breaks the rules loses its stream; a driver that crashes takes this process along, and
 * nothing else.
 *
 * Threads. The main thread reads the link. Each stream (a VkDevice of the guest, or an instance's
 * questions) has a thread that runs its commands; the subjects add threads of their own for
 * compiling and for watching what the device completes.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/worker/link_loop.h"
#include "host/worker/libraries.h"
#include "host/worker/sandbox.h"
#include "host/worker/worker.h"
#include "util/log.h"

#define SLICE_NS 300000u

struct arguments {
    bool validation, sandbox;
    enum memory_way memory;
};

static const char usage[] =
    "Usage: gpupv-worker [--validation] [--no-sandbox] [--memory WAY]\n"
    "                    [--log LEVEL] --adapter DEVICES...\n"
    "Runs Vulkan for a guest process. Started by gpupvd, with a socket on descriptor 3.\n"
    "DEVICES: UUID@MANIFEST[,UUID@MANIFEST...], a host device for each linked one.";

/* 0; 1 when that was all; a negative errno. */
static int parse(int argc, char **argv, struct worker *worker, struct arguments *arguments)
{
    static const struct option options[] = {
        {"adapter", required_argument, NULL, 'a'}, {"validation", no_argument, NULL, 'v'},
        {"no-sandbox", no_argument, NULL, 'n'},    {"memory", required_argument, NULL, 'm'},
        {"log", required_argument, NULL, 'l'},     {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},          {0}};
    struct error err;
    enum log_level level;
    int code;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'a':
            code = worker_add_adapter(worker, optarg, &err);
            if (code) {
                log_error("worker", "--adapter: %s", err.text);
                return code;
            }
            break;
        case 'v':
            arguments->validation = true;
            break;
        case 'n':
            arguments->sandbox = false;
            break;
        case 'm':
            if (memory_way_parse(optarg, &arguments->memory)) {
                log_error("worker", "--memory: \"%s\" is not a way", optarg);
                return -EINVAL;
            }
            break;
        case 'l':
            if (log_parse_level(optarg, &level)) {
                log_error("worker", "--log: \"%s\" is not a level", optarg);
                return -EINVAL;
            }
            log_set_level(level);
            break;
        case 'V':
            puts("gpupv-worker " GPUPV_VERSION);
            return 1;
        case 'h':
            puts(usage);
            return 1;
        default:
            return -EINVAL;
        }
    }
    if (optind < argc) {
        log_error("worker", "unexpected argument \"%s\"", argv[optind]);
        return -EINVAL;
    }
    return 0;
}

/* Loads the drivers and locks the process in. */
static int start(struct worker *worker, const struct arguments *arguments, int *notify,
                 struct error *err)
{
    struct sandbox sandbox;
    *notify = -1;
    int code = arguments->sandbox ? sandbox_prepare(&sandbox, err) : 0;
    if (code == 0)
        code = worker_vulkan_start(worker, arguments->validation, arguments->memory, err);
    if (code == 0 && arguments->sandbox)
        code = sandbox_enter(&sandbox, notify, err);
    return code;
}

/* A guest waits for these threads, which run for a short while after each of its messages. With a
 * short slice of time the kernel (Linux 6.12) lets them run as soon as they wake, before what else
 * the machine is busy with; they get no more of it. Threads inherit it. Older kernels ignore it. */
static void ask_for_short_slices(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {.size = sizeof(attributes), .policy = SCHED_OTHER, .runtime = SLICE_NS};
    errno = 0;
    attributes.nice = getpriority(PRIO_PROCESS, 0);
    if (errno == 0 && sched_getscheduler(0) == SCHED_OTHER)
        (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

static int serve(struct worker *worker, int notify)
{
    char folders[LINK_MAX_FOLDERS];
    int code =
        worker_send_ready(worker, folders, libraries_folders(folders, sizeof(folders)), notify);
    if (notify >= 0)
        close(notify);
    return code ? code : worker_serve(worker);
}

int main(int argc, char **argv)
{
    struct worker worker = {.link = LINK_FD};
    struct arguments arguments = {.sandbox = true};
    log_set_journal_prefix(1);
    int code = parse(argc, argv, &worker, &arguments);
    if (code)
        return code < 0 ? 2 : 0;

    ask_for_short_slices();
    struct error err;
    int notify;
    code = start(&worker, &arguments, &notify, &err);
    if (code)
        log_error("worker", "%s", err.text);
    else
        code = serve(&worker, notify);
    worker_memory_unmap(&worker);
    worker_vulkan_finish(&worker);
    return code ? 1 : 0;
}
