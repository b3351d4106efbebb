/* SPDX-License-Identifier: MIT */
/*
 * `gpupv host top`: what the guest processes do, from the difference of two answers of the service.
 */
#include "tools/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tools/control.h"
#include "tools/host_env.h"
#include "tools/output.h"

#define DEFAULT_INTERVAL_S 2
#define FIRST_INTERVAL_MS 500 /* on a terminal, where somebody waits for the first picture */
#define LINES_AROUND 4        /* of a picture, beside the processes */

/* One guest process between two answers. Rates are NAN while they cannot be known. */
struct row {
    json_object *process;                  /* of the later answer */
    double submissions, requests;          /* per second */
    double cpu_percent, gpu_percent;       /* of one processor; of one of the GPU's engines */
    uint64_t worker, memory, video_memory; /* pid, bytes, bytes */
};

/* An answer, and when it came. */
struct sample {
    json_object *answer;
    double time_s;
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void sleep_ms(unsigned long long ms)
{
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) && errno == EINTR)
        ;
}

/* --- Rates --- */

static json_object *worker_of(json_object *process)
{
    json_object *worker = NULL;
    return json_object_object_get_ex(process, "worker", &worker) &&
                   json_object_is_type(worker, json_type_object)
               ? worker
               : NULL;
}

static bool is_same_text(json_object *a, json_object *b, const char *member)
{
    const char *one = json_text(a, member), *other = json_text(b, member);
    return one && other ? strcmp(one, other) == 0 : one == other;
}

/* The same guest process in the earlier answer, or NULL. A process with another worker starts anew.
 */
static json_object *find_before(json_object *before, json_object *process)
{
    json_object *list = json_array(before, "processes");
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *other = json_object_array_get_idx(list, i);
        if (json_number(other, "pid") == json_number(process, "pid") &&
            json_number(worker_of(other), "pid") == json_number(worker_of(process), "pid") &&
            is_same_text(other, process, "vm") && is_same_text(other, process, "name"))
            return other;
    }
    return NULL;
}

static double rate(json_object *before, json_object *after, const char *member, double seconds)
{
    json_object *value = NULL;
    if (!before || !after || seconds <= 0 || !json_object_object_get_ex(after, member, &value) ||
        !value)
        return NAN;
    uint64_t earlier = json_number(before, member), later = json_number(after, member);
    return later >= earlier ? (double)(later - earlier) / seconds : NAN;
}

static struct row row_of(json_object *before, json_object *process, double seconds)
{
    json_object *worker = worker_of(process);
    json_object *worker_before = before ? worker_of(before) : NULL;
    return (struct row){
        .process = process,
        .submissions = rate(before, process, "submissions", seconds),
        .requests = rate(before, process, "requests", seconds),
        /* Milliseconds of work in a second: 10 are a percent. */
        .cpu_percent = rate(worker_before, worker, "cpu_ms", seconds) / 10,
        .gpu_percent = rate(worker_before, worker, "gpu_ms", seconds) / 10,
        .worker = json_number(worker, "pid"),
        .memory = json_number(worker, "memory"),
        .video_memory = json_number(process, "video_memory"),
    };
}

static int compare_numbers(double a, double b)
{
    a = isnan(a) ? -1 : a;
    b = isnan(b) ? -1 : b;
    return a < b ? 1 : a > b ? -1 : 0;
}

/* Who does most comes first. */
static int compare_rows(const void *a, const void *b)
{
    const struct row *one = a, *other = b;
    int result = compare_numbers(one->gpu_percent, other->gpu_percent);
    if (!result)
        result = compare_numbers(one->submissions, other->submissions);
    if (!result)
        result = compare_numbers(one->cpu_percent, other->cpu_percent);
    return result ? result
                  : compare_numbers((double)one->video_memory, (double)other->video_memory);
}

/* The caller frees *rows. False: memory is short. */
static bool make_rows(const struct sample *before, const struct sample *after, struct row **rows,
                      size_t *count)
{
    json_object *list = json_array(after->answer, "processes");
    *count = list ? json_object_array_length(list) : 0;
    *rows = calloc(*count + 1, sizeof(**rows));
    for (size_t i = 0; *rows && i < *count; i++) {
        json_object *process = json_object_array_get_idx(list, i);
        (*rows)[i] =
            row_of(find_before(before->answer, process), process, after->time_s - before->time_s);
    }
    if (*rows)
        qsort(*rows, *count, sizeof(**rows), compare_rows);
    return *rows != NULL;
}

/* --- Printing --- */

static void print_rate(double value, int width, int digits)
{
    if (isnan(value))
        printf("%*s  ", width, "-");
    else
        printf("%*.*f  ", width, digits, value);
}

static void print_size(uint64_t bytes, int width)
{
    char text[32];
    output_size(bytes, text, sizeof(text));
    printf("%*s  ", width, text);
}

static void print_row(const struct row *row)
{
    const char *name = json_text(row->process, "name"), *vm = json_text(row->process, "vm");
    char worker[32] = "-";
    if (row->worker)
        snprintf(worker, sizeof(worker), "%" PRIu64, row->worker);
    printf("%8" PRIu64 "  ", json_number(row->process, "pid"));
    print_rate(row->gpu_percent, 6, 1);
    print_rate(row->submissions, 9, 0);
    print_rate(row->requests, 10, 0);
    print_size(row->video_memory, 10);
    printf("%8s  ", worker);
    print_rate(row->cpu_percent, 6, 1);
    print_size(row->memory, 10);
    output_column(vm ? vm : "-", 16);
    fputs("  ", stdout);
    output_text(stdout, name ? name : "-");
    putchar('\n');
}

static void print_sums(const struct row *rows, size_t count)
{
    char memory[32], clock[16] = "";
    uint64_t sum = 0;
    time_t now = time(NULL);
    struct tm local;
    for (size_t i = 0; i < count; i++)
        sum += rows[i].video_memory;
    output_size(sum, memory, sizeof(memory));
    if (localtime_r(&now, &local))
        strftime(clock, sizeof(clock), "%H:%M:%S", &local);
    printf("%s  %zu guest process%s, %s of video memory\n\n", clock, count, count == 1 ? "" : "es",
           memory);
}

/* The lines of a terminal, or 0: this is none. */
static size_t terminal_lines(void)
{
    struct winsize size;
    if (!isatty(STDOUT_FILENO))
        return 0;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_row == 0 ? 24 : size.ws_row;
}

static void print_picture(const struct row *rows, size_t count)
{
    size_t lines = terminal_lines(), shown = count;
    if (lines) {
        fputs("\033[H\033[J", stdout);
        if (count + LINES_AROUND > lines)
            shown = lines > LINES_AROUND ? lines - LINES_AROUND : 1;
    }
    print_sums(rows, count);
    printf("%8s  %6s  %9s  %10s  %10s  %8s  %6s  %10s  %-16s  %s\n", "PID", "GPU%", "SUBMITS/S",
           "REQUESTS/S", "VIDEO", "WORKER", "CPU%", "MEMORY", "VM", "NAME");
    for (size_t i = 0; i < shown; i++)
        print_row(&rows[i]);
    if (shown < count)
        printf("and %zu more\n", count - shown);
    fflush(stdout);
}

/* With one digit behind the point; null for NAN. */
static void add_rate(json_object *object, const char *member, double value)
{
    char text[64];
    snprintf(text, sizeof(text), "%.1f", value);
    json_object_object_add(object, member,
                           isnan(value) ? NULL : json_object_new_double_s(value, text));
}

static void print_json(const struct row *rows, size_t count, double seconds)
{
    json_object *document = json_object_new_object(), *list = json_object_new_array();
    add_rate(document, "seconds", seconds);
    json_object_object_add(document, "processes", list);
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        json_object *object = json_object_new_object();
        json_add_number(object, "pid", json_number(row->process, "pid"));
        json_add_text(object, "name", json_text(row->process, "name"));
        json_add_text(object, "vm", json_text(row->process, "vm"));
        add_rate(object, "gpu_percent", row->gpu_percent);
        add_rate(object, "submissions_per_s", row->submissions);
        add_rate(object, "requests_per_s", row->requests);
        json_add_number(object, "video_memory", row->video_memory);
        if (row->worker)
            json_add_number(object, "worker_pid", row->worker);
        else
            json_object_object_add(object, "worker_pid", NULL);
        add_rate(object, "cpu_percent", row->cpu_percent);
        json_add_number(object, "memory", row->memory);
        json_object_array_add(list, object);
    }
    output_json(document);
    fflush(stdout);
}

/* --- The command --- */

static int take(const struct host_env *env, struct sample *sample, struct error *err)
{
    int result = control_ask(env->control, "processes", &sample->answer, err);
    sample->time_s = now_s();
    return result;
}

static int show(const struct cli *cli, const struct sample *before, const struct sample *after,
                struct error *err)
{
    struct row *rows;
    size_t count;
    if (!make_rows(before, after, &rows, &count))
        return error_set(err, -ENOMEM, "memory is short");
    if (output_is_json(cli))
        print_json(rows, count, after->time_s - before->time_s);
    else
        print_picture(rows, count);
    free(rows);
    return ferror(stdout) ? error_set(err, -EIO, "the output cannot be written") : 0;
}

/* `count` pictures; 0: until somebody ends it. */
static int watch(const struct cli *cli, const struct host_env *env, unsigned long long interval_s,
                 unsigned long long count, struct error *err)
{
    struct sample before, after;
    int result = take(env, &before, err);
    if (result)
        return result;
    bool hurries = terminal_lines() && !output_is_json(cli) && count != 1;
    for (unsigned long long i = 0; !result && (count == 0 || i < count); i++) {
        sleep_ms(hurries && i == 0 ? FIRST_INTERVAL_MS : interval_s * 1000);
        result = take(env, &after, err);
        if (result)
            break;
        result = show(cli, &before, &after, err);
        json_object_put(before.answer);
        before = after;
    }
    json_object_put(before.answer);
    return result;
}

enum exit_code cmd_host_top(const struct cli *cli)
{
    struct host_env env;
    struct error err = {0};
    const char *interval = cli_value(cli, "interval"), *count = cli_value(cli, "count");
    unsigned long long interval_s = DEFAULT_INTERVAL_S, pictures = 0;

    if (interval && (cli_parse_number(interval, 86400, &interval_s) < 0 || interval_s == 0))
        return output_fail(cli, EXIT_USAGE,
                           "--interval: \"%s\" is not a number of seconds from 1 to "
                           "86400",
                           interval);
    if (count && (cli_parse_number(count, 1000000000, &pictures) < 0 || pictures == 0))
        return output_fail(cli, EXIT_USAGE, "--count: \"%s\" is not a number from 1 to 1000000000",
                           count);
    /* What reads it wants an end. */
    if (!count && (output_is_json(cli) || !isatty(STDOUT_FILENO)))
        pictures = 1;
    int result = host_env_open(cli, &env, &err);
    if (result < 0)
        return output_error(cli, result, &err);
    result = watch(cli, &env, interval_s, pictures, &err);
    host_env_close(&env);
    return result < 0 ? output_error(cli, result, &err) : EXIT_DONE;
}
