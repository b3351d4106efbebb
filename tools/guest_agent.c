/* SPDX-License-Identifier: MIT */
#include "tools/guest_agent.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpupv/kmt.h"
#include "hoststore/store.h"
#include "tools/guest.h"
#include "tools/guest_rules.h"
#include "tools/output.h"

/* What one pass says: text for a person, and the same as JSON. */
struct report {
    FILE *text; /* lines */
    char *text_data;
    size_t text_size;
    json_object *document, *packages, *removed, *in_use, *files;
    enum exit_code code;
    bool news; /* something was done, or is to be told */
};

/* --- The host as a source of packages --- */

static int read_from_host(void *context, const char *package, const char *path, uint64_t offset,
                          void *data, size_t *size, struct offered_file *file, struct error *err)
{
    struct gpupv_kmt_store_file info;
    NTSTATUS status = gpupv_kmt_store_read(package, path, offset, data, size, &info);
    char number[16];

    (void)context;
    if (status == STATUS_DEVICE_REMOVED)
        return error_set(err, -ECONNREFUSED, "the connection to the host was lost");
    if (status == STATUS_NOT_SUPPORTED)
        return error_set(err, -EOPNOTSUPP, "the host's DriverStoreCopyMode became 0");
    if (!NT_SUCCESS(status))
        return error_set(err, guest_status_code(status), "the host does not give %s: %s", path,
                         guest_status_text(status, number));
    *file = (struct offered_file){
        .size = info.size,
        .modified = {.tv_sec = info.modified_sec, .tv_nsec = info.modified_nsec},
        .executable = info.executable,
    };
    return 0;
}

static void show_progress(void *context, const char *package, uint64_t done, uint64_t reused,
                          uint64_t total)
{
    struct guest_agent *agent = context;

    copy_progress_update(&agent->progress, package, done, reused, total);
}

static bool is_cancelled(void *context)
{
    const struct guest_agent *agent = context;

    return *agent->stop != 0;
}

static int list_store(struct gpupv_kmt_store **store, struct error *err)
{
    struct gpupv_kmt_info info;
    int result = guest_connect(&info, err);
    char number[16];

    if (result)
        return result;
    NTSTATUS status = gpupv_kmt_store_list(store);
    if (status == STATUS_NOT_SUPPORTED)
        return error_set(err, -EOPNOTSUPP,
                         "the host (gpupv %s) speaks version %u of the thunk protocol, which does "
                         "not know the copying of the driver store; update gpupv there",
                         info.host_version, info.protocol_version);
    if (!NT_SUCCESS(status))
        return error_set(err, guest_status_code(status), "the host does not list its packages: %s",
                         guest_status_text(status, number));
    return 0;
}

/* --- The report --- */

static void report_line(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void report_line(struct report *report, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(report->text, format, args);
    va_end(args);
    fputc('\n', report->text);
}

static int report_begin(struct report *report)
{
    *report = (struct report){.document = json_object_new_object()};
    report->text = open_memstream(&report->text_data, &report->text_size);
    if (!report->text || !report->document)
        return -ENOMEM;
    report->packages = json_object_new_array();
    report->removed = json_object_new_array();
    report->in_use = json_object_new_array();
    report->files = json_object_new_array();
    return 0;
}

/* A reason that is the pass's own, or that ends it. */
static void report_failure(struct report *report, int code, const struct error *err)
{
    report->code = output_code(code);
    if (code == -EEXIST || code == -EPERM)
        report->code = EXIT_REFUSED;
    report_line(report, "%s", err->text);
    json_add_text(report->document, "error", err->text);
}

static void worsen(struct report *report, enum exit_code code)
{
    if (report->code == EXIT_DONE || code == EXIT_FAILED)
        report->code = code;
}

static void print_lines(const struct report *report, FILE *to)
{
    const char *at = report->text_data;

    while (*at) {
        const char *end = strchrnul(at, '\n');
        char *line = strndup(at, (size_t)(end - at));

        fputs(to == stderr ? "gpupv: " : "", to);
        output_text(to, line ? line : "out of memory");
        fputc('\n', to);
        free(line);
        at = *end ? end + 1 : end;
    }
    fflush(to);
}

/* Prints what the pass said unless the last one said it, or had nothing to do after it. Takes the
 * report apart. */
static void report_end(struct guest_agent *agent, struct report *report)
{
    bool wrong = report->code != EXIT_DONE;
    bool whole = fclose(report->text) == 0 && report->text_data;
    bool same = whole && agent->last_report && !strcmp(agent->last_report, report->text_data);
    bool idle = agent->last_report && agent->last_code == EXIT_DONE && !wrong && !report->news;

    json_object_object_add(report->document, "packages", report->packages);
    json_object_object_add(report->document, "removed", report->removed);
    json_object_object_add(report->document, "in_use", report->in_use);
    json_object_object_add(report->document, "files", report->files);
    json_add_number(report->document, "exit_code", report->code);
    if (whole && !same && !idle && (wrong || (!agent->quiet && !agent->json)))
        print_lines(report, wrong ? stderr : stdout);
    if (agent->json && !same && !idle)
        output_json(report->document);
    else
        json_object_put(report->document);
    free(agent->last_report);
    agent->last_report = report->text_data;
    agent->last_code = report->code;
}

/* --- Packages --- */

static const char *state_word(enum copy_state state)
{
    static const char *const words[] = {
        [PACKAGE_PRESENT] = "present", [PACKAGE_COPIED] = "copied", [PACKAGE_REPLACED] = "replaced",
        [PACKAGE_REFUSED] = "refused", [PACKAGE_IN_USE] = "in-use", [PACKAGE_FAILED] = "failed",
    };
    return words[state];
}

static void report_package(struct report *report, const char *name,
                           const struct copied_package *result, double seconds)
{
    json_object *object = json_object_new_object();
    char size[32], rate[48] = "", reused[64] = "";

    json_add_text(object, "package", name);
    json_add_text(object, "state", state_word(result->state));
    json_add_number(object, "size", result->size);
    json_add_number(object, "copied", result->copied);
    json_add_number(object, "reused", result->reused);
    json_add_text(object, "error", result->why.text[0] ? result->why.text : NULL);
    json_object_array_add(report->packages, object);

    output_size(result->copied, size, sizeof(size));
    if (seconds > 0.05) {
        char per_second[32];

        output_size((uint64_t)((double)result->copied / seconds), per_second, sizeof(per_second));
        snprintf(rate, sizeof(rate), " in %.1f s (%s/s)", seconds, per_second);
    }
    if (result->reused) {
        char part[32];

        output_size(result->reused, part, sizeof(part));
        snprintf(reused, sizeof(reused), ", %s were there", part);
    }
    report->news |= result->state != PACKAGE_PRESENT;
    switch (result->state) {
    case PACKAGE_PRESENT:
        report_line(report, "%s: present", name);
        break;
    case PACKAGE_COPIED:
        report_line(report, "%s: copied %s%s%s", name, size, rate, reused);
        break;
    case PACKAGE_REPLACED:
        report_line(report, "%s: replaced, %s%s%s; before: %s", name, size, rate, reused,
                    result->why.text);
        break;
    case PACKAGE_REFUSED:
        report_line(report,
                    "%s: this guest has it with other contents, and DriverStoreCopyMode 1 does not "
                    "overwrite: %s; remove its folder here, or set DriverStoreCopyMode to 2 on the "
                    "host",
                    name, result->why.text);
        break;
    case PACKAGE_IN_USE:
        report_line(report, "%s: it must be replaced, but a process uses it: %s", name,
                    result->why.text);
        break;
    case PACKAGE_FAILED:
        report_line(report, "%s: not copied: %s", name, result->why.text);
        break;
    }
}

/* -ECONNREFUSED and -ECANCELED end the pass. */
static int copy_package(struct guest_agent *agent, const struct gpupv_kmt_store_package *from,
                        bool overwrite, struct report *report, enum copy_state *state)
{
    const struct package_source source = {read_from_host, NULL};
    const struct copy_events events = {show_progress, is_cancelled, agent};
    struct offered_package package = {
        .name = from->name, .size = from->size, .signature_size = from->signature_size};
    struct copied_package result;

    memcpy(package.catalog_digest, from->catalog_digest, sizeof(package.catalog_digest));
    memcpy(package.signature_digest, from->signature_digest, sizeof(package.signature_digest));
    int code = guest_store_copy(agent->store, &package, overwrite, &source, &events, &result, NULL);
    report_package(report, from->name, &result, copy_progress_end(&agent->progress));
    *state = result.state;
    if (code == -EEXIST || code == -EBUSY || code == -EPERM)
        worsen(report, EXIT_REFUSED);
    else if (code)
        worsen(report, code == -ECONNREFUSED ? EXIT_NO_SERVICE : EXIT_FAILED);
    return code == -ECONNREFUSED || code == -ECANCELED ? code : 0;
}

static void note_removed(void *context, const char *package)
{
    struct report *report = context;

    report->news = true;
    report_line(report, "%s: removed, no adapter needs it", package);
    json_object_array_add(report->removed, json_object_new_string(package));
}

static void note_in_use(void *context, const char *package)
{
    struct report *report = context;

    report->news = true;
    report_line(report, "%s: kept, a process uses it; no adapter needs it", package);
    json_object_array_add(report->in_use, json_object_new_string(package));
}

/* A host that offers nothing at the moment, say because its GPU is gone, costs the guest nothing:
 * then nothing is removed. */
static void collect(struct guest_agent *agent, const struct gpupv_kmt_store *offer,
                    struct report *report)
{
    const struct collect_events events = {note_removed, note_in_use, report};
    const char **names = offer->count ? calloc(offer->count, sizeof(*names)) : NULL;
    struct error err;

    if (!names)
        return;
    for (size_t i = 0; i < offer->count; i++)
        names[i] = offer->packages[i].name;
    if (guest_store_collect(agent->store, names, offer->count, &events, &err)) {
        report_line(report, "what is no longer needed stays: %s", err.text);
        worsen(report, EXIT_FAILED);
    }
    free(names);
}

/* --- CopyToVm --- */

static void report_files(struct report *report, const char *package,
                         const struct copy_report *files)
{
    static const char *const words[] = {
        [COPY_DONE] = "copied", [COPY_KEPT] = "kept", [COPY_FAILED] = "failed"};

    for (size_t i = 0; i < files->count; i++) {
        const struct copy_report_file *file = &files->files[i];
        json_object *object = json_object_new_object();

        json_add_text(object, "package", package);
        json_add_text(object, "source", file->rule->source);
        json_add_text(object, "target", file->rule->target);
        json_add_boolean(object, "wow64", file->rule->wow64);
        json_add_text(object, "outcome", words[file->outcome]);
        json_add_text(object, "error", file->why.text[0] ? file->why.text : NULL);
        json_object_array_add(report->files, object);
        if (file->outcome == COPY_FAILED)
            report_line(report, "CopyToVm: %s: %s", file->rule->target, file->why.text);
    }
    report->news = true;
    report_line(report, "%s: CopyToVm files: %zu copied, %zu kept, %zu failed", package,
                files->copied, files->kept, files->failed);
    if (files->failed)
        worsen(report, EXIT_FAILED);
}

/* Rules for a folder that was not named are left out; *skipped counts them. */
static size_t pick_rules(const struct guest_agent *agent, const struct guest_rule_set *set,
                         struct copy_rule *picked, size_t *skipped)
{
    size_t count = 0;

    for (size_t i = 0; i < set->count; i++) {
        if (set->rules[i].wow64 ? agent->wow64_folder : agent->native_folder)
            picked[count++] = set->rules[i];
        else
            (*skipped)++;
    }
    return count;
}

static void apply_set(struct guest_agent *agent, const struct guest_rule_set *set,
                      struct report *report, size_t *skipped)
{
    struct copy_rule *picked = calloc(set->count, sizeof(*picked));
    struct copy_report files = {0};
    struct error err;
    char *folder = NULL;

    if (!picked ||
        asprintf(&folder, "%s/" STORE_REPOSITORY "/%s", agent->store_root, set->package) < 0) {
        free(picked);
        worsen(report, EXIT_FAILED);
        return;
    }
    size_t count = pick_rules(agent, set, picked, skipped);
    int result = count ? copy_rules_apply(picked, count, folder, agent->native_folder,
                                          agent->wow64_folder, &files, &err)
                       : 0;
    if (result == -ENOMEM) {
        report_line(report, "CopyToVm: %s", err.text);
        worsen(report, EXIT_FAILED);
    } else if (count) {
        report_files(report, set->package, &files);
        copy_report_finish(&files);
    }
    free(folder);
    free(picked);
}

/* The rules are applied to whole packages, at the start, and when they or a package changed. */
static void apply_rules(struct guest_agent *agent, const struct gpupv_kmt_store *offer,
                        const enum copy_state *states, bool changed, struct report *report)
{
    struct guest_rule_set *sets;
    size_t count, skipped = 0;
    struct error err;

    if (guest_rules_read(&sets, &count, &err)) {
        report_line(report, "CopyToVm: %s", err.text);
        worsen(report, EXIT_FAILED);
        return;
    }
    char *text = guest_rules_text(sets, count);
    if (!changed && text && agent->applied_rules && !strcmp(text, agent->applied_rules))
        count = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < offer->count; j++) {
            if (!strcmp(offer->packages[j].name, sets[i].package) && states[j] <= PACKAGE_REPLACED)
                apply_set(agent, &sets[i], report, &skipped);
        }
    }
    if (skipped)
        report_line(report,
                    "CopyToVm: %zu files are left out; --native-folder and --wow64-folder say "
                    "where they go",
                    skipped);
    json_add_number(report->document, "files_left_out", skipped);
    free(agent->applied_rules);
    agent->applied_rules = text;
    guest_rules_free(sets, count);
}

/* --- The pass --- */

static int open_store(struct guest_agent *agent, const char *root, struct error *err)
{
    if (agent->store && !strcmp(agent->store_root, root))
        return 0;
    guest_store_close(agent->store);
    agent->store = NULL;
    free(agent->store_root);
    agent->store_root = strdup(root);
    if (!agent->store_root)
        return error_set(err, -ENOMEM, "out of memory");
    return guest_store_open(root, &agent->store, err);
}

static void pass_over(struct guest_agent *agent, const struct gpupv_kmt_store *offer,
                      struct report *report)
{
    const char *root = agent->store_folder ? agent->store_folder : offer->root;
    enum copy_state *states = calloc(offer->count + 1, sizeof(*states));
    bool changed = false;
    struct error err;

    json_add_number(report->document, "mode", offer->copy_mode);
    json_add_text(report->document, "store", root);
    if (!offer->copy_mode) {
        report->news = true;
        report_line(report, "DriverStoreCopyMode is 0 on the host: nothing is copied");
        goto out;
    }
    int result = states ? open_store(agent, root, &err) : error_set(&err, -ENOMEM, "out of memory");
    if (result) {
        report_failure(report, result, &err);
        goto out;
    }
    report_line(report, "DriverStoreCopyMode %u: packages are %s %s", offer->copy_mode,
                offer->copy_mode == 1 ? "copied, and never overwritten, in"
                                      : "copied, and replaced if they differ, in",
                root);
    for (size_t i = 0; i < offer->count && !result; i++) {
        result =
            copy_package(agent, &offer->packages[i], offer->copy_mode == 2, report, &states[i]);
        changed |= states[i] == PACKAGE_COPIED || states[i] == PACKAGE_REPLACED;
    }
    if (!result) {
        collect(agent, offer, report);
        apply_rules(agent, offer, states, changed, report);
    }
out:
    free(states);
}

enum exit_code guest_agent_pass(struct guest_agent *agent)
{
    struct gpupv_kmt_store *offer;
    struct report report;
    struct error err;

    if (report_begin(&report)) {
        output_note("out of memory");
        return EXIT_FAILED;
    }
    int result = list_store(&offer, &err);
    if (result) {
        report_failure(&report, result, &err);
    } else {
        pass_over(agent, offer, &report);
        free(offer);
    }
    enum exit_code code = report.code;
    report_end(agent, &report);
    return code;
}

void guest_agent_finish(struct guest_agent *agent)
{
    guest_store_close(agent->store);
    free(agent->store_root);
    free(agent->last_report);
    free(agent->applied_rules);
}
