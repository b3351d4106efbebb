/* SPDX-License-Identifier: MIT */
#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const level_words[] = {"error", "warning", "info", "debug"};

static atomic_int current_level = -1;
static atomic_int journal_prefix;

void log_set_level(enum log_level level)
{
    atomic_store(&current_level, (int)level);
}

void log_set_journal_prefix(int on)
{
    atomic_store(&journal_prefix, on);
}

int log_parse_level(const char *word, enum log_level *level)
{
    for (int i = 0; i < 4; i++) {
        if (!strcmp(word, level_words[i])) {
            *level = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

static int level_from_environment(void)
{
    enum log_level level = LOG_LEVEL_WARNING;
    const char *word = getenv("GPUPV_LOG");
    if (word)
        (void)log_parse_level(word, &level);
    return (int)level;
}

enum log_level log_get_level(void)
{
    int limit = atomic_load(&current_level);
    if (limit < 0) {
        limit = level_from_environment();
        atomic_store(&current_level, limit);
    }
    return (enum log_level)limit;
}

void log_message(enum log_level level, const char *subsystem, const char *file, int line,
                 const char *format, ...)
{
    int limit = (int)log_get_level();
    if ((int)level > limit)
        return;

    static const int syslog_priority[] = {3, 4, 6, 7};
    char text[2048];
    int used = 0;
    if (atomic_load(&journal_prefix))
        used = snprintf(text, sizeof(text), "<%d>", syslog_priority[level]);
    used += snprintf(text + used, sizeof(text) - (size_t)used, "gpupv[%s] %s: ", subsystem,
                     level_words[level]);

    va_list args;
    va_start(args, format);
    int body = vsnprintf(text + used, sizeof(text) - (size_t)used, format, args);
    va_end(args);
    if (body > 0)
        used += body;
    if (used > (int)sizeof(text) - 2)
        used = (int)sizeof(text) - 2;

    if ((level == LOG_LEVEL_ERROR || level == LOG_LEVEL_DEBUG) && limit == LOG_LEVEL_DEBUG) {
        int where = snprintf(text + used, sizeof(text) - (size_t)used - 1, " (%s:%d)", file, line);
        if (where > 0 && where < (int)sizeof(text) - used - 1)
            used += where;
    }
    text[used++] = '\n';

    ssize_t written = write(STDERR_FILENO, text, (size_t)used);
    (void)written; /* there is nowhere else to report a closed standard error */
}
