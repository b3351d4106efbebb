/* SPDX-License-Identifier: MIT */
/*
 * gpupvd, the service.
 *
 * Processes and threads:
 *   gpupvd          one process, one event loop. All guests, administrators, signals and timers are
 *                   handled on its only thread; nothing that it does there waits for anybody.
 *     reload thread while the configuration is (re)read and the drivers are asked for devices;
 *                   hands over a result and ends (host/reloader.c).
 *     threads       for a moment, while a driver in the kernel opens a file for a worker
 *                   (host/worker_open.c).
 *     gpupv-probe   a child for each distinct ICD, during a reload. Drivers run there and nowhere
 *                   else in the service; a crash or a hang of one is a failed reload.
 *     gpupv-worker  a child for each guest process whose driver asks for one, and a warm one for the
 *                   next (host/worker_pool.c). The commands of that guest process run there.
 *
 * gpupvd --embedded FD serves one connected socket, for an application that asked for a service of
 * its own. It forks once: the first process ends with 0 as soon as the second one is ready, so that
 * the application never has a child that lasts; the second one ends when its peer is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "host/check_config.h"
#include "host/driver_vulkan.h"
#include "host/probe_client.h"
#include "host/program.h"
#include "host/service.h"
#include "util/log.h"

#define EXIT_USAGE 2
#define WORKER_NAME "gpupv-worker"

struct arguments {
    const char *config, *socket;
    int log_level;
    int embedded_fd;
    bool check;
};

static void print_help(void)
{
    puts("Usage: gpupvd [OPTION]...\n"
         "Offers this machine's GPUs to paravirtualized guests.\n"
         "\n"
         "  --config FILE    read FILE in place of " GPUPV_SYSCONFDIR "/gpupv/gpupv.ini\n"
         "  --socket PATH    listen on PATH, whatever the configuration says\n"
         "  --log LEVEL      error, warning, info or debug\n"
         "  --check-config   say whether the configuration and the registry are valid, and end\n"
         "  --embedded FD    serve the connected socket FD alone, and end with it\n"
         "  --version        print the version\n"
         "  --help           print this\n"
         "\n"
         "SIGHUP makes it reread its files, SIGTERM and SIGINT end it. Exit status: 0 after a "
         "clean\n"
         "end, 1 after a failure, 2 for wrong usage. See gpupvd(8).");
}

static int usage_error(const char *what, const char *value)
{
    fprintf(stderr, "gpupvd: %s%s%s; try --help\n", what, value ? ": " : "", value ? value : "");
    return EXIT_USAGE;
}

static int parse_fd(const char *text, int *fd)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno || end == text || *end || number < 3 || number > 1 << 20)
        return -EINVAL;
    *fd = (int)number;
    return 0;
}

/* 0 to go on, or the exit status plus one. */
static int parse_arguments(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},   {"socket", required_argument, NULL, 's'},
        {"log", required_argument, NULL, 'l'},      {"check-config", no_argument, NULL, 'k'},
        {"embedded", required_argument, NULL, 'e'}, {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},           {0}};
    enum log_level level;
    *arguments = (struct arguments){.log_level = -1, .embedded_fd = -1};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            arguments->config = optarg;
            break;
        case 's':
            arguments->socket = optarg;
            break;
        case 'l':
            if (log_parse_level(optarg, &level))
                return usage_error("unknown log level", optarg) + 1;
            arguments->log_level = (int)level;
            break;
        case 'k':
            arguments->check = true;
            break;
        case 'e':
            if (parse_fd(optarg, &arguments->embedded_fd))
                return usage_error("not a descriptor that can be passed", optarg) + 1;
            break;
        case 'V':
            puts("gpupvd " GPUPV_VERSION);
            return 1;
        case 'h':
            print_help();
            return 1;
        default:
            return EXIT_USAGE + 1;
        }
    }
    if (optind < argc)
        return usage_error("unexpected argument", argv[optind]) + 1;
    return 0;
}

/* The journal sets JOURNAL_STREAM to device:inode of the stream that it reads. */
static void detect_journal(void)
{
    const char *text = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat info;
    if (text && sscanf(text, "%llu:%llu", &device, &inode) == 2 && !fstat(STDERR_FILENO, &info) &&
        info.st_dev == device && info.st_ino == inode)
        log_set_journal_prefix(1);
}

static void allow_many_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Before any thread: the event loop takes these from a descriptor. */
static void block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* The guests' socket among those that the service manager passes, or -1. */
static int take_activated_socket(void)
{
    int found = -1, count = sd_listen_fds(1);
    for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; fd++) {
        if (found < 0 && sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) > 0) {
            found = fd;
            continue;
        }
        log_warning("service", "the descriptor %d that was passed is of no use here", fd);
        close(fd);
    }
    return found;
}

/* Standard error is the application's, and so is the wish how much to say there. */
static int level_of_application(void)
{
    enum log_level level = LOG_LEVEL_WARNING;
    const char *word = getenv("GPUPV_LOG");
    if (word)
        (void)log_parse_level(word, &level);
    return (int)level;
}

static int serve(const struct arguments *arguments, void (*ready)(void *), void *ready_context)
{
    struct error err;
    struct probe_client probe;
    struct service *service;
    char worker[PATH_MAX];
    struct worker_pool_options workers = vulkan_driver_defaults;
    if (probe_client_init(&probe, &err)) {
        log_error("service", "%s", err.text);
        return EXIT_FAILURE;
    }
    if (!program_find(WORKER_NAME, worker, sizeof(worker), &err))
        workers.path = worker;
    else
        log_warning("service", "%s; guests cannot use the paravirtual driver", err.text);
    struct vulkan_driver *driver = vulkan_driver_create(&workers);
    if (!driver) {
        log_error("service", "out of memory");
        return EXIT_FAILURE;
    }
    bool embedded = arguments->embedded_fd >= 0;
    int log_level = arguments->log_level;
    if (embedded && log_level < 0)
        log_level = level_of_application();
    struct service_options options = {
        .config_path = arguments->config,
        .socket = arguments->socket,
        .log_level = log_level,
        .devices = probe_client_source(&probe),
        .driver = &vulkan_driver,
        .driver_context = driver,
        .embedded_fd = arguments->embedded_fd,
        .activated_fd = embedded ? -1 : take_activated_socket(),
        .handle_signals = true,
        .notify = !embedded,
        .ready = ready,
        .ready_context = ready_context,
    };
    block_signals();
    int result = service_create(&options, &service, &err);
    if (result) {
        log_error("service", "%s", err.text);
    } else {
        result = service_run(service);
        service_destroy(service);
    }
    vulkan_driver_destroy(driver);
    return result ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- Embedded --- */

static void tell_ready(void *context)
{
    int *fd = context;
    ssize_t written = write(*fd, "1", 1);
    (void)written; /* the first process is gone: nobody waits */
    close(*fd);
}

/* The first process: ends with 0 when the service is ready, else with the service's own status. */
static int wait_until_ready(int fd, pid_t service)
{
    char byte;
    ssize_t got;
    do
        got = read(fd, &byte, 1);
    while (got < 0 && errno == EINTR);
    if (got == 1)
        return EXIT_SUCCESS;
    int status = 0;
    while (waitpid(service, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

static int serve_embedded(const struct arguments *arguments)
{
    int type, ends[2];
    socklen_t size = sizeof(type);
    if (getsockopt(arguments->embedded_fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
        type != SOCK_STREAM) {
        log_error("service", "--embedded %d: not a connected stream socket",
                  arguments->embedded_fd);
        return EXIT_FAILURE;
    }
    if (pipe2(ends, O_CLOEXEC) < 0) {
        log_error("service", "cannot make a pipe: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    pid_t pid = fork();
    if (pid < 0) {
        log_error("service", "cannot fork: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    if (pid) {
        close(ends[1]);
        close(arguments->embedded_fd);
        return wait_until_ready(ends[0], pid);
    }
    close(ends[0]);
    setsid(); /* an interrupt at the terminal is the application's */
    fcntl(arguments->embedded_fd, F_SETFD, FD_CLOEXEC); /* not for gpupv-probe */
    return serve(arguments, tell_ready, &ends[1]);
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    int status = parse_arguments(argc, argv, &arguments);
    if (status)
        return status - 1;
    if (arguments.check)
        return check_config(arguments.config) ? EXIT_FAILURE : EXIT_SUCCESS;
    detect_journal();
    if (arguments.embedded_fd >= 0)
        return serve_embedded(&arguments);
    allow_many_files();
    return serve(&arguments, NULL, NULL);
}
