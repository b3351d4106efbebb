/* SPDX-License-Identifier: MIT */
#include "host/config_keys.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "host/config.h"
#include "host/policy.h"

/* The whole text as a number in `base` within [minimum, maximum]; no sign, no blanks. */
static int parse_number(const char *text, int base, unsigned long minimum, unsigned long maximum,
                        unsigned long *number)
{
    if (!isxdigit((unsigned char)text[0]))
        return -EINVAL;
    char *end;
    errno = 0;
    *number = strtoul(text, &end, base);
    if (errno || *end || *number < minimum || *number > maximum)
        return -EINVAL;
    return 0;
}

static int replace_text(const char *text, void *field, struct error *err)
{
    char *copy = strdup(text);
    if (!copy)
        return error_set(err, -ENOMEM, "out of memory");
    free(*(char **)field);
    *(char **)field = copy;
    return 0;
}

static int parse_text(const char *text, void *field, struct error *err)
{
    if (!*text)
        return error_set(err, -EINVAL, "must not be empty");
    return replace_text(text, field, err);
}

/* Paths are compared as text with what the hive holds, so there must be one way to write each. */
static int parse_path(const char *text, void *field, struct error *err)
{
    if (text[0] != '/' || !text[1])
        return error_set(err, -EINVAL, "must be an absolute path, not \"%s\"", text);
    for (const char *at = text; *at; at = strchrnul(at, '/')) {
        at++;
        size_t length = strcspn(at, "/");
        if (!length && !at[0] && at[-1] == '/')
            return error_set(err, -EINVAL, "must not end with '/': \"%s\"", text);
        if (!length || (length == 1 && at[0] == '.') || (length == 2 && !strncmp(at, "..", 2)))
            return error_set(err, -EINVAL, "must not hold \"//\", \".\" or \"..\": \"%s\"", text);
    }
    return replace_text(text, field, err);
}

static int parse_socket_path(const char *text, void *field, struct error *err)
{
    size_t limit = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
    if (strlen(text) > limit)
        return error_set(err, -ENAMETOOLONG, "a socket's path has at most %zu bytes: \"%s\"", limit,
                         text);
    return parse_path(text, field, err);
}

static int parse_mode(const char *text, void *field, struct error *err)
{
    unsigned long number;
    if (parse_number(text, 8, 0, 0777, &number))
        return error_set(err, -EINVAL, "must be an octal mode such as 0666, not \"%s\"", text);
    *(mode_t *)field = (mode_t)number;
    return 0;
}

static int parse_allow_deny(const char *text, void *field, struct error *err)
{
    if (strcmp(text, "allow") && strcmp(text, "deny"))
        return error_set(err, -EINVAL, "must be allow or deny, not \"%s\"", text);
    *(bool *)field = !strcmp(text, "allow");
    return 0;
}

static int parse_guard(const char *text, void *field, struct error *err)
{
    enum guard_mode mode;
    if (guard_parse_mode(text, &mode) || mode == GUARD_STRICT)
        return error_set(err, -EINVAL, "must be off, warn or enforce, not \"%s\"", text);
    *(enum guard_mode *)field = mode;
    return 0;
}

static int parse_log(const char *text, void *field, struct error *err)
{
    enum log_level level;
    if (log_parse_level(text, &level))
        return error_set(err, -EINVAL, "must be error, warning, info or debug, not \"%s\"", text);
    *(enum log_level *)field = level;
    return 0;
}

static int parse_worker_memory(const char *text, void *field, struct error *err)
{
    static const char *const words[] = {"auto", "import", "export", "messages"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!strcmp(text, words[i])) {
            *(const char **)field = words[i];
            return 0;
        }
    }
    return error_set(err, -EINVAL, "must be auto, import, export or messages, not \"%s\"", text);
}

static int parse_range(const char *text, unsigned long maximum, void *field, struct error *err)
{
    unsigned long number;
    if (parse_number(text, 10, 1, maximum, &number))
        return error_set(err, -EINVAL, "must be a number from 1 to %lu, not \"%s\"", maximum, text);
    *(unsigned *)field = (unsigned)number;
    return 0;
}

static int parse_max_clients(const char *text, void *field, struct error *err)
{
    return parse_range(text, 65536, field, err);
}

/* Bytes, or thousands of them in powers of 1024: "512M", "2G". */
static int parse_size(const char *text, void *field, struct error *err)
{
    static const char units[] = "KMGT";
    size_t digits = strspn(text, "0123456789");
    const char *unit = text[digits] ? strchr(units, toupper((unsigned char)text[digits])) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    uint64_t number = 0;
    bool valid = digits && digits < 19 && text[digits + (unit != NULL)] == '\0';
    if (valid)
        number = strtoull(text, NULL, 10);
    if (!valid || !number || number > (UINT64_C(1) << 62) >> shift)
        return error_set(err, -EINVAL,
                         "must be a number of bytes such as 512M or 2G (K, M, G or T), not \"%s\"",
                         text);
    *(uint64_t *)field = number << shift;
    return 0;
}

static int parse_timeout(const char *text, void *field, struct error *err)
{
    return parse_range(text, 600, field, err);
}

static int parse_warm_workers(const char *text, void *field, struct error *err)
{
    unsigned long number;
    if (parse_number(text, 10, 0, CONFIG_MAX_WARM_WORKERS, &number))
        return error_set(err, -EINVAL, "must be a number from 0 to %d, not \"%s\"",
                         CONFIG_MAX_WARM_WORKERS, text);
    *(unsigned *)field = (unsigned)number;
    return 0;
}

static int parse_yes_no(const char *text, void *field, struct error *err)
{
    static const char *const words[][2] = {{"no", "yes"}, {"false", "true"}, {"0", "1"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (int on = 0; on < 2; on++) {
            if (!strcasecmp(text, words[i][on])) {
                *(bool *)field = on;
                return 0;
            }
        }
    }
    return error_set(err, -EINVAL, "must be yes or no, not \"%s\"", text);
}

static int parse_class_key(const char *text, void *field, struct error *err)
{
    unsigned long number;
    if (strlen(text) > 4 || parse_number(text, 10, 0, CONFIG_MAX_CLASS_KEY, &number))
        return error_set(err, -EINVAL, "must be up to four decimal digits, not \"%s\"", text);
    *(int *)field = (int)number;
    return 0;
}

static int parse_service_name(const char *text, void *field, struct error *err)
{
    size_t length = strlen(text);
    if (!length || length > 255 || strpbrk(text, "\\/"))
        return error_set(err, -EINVAL, "must be the name of one registry key, not \"%s\"", text);
    return replace_text(text, field, err);
}

static int parse_luid(const char *text, void *field, struct error *err)
{
    char high_text[9];
    size_t high_length = strcspn(text, ":");
    unsigned long high, low;
    if (high_length && high_length < sizeof(high_text) && text[high_length] == ':' &&
        strlen(text + high_length + 1) <= 8) {
        memcpy(high_text, text, high_length);
        high_text[high_length] = '\0';
        if (!parse_number(high_text, 16, 0, UINT32_MAX, &high) &&
            !parse_number(text + high_length + 1, 16, 0, UINT32_MAX, &low) && (high || low)) {
            *(uint64_t *)field = (uint64_t)high << 32 | low;
            return 0;
        }
    }
    return error_set(err, -EINVAL, "must be HIGH:LOW in hexadecimal and not zero, not \"%s\"",
                     text);
}

static void free_words(char **words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(words[i]);
    free(words);
}

/* The elements of a comma list, without the blanks around them. */
static int split_list(const char *text, size_t limit, char ***list, size_t *list_count,
                      struct error *err)
{
    char **words = calloc(limit, sizeof(*words));
    if (!words)
        return error_set(err, -ENOMEM, "out of memory");
    size_t count = 0;
    int result = 0;
    for (const char *at = text; !result; at++) {
        at += strspn(at, " \t");
        size_t whole = strcspn(at, ","), length = whole;
        while (length && isspace((unsigned char)at[length - 1]))
            length--;
        if (!length)
            result = error_set(err, -EINVAL, "has an empty element: \"%s\"", text);
        else if (count == limit)
            result = error_set(err, -E2BIG, "has more than %zu elements", limit);
        else if (!(words[count] = strndup(at, length)))
            result = error_set(err, -ENOMEM, "out of memory");
        else
            count++;
        at += whole;
        if (!*at)
            break;
    }
    if (result) {
        free_words(words, count);
        return result;
    }
    *list = words;
    *list_count = count;
    return 0;
}

static int parse_linked(const char *text, void *field, struct error *err)
{
    /* The key's place is the list's pointer; the count stands beside it in the same structure. */
    struct config_adapter *adapter =
        (struct config_adapter *)((char *)field - offsetof(struct config_adapter, linked));
    char **words;
    size_t count;
    int result = split_list(text, CONFIG_MAX_LINKED, &words, &count, err);
    if (result)
        return result;
    free_words(adapter->linked, adapter->linked_count);
    adapter->linked = words;
    adapter->linked_count = count;
    return 0;
}

/* Puts a pattern into the form that is matched. One that cannot match anything is a mistake. */
static int take_pattern(char **pattern, struct error *err)
{
    if ((*pattern)[0] != '*' && !strchr(*pattern, '\\'))
        return error_set(err, -EINVAL,
                         "a pattern starts with \"adapter\\\", \"service\\\" or \"*\", not "
                         "like \"%s\"",
                         *pattern);
    char *folded = policy_fold(*pattern);
    if (!folded)
        return error_set(err, -EILSEQ, "a pattern is not UTF-8");
    free(*pattern);
    *pattern = folded;
    return 0;
}

/* An empty text is the empty list. `take` checks an element, and may replace it. */
static int parse_list(const char *text, void *field, int (*take)(char **word, struct error *err),
                      struct error *err)
{
    struct config_patterns *list = field, read = {0};
    int result = 0;
    if (*text)
        result = split_list(text, CONFIG_MAX_PATTERNS, &read.patterns, &read.count, err);
    for (size_t i = 0; i < read.count && !result; i++)
        result = take(&read.patterns[i], err);
    if (result) {
        free_words(read.patterns, read.count);
        return result;
    }
    free_words(list->patterns, list->count);
    *list = read;
    return 0;
}

static int parse_patterns(const char *text, void *field, struct error *err)
{
    return parse_list(text, field, take_pattern, err);
}

/* A pattern that matched everything would be a sandbox without walls. */
static int take_file(char **word, struct error *err)
{
    const char *text = *word;
    if (text[0] != '/' || !text[1] || strchr("*?[", text[1]))
        return error_set(err, -EINVAL, "a file starts with \"/\" and a name, not like \"%s\"",
                         text);
    return 0;
}

static int parse_files(const char *text, void *field, struct error *err)
{
    return parse_list(text, field, take_file, err);
}

int config_vm_set_defaults(const char *name, struct config_vm *vm)
{
    *vm = (struct config_vm){.name = strdup(name),
                             .socket_mode = 0666,
                             .escapes = true,
                             .listing = true,
                             .aperture = true,
                             .max_clients = 256};
    if (asprintf(&vm->socket, "/run/gpupv/vm/%s.sock", name) < 0)
        vm->socket = NULL;
    bool failed = !vm->name || !vm->socket || parse_patterns(POLICY_DEFAULT_DENY, &vm->deny, NULL);
    return failed ? -ENOMEM : 0;
}

/* [service] has the keys of the VM that it stands for. */
#define SERVICE(field) offsetof(struct config, field)
#define DEFAULT_VM(field) offsetof(struct config, default_vm.field)
static const struct config_key service_keys[] = {
    {"socket", DEFAULT_VM(socket), parse_socket_path},
    {"socket-mode", DEFAULT_VM(socket_mode), parse_mode},
    {"escapes", DEFAULT_VM(escapes), parse_allow_deny},
    {"secure", DEFAULT_VM(secure), parse_yes_no},
    {"listing", DEFAULT_VM(listing), parse_allow_deny},
    {"aperture", DEFAULT_VM(aperture), parse_yes_no},
    {"registry-allow", DEFAULT_VM(allow), parse_patterns},
    {"registry-deny", DEFAULT_VM(deny), parse_patterns},
    {"control", SERVICE(control), parse_socket_path},
    {"hive", SERVICE(hive), parse_path},
    {"store", SERVICE(store), parse_path},
    {"guest-store", SERVICE(guest_store), parse_path},
    {"private-data-guard", SERVICE(guard), parse_guard},
    {"video-memory", DEFAULT_VM(video_memory), parse_size},
    {"max-clients", SERVICE(max_clients), parse_max_clients},
    {"log", SERVICE(log), parse_log},
    {"probe-timeout", SERVICE(probe_timeout), parse_timeout},
    {"warm-workers", SERVICE(warm_workers), parse_warm_workers},
    {"worker-sandbox", SERVICE(worker_sandbox), parse_yes_no},
    {"worker-files", SERVICE(worker_files), parse_files},
    {"worker-memory", SERVICE(worker_memory), parse_worker_memory},
    {"worker-validation", SERVICE(worker_validation), parse_yes_no},
};

#define ADAPTER(field) offsetof(struct config_adapter, field)
static const struct config_key adapter_keys[] = {
    {"icd", ADAPTER(icd), parse_path},
    {"device", ADAPTER(device), parse_text},
    {"linked", ADAPTER(linked), parse_linked},
    {"description", ADAPTER(description), parse_text},
    {"service", ADAPTER(service), parse_service_name},
    {"key", ADAPTER(key), parse_class_key},
    {"luid", ADAPTER(luid), parse_luid},
    {"enabled", ADAPTER(enabled), parse_yes_no},
};

#define VM(field) offsetof(struct config_vm, field)
static const struct config_key vm_keys[] = {
    {"socket", VM(socket), parse_socket_path},
    {"socket-mode", VM(socket_mode), parse_mode},
    {"escapes", VM(escapes), parse_allow_deny},
    {"secure", VM(secure), parse_yes_no},
    {"listing", VM(listing), parse_allow_deny},
    {"aperture", VM(aperture), parse_yes_no},
    {"registry-allow", VM(allow), parse_patterns},
    {"registry-deny", VM(deny), parse_patterns},
    {"max-clients", VM(max_clients), parse_max_clients},
    {"video-memory", VM(video_memory), parse_size},
};

_Static_assert(sizeof(service_keys) / sizeof(service_keys[0]) <= CONFIG_MAX_KEYS,
               "raise the limit");
_Static_assert(sizeof(adapter_keys) / sizeof(adapter_keys[0]) <= CONFIG_MAX_KEYS,
               "raise the limit");
_Static_assert(sizeof(vm_keys) / sizeof(vm_keys[0]) <= CONFIG_MAX_KEYS, "raise the limit");

const struct config_key *config_service_keys(size_t *count)
{
    *count = sizeof(service_keys) / sizeof(service_keys[0]);
    return service_keys;
}

const struct config_key *config_adapter_keys(size_t *count)
{
    *count = sizeof(adapter_keys) / sizeof(adapter_keys[0]);
    return adapter_keys;
}

const struct config_key *config_vm_keys(size_t *count)
{
    *count = sizeof(vm_keys) / sizeof(vm_keys[0]);
    return vm_keys;
}
