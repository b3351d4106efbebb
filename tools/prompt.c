/* SPDX-License-Identifier: MIT */
#include "tools/prompt.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "tools/output.h"

bool prompt_possible(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool prompt_confirm(const char *format, ...)
{
    char question[1024], *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    va_list args;
    bool yes;

    va_start(args, format);
    vsnprintf(question, sizeof(question), format, args);
    va_end(args);
    output_text(stderr, question);
    fputs(" [y/N] ", stderr);

    length = getline(&line, &capacity, stdin);
    if (length > 0 && line[length - 1] == '\n')
        line[length - 1] = '\0';
    yes = length > 0 && (strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0);
    free(line);
    return yes;
}

/* The one line of progress that a process shows. The work goes on in the caller's thread; this one
 * only counts. */
static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended_cond;
    bool running, ended; /* `ended` under the lock */
    char text[256];
} progress = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended_cond = PTHREAD_COND_INITIALIZER};

static void *show_progress(void *unused)
{
    struct timespec until;
    unsigned seconds = 0;

    (void)unused;
    clock_gettime(CLOCK_REALTIME, &until);
    pthread_mutex_lock(&progress.lock);
    while (!progress.ended) {
        until.tv_sec++;
        while (!progress.ended &&
               pthread_cond_timedwait(&progress.ended_cond, &progress.lock, &until) != ETIMEDOUT)
            continue;
        if (!progress.ended) {
            fputs("\r", stderr);
            output_text(stderr, progress.text);
            fprintf(stderr, "… %u s", ++seconds);
        }
    }
    pthread_mutex_unlock(&progress.lock);
    if (seconds)
        fputs("\r\033[K", stderr);
    return NULL;
}

void progress_begin(const char *format, ...)
{
    va_list args;

    if (!isatty(STDERR_FILENO))
        return;
    va_start(args, format);
    vsnprintf(progress.text, sizeof(progress.text), format, args);
    va_end(args);
    progress.ended = false;
    /* Without the thread the work is only silent. */
    progress.running = pthread_create(&progress.thread, NULL, show_progress, NULL) == 0;
}

void progress_end(void)
{
    if (!progress.running)
        return;
    pthread_mutex_lock(&progress.lock);
    progress.ended = true;
    pthread_cond_signal(&progress.ended_cond);
    pthread_mutex_unlock(&progress.lock);
    pthread_join(progress.thread, NULL);
    progress.running = false;
}
