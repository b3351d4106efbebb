/* SPDX-License-Identifier: MIT */
#include "tools/wsb.h"

#include <ctype.h>
#include <errno.h>
#include <expat.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/file.h"

#define MAX_TEXT 4096

/* The document's elements; each stands in one place only. */
enum element {
    NOTHING, /* around the root element */
    CONFIGURATION,
    VGPU,
    NETWORKING,
    MAPPED_FOLDERS,
    MAPPED_FOLDER,
    HOST_FOLDER,
    SANDBOX_FOLDER,
    READ_ONLY,
    LOGON_COMMAND,
    COMMAND,
    AUDIO_INPUT,
    VIDEO_INPUT,
    PROTECTED_CLIENT,
    PRINTER_REDIRECTION,
    CLIPBOARD_REDIRECTION,
    MEMORY,
    ELEMENT_COUNT,
};

static const struct {
    const char *name;
    enum element parent;
    bool holds_elements;
    bool ignored;
} elements[ELEMENT_COUNT] = {
    [CONFIGURATION] = {"Configuration", NOTHING, true, false},
    [VGPU] = {"VGpu", CONFIGURATION, false, false},
    [NETWORKING] = {"Networking", CONFIGURATION, false, false},
    [MAPPED_FOLDERS] = {"MappedFolders", CONFIGURATION, true, false},
    [MAPPED_FOLDER] = {"MappedFolder", MAPPED_FOLDERS, true, false},
    [HOST_FOLDER] = {"HostFolder", MAPPED_FOLDER, false, false},
    [SANDBOX_FOLDER] = {"SandboxFolder", MAPPED_FOLDER, false, false},
    [READ_ONLY] = {"ReadOnly", MAPPED_FOLDER, false, false},
    [LOGON_COMMAND] = {"LogonCommand", CONFIGURATION, true, false},
    [COMMAND] = {"Command", LOGON_COMMAND, false, false},
    [AUDIO_INPUT] = {"AudioInput", CONFIGURATION, false, true},
    [VIDEO_INPUT] = {"VideoInput", CONFIGURATION, false, true},
    [PROTECTED_CLIENT] = {"ProtectedClient", CONFIGURATION, false, true},
    [PRINTER_REDIRECTION] = {"PrinterRedirection", CONFIGURATION, false, true},
    [CLIPBOARD_REDIRECTION] = {"ClipboardRedirection", CONFIGURATION, false, true},
    [MEMORY] = {"MemoryInMB", CONFIGURATION, false, true},
};

struct reader {
    XML_Parser parser;
    struct wsb *wsb;
    struct error *err;
    int result;       /* of the first failure */
    enum element now; /* the innermost open element */
    uint32_t seen;    /* a bit for each element that may come once */
    char text[MAX_TEXT];
    size_t size;
};

static void fail(struct reader *reader, int result, const char *text)
{
    reader->result = error_set(reader->err, result, "line %lu: %s",
                               (unsigned long)XML_GetCurrentLineNumber(reader->parser), text);
    XML_StopParser(reader->parser, XML_FALSE);
}

static void fail_element(struct reader *reader, const char *format, enum element element)
{
    char text[256];

    snprintf(text, sizeof(text), format, elements[element].name);
    fail(reader, -EINVAL, text);
}

static void fail_value(struct reader *reader, const char *wanted)
{
    char text[512];

    snprintf(text, sizeof(text), "<%s> must be %s, not \"%.200s\"", elements[reader->now].name,
             wanted, reader->text);
    fail(reader, -EINVAL, text);
}

static bool is_word(const struct reader *reader, const char *first, const char *second)
{
    return strcasecmp(reader->text, first) == 0 || strcasecmp(reader->text, second) == 0;
}

static void take_vgpu(struct reader *reader)
{
    if (is_word(reader, "Enable", "Enabled"))
        reader->wsb->vgpu = VGPU_ENABLE;
    else if (is_word(reader, "EnableVendorExtensions", "EnableVendorExtensions"))
        reader->wsb->vgpu = VGPU_ENABLE_VENDOR_EXTENSIONS;
    else if (is_word(reader, "Disable", "Disabled") || is_word(reader, "Default", "Default"))
        reader->wsb->vgpu = VGPU_DISABLE;
    else
        fail_value(reader, "Enable, EnableVendorExtensions, Disable or Default");
}

static void take_networking(struct reader *reader)
{
    if (is_word(reader, "Disable", "Disabled"))
        reader->wsb->network = false;
    else if (is_word(reader, "Enable", "Enabled") || is_word(reader, "Default", "Default"))
        reader->wsb->network = true;
    else
        fail_value(reader, "Enable, Disable or Default");
}

/* Absolute, and nothing in it that leads upwards. */
static bool is_plain_path(const char *path)
{
    if (path[0] != '/')
        return false;
    for (const char *at = path; *at; at = strchrnul(at + 1, '/')) {
        size_t length = strcspn(at + 1, "/");

        if (length == 2 && strncmp(at + 1, "..", 2) == 0)
            return false;
    }
    return true;
}

static void take_path(struct reader *reader, char **path)
{
    if (!is_plain_path(reader->text)) {
        fail_value(reader, "an absolute path of this machine without \"..\"");
        return;
    }
    *path = strdup(reader->text);
    if (!*path)
        fail(reader, -ENOMEM, "out of memory");
}

static void take_read_only(struct reader *reader, struct wsb_folder *folder)
{
    if (is_word(reader, "true", "1"))
        folder->read_only = true;
    else if (!is_word(reader, "false", "0"))
        fail_value(reader, "true or false");
}

static void take_command(struct reader *reader)
{
    if (!reader->size) {
        fail_value(reader, "a command");
        return;
    }
    reader->wsb->command = strdup(reader->text);
    if (!reader->wsb->command)
        fail(reader, -ENOMEM, "out of memory");
}

/* The element that was open ends, and `text` is what stood in it. */
static void take_value(struct reader *reader)
{
    struct wsb *wsb = reader->wsb;
    struct wsb_folder *folder = wsb->folder_count ? &wsb->folders[wsb->folder_count - 1] : NULL;

    switch (reader->now) {
    case VGPU:
        take_vgpu(reader);
        break;
    case NETWORKING:
        take_networking(reader);
        break;
    case HOST_FOLDER:
        take_path(reader, &folder->host);
        break;
    case SANDBOX_FOLDER:
        take_path(reader, &folder->guest);
        break;
    case READ_ONLY:
        take_read_only(reader, folder);
        break;
    case COMMAND:
        take_command(reader);
        break;
    case MAPPED_FOLDER:
        if (!folder->host)
            fail_element(reader, "<MappedFolder> lacks its <%s>", HOST_FOLDER);
        break;
    default:
        break;
    }
}

static void begin_folder(struct reader *reader)
{
    struct wsb *wsb = reader->wsb;
    struct wsb_folder *folders;

    if (wsb->folder_count == WSB_MAX_FOLDERS) {
        fail(reader, -EINVAL, "too many mapped folders");
        return;
    }
    folders = reallocarray(wsb->folders, wsb->folder_count + 1, sizeof(*folders));
    if (!folders) {
        fail(reader, -ENOMEM, "out of memory");
        return;
    }
    wsb->folders = folders;
    folders[wsb->folder_count++] =
        (struct wsb_folder){.line = (unsigned long)XML_GetCurrentLineNumber(reader->parser)};
    reader->seen &= ~(1U << HOST_FOLDER | 1U << SANDBOX_FOLDER | 1U << READ_ONLY);
}

static enum element find_element(enum element parent, const char *name)
{
    for (enum element e = CONFIGURATION; e < ELEMENT_COUNT; e++) {
        if (elements[e].parent == parent && strcasecmp(elements[e].name, name) == 0)
            return e;
    }
    return NOTHING;
}

static void unknown_element(struct reader *reader, const char *name)
{
    char text[512];

    if (reader->now == NOTHING)
        snprintf(text, sizeof(text), "the document is <%.200s>, not <Configuration>", name);
    else
        snprintf(text, sizeof(text), "<%.200s> is not known in <%s>", name,
                 elements[reader->now].name);
    fail(reader, -EINVAL, text);
}

static void on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *reader = context;
    enum element element;

    /* The parser may still deliver what it has read when it was told to stop. */
    if (reader->result)
        return;
    element = find_element(reader->now, name);
    if (element == NOTHING) {
        unknown_element(reader, name);
        return;
    }
    if (attributes[0] && strncmp(attributes[0], "xmlns", 5) != 0) {
        fail_element(reader, "<%s> has an attribute, and none is known", element);
        return;
    }
    if (element != MAPPED_FOLDER && (reader->seen & 1U << element)) {
        fail_element(reader, "<%s> stands there twice", element);
        return;
    }
    reader->seen |= 1U << element;
    reader->now = element;
    reader->size = 0;
    if (element == MAPPED_FOLDER)
        begin_folder(reader);
    if (elements[element].ignored)
        words_add(&reader->wsb->ignored, elements[element].name);
}

static void trim(struct reader *reader)
{
    size_t start = 0, end = reader->size;

    while (end && isspace((unsigned char)reader->text[end - 1]))
        end--;
    while (start < end && isspace((unsigned char)reader->text[start]))
        start++;
    memmove(reader->text, reader->text + start, end - start);
    reader->size = end - start;
    reader->text[reader->size] = '\0';
}

static void on_end(void *context, const XML_Char *name)
{
    struct reader *reader = context;

    (void)name;
    if (reader->result)
        return;
    trim(reader);
    take_value(reader);
    if (reader->result)
        return;
    reader->now = elements[reader->now].parent;
    reader->size = 0;
}

static void on_text(void *context, const XML_Char *text, int length)
{
    struct reader *reader = context;
    size_t size = (size_t)length;

    if (reader->result)
        return;
    if (elements[reader->now].holds_elements) {
        for (size_t i = 0; i < size; i++) {
            if (!isspace((unsigned char)text[i])) {
                fail_element(reader, "<%s> holds elements, and no text", reader->now);
                return;
            }
        }
        return;
    }
    if (size > MAX_TEXT - 1 - reader->size) {
        fail_element(reader, "the text of <%s> is too long", reader->now);
        return;
    }
    memcpy(reader->text + reader->size, text, size);
    reader->size += size;
}

/* No entities can be declared without one. */
static void on_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
                       const XML_Char *public_id, int internal)
{
    struct reader *reader = context;

    (void)name, (void)system_id, (void)public_id, (void)internal;
    if (!reader->result)
        fail(reader, -EINVAL, "a document type is not accepted");
}

int wsb_parse(const char *text, size_t size, struct wsb *wsb, struct error *err)
{
    struct reader *reader = NULL;
    int result;

    *wsb = (struct wsb){.vgpu = VGPU_DISABLE, .network = true};
    if (size > WSB_MAX_SIZE)
        return error_set(err, -EFBIG, "it has more than %d KiB", WSB_MAX_SIZE / 1024);
    reader = calloc(1, sizeof(*reader));
    if (!reader)
        return error_set(err, -ENOMEM, "out of memory");
    reader->wsb = wsb;
    reader->err = err;
    reader->parser = XML_ParserCreate(NULL);
    if (!reader->parser) {
        result = error_set(err, -ENOMEM, "out of memory");
        goto free_reader;
    }
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
    enum XML_Status status = XML_Parse(reader->parser, text, (int)size, XML_TRUE);
    result = reader->result;
    if (!result && status != XML_STATUS_OK)
        result = error_set(err, -EINVAL, "line %lu: %s",
                           (unsigned long)XML_GetCurrentLineNumber(reader->parser),
                           XML_ErrorString(XML_GetErrorCode(reader->parser)));
    if (!result && words_error(&wsb->ignored))
        result = error_set(err, -ENOMEM, "out of memory");
    XML_ParserFree(reader->parser);
free_reader:
    free(reader);
    if (result)
        wsb_finish(wsb);
    return result;
}

int wsb_read(const char *path, struct wsb *wsb, struct error *err)
{
    char *text;
    size_t size;
    int result = file_read(AT_FDCWD, path, WSB_MAX_SIZE, &text, &size, err);

    if (result < 0)
        return result;
    result = wsb_parse(text, size, wsb, err);
    free(text);
    return result < 0 ? error_prefix(err, result, "%s", path) : 0;
}

void wsb_finish(struct wsb *wsb)
{
    for (size_t i = 0; i < wsb->folder_count; i++) {
        free(wsb->folders[i].host);
        free(wsb->folders[i].guest);
    }
    free(wsb->folders);
    free(wsb->command);
    words_finish(&wsb->ignored);
    *wsb = (struct wsb){0};
}
