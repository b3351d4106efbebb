/* SPDX-License-Identifier: MIT */
/*
 * One log function for every part. Messages go to standard error, one line each:
 *   gpupv[subsystem] level: text (file:line for debug and error)
 * The level is taken once from GPUPV_LOG (error, warning, info, debug; default warning) unless
 * log_set_level() was called before. Thread-safe: one write(2) a message.
 */
#ifndef GPUPV_UTIL_LOG_H
#define GPUPV_UTIL_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* Parses "error", "warning", "info" or "debug". Returns 0, or -EINVAL for another word. */
int log_parse_level(const char *word, enum log_level *level);

/* Prefixes lines with "<N>", which the journal understands, when `on`. For the service. */
void log_set_journal_prefix(int on);

void log_message(enum log_level level, const char *subsystem, const char *file, int line,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

#define log_error(subsystem, ...) \
    log_message(LOG_LEVEL_ERROR, subsystem, __FILE__, __LINE__, __VA_ARGS__)
#define log_warning(subsystem, ...) \
    log_message(LOG_LEVEL_WARNING, subsystem, __FILE__, __LINE__, __VA_ARGS__)
#define log_info(subsystem, ...) \
    log_message(LOG_LEVEL_INFO, subsystem, __FILE__, __LINE__, __VA_ARGS__)
#define log_debug(subsystem, ...) \
    log_message(LOG_LEVEL_DEBUG, subsystem, __FILE__, __LINE__, __VA_ARGS__)

#endif
