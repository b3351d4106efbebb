/* SPDX-License-Identifier: MIT */
#include "tools/copy_progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tools/output.h"

#define NS_PER_SECOND 1000000000ll
#define BAR_INTERVAL (NS_PER_SECOND / 10)
#define LINE_INTERVAL (10 * NS_PER_SECOND)
#define BAR_WIDTH 24

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

void copy_progress_init(struct copy_progress *progress, bool silent)
{
    *progress = (struct copy_progress){.silent = silent, .terminal = isatty(STDERR_FILENO)};
}

static int terminal_columns(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

static void format_time(double seconds, char *text, size_t size)
{
    unsigned long whole = seconds < 0 || seconds > 359999 ? 359999 : (unsigned long)(seconds + 0.5);

    if (whole >= 3600)
        snprintf(text, size, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(text, size, "%lu:%02lu", whole / 60, whole % 60);
}

void copy_progress_format(char *line, size_t size, int columns, const char *what, uint64_t done,
                          uint64_t reused, uint64_t total, double seconds)
{
    char bar[BAR_WIDTH + 1], done_text[32], total_text[32], tail[192], rate_text[96] = "";
    double part = total ? (double)done / (double)total : 1;
    size_t full = part >= 1 ? BAR_WIDTH : (size_t)(part * BAR_WIDTH);
    uint64_t moved = done > reused ? done - reused : 0;

    memset(bar, ' ', BAR_WIDTH);
    memset(bar, '#', full);
    bar[BAR_WIDTH] = '\0';
    output_size(done, done_text, sizeof(done_text));
    output_size(total, total_text, sizeof(total_text));
    /* Before there is something to measure, a rate would be a guess. */
    if (seconds >= 0.2 && moved) {
        char per_second[32], left[32];
        double rate = (double)moved / seconds;

        output_size((uint64_t)rate, per_second, sizeof(per_second));
        format_time(total > done ? (double)(total - done) / rate : 0, left, sizeof(left));
        snprintf(rate_text, sizeof(rate_text), "  %s/s  ETA %s", per_second, left);
    }
    snprintf(tail, sizeof(tail), " [%s] %3u%%  %s of %s%s", bar,
             (unsigned)((part > 1 ? 1 : part) * 100), done_text, total_text, rate_text);
    /* The name gives way, then the end of the line. */
    int room = columns - 1 - (int)strlen(tail);
    snprintf(line, size, "%.*s%s", room > 8 ? room : 8, what, tail);
    if (columns > 1 && strlen(line) > (size_t)columns - 1)
        line[columns - 1] = '\0';
}

void copy_progress_update(struct copy_progress *progress, const char *what, uint64_t done,
                          uint64_t reused, uint64_t total)
{
    int64_t now = now_ns();
    char line[512];
    bool first = !progress->start;

    if (progress->silent)
        return;
    if (first) {
        progress->start = now;
        progress->last = progress->terminal ? 0 : now;
    }
    if (now - progress->last < (progress->terminal ? BAR_INTERVAL : LINE_INTERVAL))
        return;
    progress->last = now;
    progress->open = true;
    copy_progress_format(line, sizeof(line), progress->terminal ? terminal_columns() : 200, what,
                         done, reused, total, (double)(now - progress->start) / NS_PER_SECOND);
    if (progress->terminal)
        fputs("\r", stderr);
    output_text(stderr, line);
    fputs(progress->terminal ? "\033[K" : "\n", stderr);
    fflush(stderr);
}

double copy_progress_end(struct copy_progress *progress)
{
    double seconds = progress->start ? (double)(now_ns() - progress->start) / NS_PER_SECOND : 0;

    if (progress->open && progress->terminal)
        fputs("\r\033[K", stderr);
    progress->open = false;
    progress->start = progress->last = 0;
    return seconds;
}
