/* SPDX-License-Identifier: MIT */
#include "hoststore/inf_install.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hoststore/inf_files.h"
#include "hoststore/inf_value.h"
#include "hoststore/paths.h"
#include "util/log.h"

#define FUNCTION_DRIVER 0x2 /* flag of AddService */

static void warn(const struct inf *inf, const struct inf_line *line, const char *what,
                 const char *name)
{
    log_warning("inf", "%s:%u: %s %s", inf->name, line->number, name, what);
}

static int grow(void **array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return 0;
    size_t wanted = *capacity ? 2 * *capacity : 16;
    void *grown = reallocarray(*array, wanted, size);
    if (!grown)
        return -ENOMEM;
    *array = grown;
    *capacity = wanted;
    return 0;
}

/* Sections can be listed again and again, and need each other: what they lead to is limited. */
static int count_step(struct inf_install *install, const struct inf_line *line, struct error *err)
{
    return ++install->steps > INF_MAX_STEPS
               ? inf_error(install->inf, line, -E2BIG, err,
                           "the install section leads to more than %d lines", INF_MAX_STEPS)
               : 0;
}

/* The type that AddReg's flags tell: bit 0 and the upper half. */
static int read_type(uint32_t flags, enum reg_type *type)
{
    static const struct {
        uint32_t flags;
        enum reg_type type;
    } types[] = {
        {0x00000000, REG_TYPE_SZ},       {0x00000001, REG_TYPE_BINARY},
        {0x00010000, REG_TYPE_MULTI_SZ}, {0x00010001, REG_TYPE_DWORD},
        {0x00020000, REG_TYPE_EXPAND_SZ}, {0x000b0001, REG_TYPE_QWORD},
        {0x00030001, REG_TYPE_BINARY},   {0x00040001, REG_TYPE_DWORD},
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].flags == (flags & 0xffff0001)) {
            *type = types[i].type;
            return 0;
        }
    }
    return -EINVAL;
}

static int add_setting(struct inf_install *install, const struct inf_line *line, bool service,
                       struct error *err)
{
    const char *root = inf_field(line, INF_ROOT), *flags = inf_field(line, INF_FLAGS);
    long long number = 0;
    struct inf_setting setting = {.line = line, .service = service};
    if (count_step(install, line, err))
        return -E2BIG;
    if (strcasecmp(root, "HKR") != 0) {
        if (strcasecmp(root, "HKLM") != 0 && strcasecmp(root, "HKCR") != 0 &&
            strcasecmp(root, "HKCU") != 0 && strcasecmp(root, "HKU") != 0)
            return inf_error(install->inf, line, -EINVAL, err,
                             "\"%s\" is no registry root; HKR is the driver's", root);
        warn(install->inf, line, "is not the driver's own key, the entry is left out", root);
        return 0;
    }
    if (*flags && (inf_number(flags, &number) < 0 || number < 0 || number > UINT32_MAX))
        return inf_error(install->inf, line, -EINVAL, err,
                         "\"%s\" is no type: a number or a name such as %%REG_MULTI_SZ%% is "
                         "needed",
                         flags);
    setting.flags = (uint32_t)number;
    if (read_type(setting.flags, &setting.type))
        return inf_error(install->inf, line, -EINVAL, err,
                         "0x%08x is the type of none of REG_SZ, REG_EXPAND_SZ, REG_MULTI_SZ, "
                         "REG_DWORD, REG_QWORD and REG_BINARY",
                         (unsigned)setting.flags);
    if (grow((void **)&install->settings, install->setting_count, &install->setting_capacity,
             sizeof(setting)))
        return inf_error(install->inf, line, -ENOMEM, err, "out of memory");
    install->settings[install->setting_count++] = setting;
    return 0;
}

/* The sections that an AddReg line lists. */
static int add_registry(struct inf_install *install, const struct inf_line *line, bool service,
                        struct error *err)
{
    for (size_t i = 0; i < line->count; i++) {
        if (!*line->fields[i])
            continue;
        if (count_step(install, line, err))
            return -E2BIG;
        const struct inf_section *section = inf_find(install->inf, line->fields[i]);
        if (!section)
            return inf_error(install->inf, line, -EINVAL, err, "there is no section [%s]",
                             line->fields[i]);
        for (size_t j = 0; j < section->count; j++) {
            int result = add_setting(install, &section->lines[j], service, err);
            if (result)
                return result;
        }
    }
    return 0;
}

/* [SourceDisksFiles.amd64], else [SourceDisksFiles]. */
static const struct inf_line *find_source_line(const struct inf_install *install,
                                               const char *section, const char *key)
{
    const char *decoration = inf_decoration(install->driver->architecture);
    const struct inf_line *line = NULL;
    char name[64];
    if (decoration) {
        snprintf(name, sizeof(name), "%s.%s", section, decoration);
        line = inf_find_line(inf_find(install->inf, name), key);
    }
    return line ? line : inf_find_line(inf_find(install->inf, section), key);
}

static int add_file(struct inf_install *install, const struct inf_line *line, const char *name,
                    struct error *err)
{
    if (count_step(install, line, err))
        return -E2BIG;
    const struct inf_line *file = find_source_line(install, "SourceDisksFiles", name);
    const struct inf_line *disk =
        file ? find_source_line(install, "SourceDisksNames", inf_field(file, 0)) : NULL;
    char *path = inf_path_join(inf_field(disk, 3), inf_field(file, 1), name);
    struct error why;
    if (!path)
        return inf_error(install->inf, line, -ENOMEM, err, "out of memory");
    int result = store_path_check_relative(path, &why);
    if (result) {
        inf_error(install->inf, line, result, err, "the file \"%s\": %s", path, why.text);
        goto out_path;
    }
    result = grow((void **)&install->files, install->file_count, &install->file_capacity,
                  sizeof(*install->files));
    if (result) {
        inf_error(install->inf, line, result, err, "out of memory");
        goto out_path;
    }
    install->files[install->file_count++] = (struct inf_file){line, path};
    return 0;
out_path:
    free(path);
    return result;
}

/* Sections of files, or "@FILE". */
static int add_files(struct inf_install *install, const struct inf_line *line, struct error *err)
{
    int result = 0;
    for (size_t i = 0; !result && i < line->count; i++) {
        const char *name = line->fields[i];
        if (!*name)
            continue;
        if (count_step(install, line, err))
            return -E2BIG;
        if (*name == '@') {
            result = add_file(install, line, name + 1, err);
            continue;
        }
        const struct inf_section *section = inf_find(install->inf, name);
        if (!section)
            return inf_error(install->inf, line, -EINVAL, err, "there is no section [%s]", name);
        for (size_t j = 0; !result && j < section->count; j++) {
            const struct inf_line *file = &section->lines[j];
            /* Target, source: the latter only where it has another name. */
            const char *source = *inf_field(file, 1) ? inf_field(file, 1) : inf_field(file, 0);
            result = add_file(install, file, source, err);
        }
    }
    return result;
}

/* --- [DDInstall] -------------------------------------------------------------------------- */

static int take_section(struct inf_install *install, const struct inf_section *section,
                        unsigned depth, struct error *err);

static int take_needs(struct inf_install *install, const struct inf_line *line, unsigned depth,
                      struct error *err)
{
    if (depth == INF_MAX_NEEDS)
        return inf_error(install->inf, line, -EINVAL, err,
                         "sections need each other more than %d deep", INF_MAX_NEEDS);
    for (size_t i = 0; i < line->count; i++) {
        if (count_step(install, line, err))
            return -E2BIG;
        const struct inf_section *section = inf_find(install->inf, line->fields[i]);
        if (!section) {
            warn(install->inf, line, "is needed from another INF file, it is left out",
                 line->fields[i]);
            continue;
        }
        int result = take_section(install, section, depth + 1, err);
        if (result)
            return result;
    }
    return 0;
}

static int take_section(struct inf_install *install, const struct inf_section *section,
                        unsigned depth, struct error *err)
{
    int result = 0;
    for (size_t i = 0; !result && i < section->count; i++) {
        const struct inf_line *line = &section->lines[i];
        if (!line->key)
            continue;
        if (!strcasecmp(line->key, "AddReg"))
            result = add_registry(install, line, false, err);
        else if (!strcasecmp(line->key, "CopyFiles"))
            result = add_files(install, line, err);
        else if (!strcasecmp(line->key, "Needs"))
            result = take_needs(install, line, depth, err);
    }
    return result;
}

static const struct inf_section *find_install(const struct inf *inf, const char *name,
                                              const char *decoration)
{
    char *full = NULL;
    if (decoration && asprintf(&full, "%s.NT%s", name, decoration) < 0)
        return NULL;
    const struct inf_section *section = full ? inf_find(inf, full) : NULL;
    free(full);
    if (!section && asprintf(&full, "%s.NT", name) >= 0) {
        section = inf_find(inf, full);
        free(full);
    }
    return section ? section : inf_find(inf, name);
}

/* --- [DDInstall.Services] ------------------------------------------------------------------ */

/* The line of the function driver: it has the flag, or it is the only one. */
static const struct inf_line *find_service(const struct inf_section *services)
{
    const struct inf_line *only = NULL;
    size_t count = 0;
    for (size_t i = 0; i < services->count; i++) {
        const struct inf_line *line = &services->lines[i];
        long long flags = 0;
        if (!line->key || strcasecmp(line->key, "AddService") != 0)
            continue;
        if (*inf_field(line, 1) && !inf_number(inf_field(line, 1), &flags) &&
            (flags & FUNCTION_DRIVER))
            return line;
        only = line;
        count++;
    }
    return count == 1 ? only : NULL;
}

static int take_service(struct inf_install *install, struct error *err)
{
    char *name = NULL;
    if (asprintf(&name, "%s.Services", install->section->name) < 0)
        return error_set(err, -ENOMEM, "%s: out of memory", install->inf->name);
    const struct inf_section *services = inf_find(install->inf, name);
    free(name);
    const struct inf_line *line = services ? find_service(services) : NULL;
    if (!line || !*inf_field(line, 2))
        return 0;
    const struct inf_section *section = inf_find(install->inf, inf_field(line, 2));
    if (!section)
        return inf_error(install->inf, line, -EINVAL, err, "there is no section [%s]",
                         inf_field(line, 2));
    install->binary = inf_find_line(section, "ServiceBinary");
    int result = 0;
    for (size_t i = 0; !result && i < section->count; i++) {
        if (section->lines[i].key && !strcasecmp(section->lines[i].key, "AddReg"))
            result = add_registry(install, &section->lines[i], true, err);
    }
    return result;
}

int inf_install_read(const struct inf *inf, const struct inf_driver *driver,
                     const struct inf_model *model, struct inf_install *result, struct error *err)
{
    struct inf_install install = {.inf = inf, .driver = driver, .model = model};
    install.section = find_install(inf, model->section, inf_decoration(driver->architecture));
    if (!install.section)
        return inf_error(inf, model->line, -EINVAL, err, "there is no install section [%s]",
                         model->section);
    int code = take_section(&install, install.section, 0, err);
    if (!code)
        code = take_service(&install, err);
    if (code)
        inf_install_finish(&install);
    else
        *result = install;
    return code;
}

void inf_install_finish(struct inf_install *install)
{
    for (size_t i = 0; i < install->file_count; i++)
        free(install->files[i].path);
    free(install->files);
    free(install->settings);
    *install = (struct inf_install){0};
}

int inf_install_check_files(const struct inf_install *install, int folder, struct error *err)
{
    for (size_t i = 0; i < install->file_count; i++) {
        const struct inf_file *file = &install->files[i];
        struct error why;
        char *found;
        int result = inf_find_file(folder, file->path, &found, &why);
        if (result)
            return inf_error(install->inf, file->line, result, err, "%s", why.text);
        free(found);
    }
    return 0;
}
