/* SPDX-License-Identifier: MIT */
#include "hoststore/inf_driver.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VERSION_PARTS 5 /* major, minor, product type, suite mask, build */

const char *inf_decoration(const char *architecture)
{
    static const struct {
        const char *ours, *theirs;
    } names[] = {{"x86_64", "amd64"}, {"i386", "x86"}, {"aarch64", "arm64"}, {"arm", "arm"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcmp(names[i].ours, architecture))
            return names[i].theirs;
    }
    return NULL;
}

/* [Version]. */

/* "02/06/2025" as "2025-02-06". */
static int read_date(const struct inf *inf, const struct inf_line *line, char date[16],
                     struct error *err)
{
    const char *text = inf_field(line, 0);
    unsigned month, day, year;
    int used = 0;
    if (sscanf(text, "%2u%*1[/-]%2u%*1[/-]%4u%n", &month, &day, &year, &used) != 3 ||
        text[used] || !month || month > 12 || !day || day > 31 || year < 1000)
        return inf_error(inf, line, -EINVAL, err,
                         "DriverVer has the date \"%s\", MM/DD/YYYY is needed", text);
    snprintf(date, 16, "%04u-%02u-%02u", year % 10000, month % 100, day % 100);
    return 0;
}

static bool is_version(const char *text)
{
    unsigned parts = 0;
    for (;;) {
        size_t digits = strspn(text, "0123456789");
        if (!digits || digits > 5 || ++parts > 4)
            return false;
        if (!text[digits])
            return true;
        if (text[digits] != '.')
            return false;
        text += digits + 1;
    }
}

static int read_driver_version(const struct inf *inf, const struct inf_section *section,
                               struct inf_driver *driver, struct error *err)
{
    const struct inf_line *line = inf_find_line(section, "DriverVer");
    if (!line)
        return error_set(err, -EINVAL,
                         "%s: [Version] has no DriverVer (DriverVer = MM/DD/YYYY,1.2.3.4)",
                         inf->name);
    int result = read_date(inf, line, driver->date, err);
    if (result)
        return result;
    const char *version = *inf_field(line, 1) ? inf_field(line, 1) : "0.0.0.0";
    if (!is_version(version))
        return inf_error(inf, line, -EINVAL, err,
                         "DriverVer has the version \"%s\"; one to four numbers with dots between "
                         "are needed",
                         version);
    snprintf(driver->version, sizeof(driver->version), "%s", version);
    return 0;
}

static int read_version_section(const struct inf *inf, struct inf_driver *driver,
                                struct error *err)
{
    const struct inf_section *section = inf_find(inf, "Version");
    if (!section)
        return error_set(err, -EINVAL, "%s: it has no [Version] section, so it is no INF file",
                         inf->name);
    const struct inf_line *line = inf_find_line(section, "Signature");
    const char *signature = inf_field(line, 0);
    if (strcasecmp(signature, "$WINDOWS NT$") != 0 && strcasecmp(signature, "$CHICAGO$") != 0)
        return error_set(err, -EINVAL,
                         "%s:%u: [Version] has the Signature \"%s\"; \"$WINDOWS NT$\" is needed",
                         inf->name, line ? line->number : 1, signature);
    driver->class_name = inf_field(inf_find_line(section, "Class"), 0);
    driver->class_guid = inf_field(inf_find_line(section, "ClassGuid"), 0);
    driver->provider = inf_field(inf_find_line(section, "Provider"), 0);
    driver->catalog = inf_field(inf_find_line(section, "CatalogFile"), 0);
    return read_driver_version(inf, section, driver, err);
}

/* Models. */

/* How well a decoration fits; worse than any other: kind 0. */
struct rank {
    unsigned kind; /* 3: architecture, 2: NT alone, 1: none */
    unsigned long version[VERSION_PARTS];
};

static struct rank rank_decoration(const char *decoration, const char *architecture)
{
    struct rank rank = {0};
    if (strncasecmp(decoration, "NT", 2) != 0)
        return rank;
    const char *at = decoration + 2;
    size_t length = strcspn(at, ".");
    if (!length)
        rank.kind = 2;
    else if (architecture && strlen(architecture) == length &&
             !strncasecmp(at, architecture, length))
        rank.kind = 3;
    at += length;
    for (unsigned i = 0; *at == '.' && i < VERSION_PARTS; i++) {
        at++;
        rank.version[i] = strtoul(at, NULL, 0);
        at += strcspn(at, ".");
    }
    return rank;
}

static bool is_better(const struct rank *a, const struct rank *b)
{
    if (a->kind != b->kind)
        return a->kind > b->kind;
    for (unsigned i = 0; i < VERSION_PARTS; i++) {
        if (a->version[i] != b->version[i])
            return a->version[i] > b->version[i];
    }
    return false;
}

static const struct inf_section *find_decorated(const struct inf *inf, const char *name,
                                                const char *decoration)
{
    char *full = NULL;
    if (!*decoration)
        return inf_find(inf, name);
    if (asprintf(&full, "%s.%s", name, decoration) < 0)
        return NULL;
    const struct inf_section *section = inf_find(inf, full);
    free(full);
    return section;
}

/* The models section that a line of [Manufacturer] means. NULL if none is for us. */
static const struct inf_section *find_models(const struct inf *inf, const struct inf_line *line,
                                             const char *architecture)
{
    const struct inf_section *best = NULL;
    struct rank best_rank = {0};
    /* Field 0 is the section's name, which stands for no decoration. */
    for (size_t i = 0; i < line->count; i++) {
        const char *decoration = i ? line->fields[i] : "";
        struct rank rank =
            i ? rank_decoration(decoration, architecture) : (struct rank){.kind = 1};
        const struct inf_section *section;
        if (!is_better(&rank, &best_rank))
            continue;
        section = find_decorated(inf, line->fields[0], decoration);
        if (section) {
            best = section;
            best_rank = rank;
        }
    }
    return best;
}

static int add_models(const struct inf *inf, const struct inf_section *section,
                      const char *manufacturer, struct inf_driver *driver, struct error *err)
{
    struct inf_model *grown = reallocarray(driver->models, driver->model_count + section->count + 1,
                                           sizeof(*driver->models));
    if (!grown)
        return error_set(err, -ENOMEM, "%s: out of memory", inf->name);
    driver->models = grown;
    for (size_t i = 0; i < section->count; i++) {
        const struct inf_line *line = &section->lines[i];
        if (!line->key || !*inf_field(line, 0))
            return inf_error(inf, line, -EINVAL, err,
                             "a line of the models section [%s] is not DESCRIPTION = "
                             "INSTALL-SECTION, HARDWARE-ID",
                             section->name);
        driver->models[driver->model_count++] = (struct inf_model){
            line, line->key, inf_field(line, 0), inf_field(line, 1), manufacturer};
    }
    return 0;
}

static int read_models(const struct inf *inf, struct inf_driver *driver, struct error *err)
{
    const struct inf_section *section = inf_find(inf, "Manufacturer");
    if (!section)
        return error_set(err, -EINVAL, "%s: it has no [Manufacturer] section", inf->name);
    for (size_t i = 0; i < section->count; i++) {
        const struct inf_line *line = &section->lines[i];
        const struct inf_section *models =
            find_models(inf, line, inf_decoration(driver->architecture));
        if (!models)
            continue;
        if (driver->model_count > INF_MAX_FIELDS)
            return inf_error(inf, line, -E2BIG, err, "the file has too many models");
        int result = add_models(inf, models, line->key ? line->key : line->fields[0], driver, err);
        if (result)
            return result;
    }
    if (!driver->model_count)
        return error_set(err, -ENOENT, "%s: it has no models section for %s", inf->name,
                         driver->architecture);
    return 0;
}

int inf_driver_read(const struct inf *inf, const char *architecture, struct inf_driver *result,
                    struct error *err)
{
    struct inf_driver driver = {.architecture = architecture};
    int code = read_version_section(inf, &driver, err);
    if (!code)
        code = read_models(inf, &driver, err);
    if (code)
        inf_driver_finish(&driver);
    else
        *result = driver;
    return code;
}

void inf_driver_finish(struct inf_driver *driver)
{
    free(driver->models);
    driver->models = NULL;
    driver->model_count = 0;
}

static bool is_wanted(const struct inf_model *model, const char *wanted)
{
    if (!strcasecmp(model->description, wanted))
        return true;
    for (size_t i = 1; i < model->line->count; i++) {
        if (!strcasecmp(model->line->fields[i], wanted))
            return true;
    }
    return false;
}

/* Names as many as fit into a message. */
static void list_models(const struct inf_driver *driver, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < driver->model_count; i++) {
        const struct inf_model *model = &driver->models[i];
        int length = snprintf(text + used, size - used, "%s\"%s\" (%s)", i ? ", " : "",
                              model->description, model->hardware_id);
        if (length < 0 || (size_t)length >= size - used) {
            snprintf(text + used, size - used, ", …");
            break;
        }
        used += (size_t)length;
    }
}

int inf_driver_choose(const struct inf *inf, const struct inf_driver *driver, const char *wanted,
                      const struct inf_model **model, struct error *err)
{
    const struct inf_model *found = NULL;
    char list[512];
    for (size_t i = 0; i < driver->model_count; i++) {
        const struct inf_model *candidate = &driver->models[i];
        if (wanted && !is_wanted(candidate, wanted))
            continue;
        if (found && strcasecmp(found->section, candidate->section) != 0) {
            list_models(driver, list, sizeof(list));
            return error_set(err, -EINVAL,
                             "%s: it has several models; choose one by its hardware ID or "
                             "description: %s",
                             inf->name, list);
        }
        if (!found)
            found = candidate;
    }
    if (!found) {
        list_models(driver, list, sizeof(list));
        return error_set(err, -ENOENT, "%s: it has no model \"%s\"; it has: %s", inf->name, wanted,
                         list);
    }
    *model = found;
    return 0;
}
