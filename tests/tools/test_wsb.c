/* SPDX-License-Identifier: MIT */
/* Windows Sandbox configurations: what is taken, and what each bad one is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/wsb.h"

static int parse(const char *text, struct wsb *wsb, struct error *err)
{
    *err = (struct error){0};
    return wsb_parse(text, strlen(text), wsb, err);
}

static void takes(const char *text, struct wsb *wsb)
{
    struct error err;

    if (parse(text, wsb, &err) < 0)
        fail_msg("%s: %s", text, err.text);
}

static void refuses(const char *text, const char *message)
{
    struct wsb wsb;
    struct error err;

    assert_true(parse(text, &wsb, &err) < 0);
    if (!strstr(err.text, message))
        fail_msg("\"%s\" is told \"%s\", not \"%s\"", text, err.text, message);
}

static void the_samples_of_the_document(void **state)
{
    struct wsb wsb;

    (void)state;
    takes("<Configuration>\n    <VGpu>Enable</VGpu>\n</Configuration>\n", &wsb);
    assert_int_equal(wsb.vgpu, VGPU_ENABLE);
    wsb_finish(&wsb);
    takes("<Configuration>\n    <VGpu>EnableVendorExtensions</VGpu>\n</Configuration>\n", &wsb);
    assert_int_equal(wsb.vgpu, VGPU_ENABLE_VENDOR_EXTENSIONS);
    wsb_finish(&wsb);
}

static void the_gpu_is_off_unless_it_is_asked_for(void **state)
{
    static const char *const texts[] = {
        "<Configuration/>",
        "<Configuration><VGpu>Disable</VGpu></Configuration>",
        "<Configuration><VGpu>Default</VGpu></Configuration>",
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><!-- x --><Configuration></Configuration>",
    };
    struct wsb wsb;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        takes(texts[i], &wsb);
        assert_int_equal(wsb.vgpu, VGPU_DISABLE);
        assert_true(wsb.network);
        assert_int_equal(wsb.folder_count, 0);
        assert_null(wsb.command);
        wsb_finish(&wsb);
    }
}

static void a_whole_configuration(void **state)
{
    struct wsb wsb;

    (void)state;
    takes("<Configuration>\n<vGPU> enable </vGPU>\n<Networking>Disable</Networking>\n"
          "<MappedFolders>\n"
          "<MappedFolder><HostFolder>/srv/a &amp; b</HostFolder><ReadOnly>true</ReadOnly>"
          "</MappedFolder>\n"
          "<MappedFolder><SandboxFolder>/work</SandboxFolder><HostFolder>/srv/c</HostFolder>"
          "</MappedFolder>\n"
          "</MappedFolders>\n"
          "<LogonCommand><Command>echo <![CDATA[<x>]]></Command></LogonCommand>\n"
          "<MemoryInMB>4096</MemoryInMB><AudioInput>Disable</AudioInput></Configuration>",
          &wsb);
    assert_int_equal(wsb.vgpu, VGPU_ENABLE);
    assert_false(wsb.network);
    assert_int_equal(wsb.folder_count, 2);
    assert_string_equal(wsb.folders[0].host, "/srv/a & b");
    assert_null(wsb.folders[0].guest);
    assert_true(wsb.folders[0].read_only);
    assert_int_equal(wsb.folders[0].line, 5);
    assert_string_equal(wsb.folders[1].host, "/srv/c");
    assert_string_equal(wsb.folders[1].guest, "/work");
    assert_false(wsb.folders[1].read_only);
    assert_string_equal(wsb.command, "echo <x>");
    assert_int_equal(wsb.ignored.count, 2);
    assert_string_equal(wsb.ignored.items[0], "MemoryInMB");
    assert_string_equal(wsb.ignored.items[1], "AudioInput");
    wsb_finish(&wsb);
}

static void utf16_is_read(void **state)
{
    static const char text[] = "<Configuration><VGpu>Enable</VGpu></Configuration>";
    char wide[2 * sizeof(text)] = {(char)0xff, (char)0xfe};
    struct wsb wsb;
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        wide[2 + 2 * i] = text[i];
    assert_int_equal(wsb_parse(wide, sizeof(wide), &wsb, &err), 0);
    assert_int_equal(wsb.vgpu, VGPU_ENABLE);
    wsb_finish(&wsb);
}

static void bad_ones_name_the_line(void **state)
{
    (void)state;
    refuses("", "line 1: no element found");
    refuses("<Configuration>\n<VGpu>Enable</VGpu>", "line 2: ");
    refuses("<Config/>", "line 1: the document is <Config>");
    refuses("<Configuration>\n\n<Gpu>Enable</Gpu></Configuration>",
            "line 3: <Gpu> is not known in <Configuration>");
    refuses("<Configuration>\n<HostFolder>/a</HostFolder></Configuration>", "line 2: <HostFolder>");
    refuses("<Configuration><VGpu>On</VGpu></Configuration>", "not \"On\"");
    refuses("<Configuration><VGpu/></Configuration>", "<VGpu> must be");
    refuses("<Configuration><Networking>Maybe</Networking></Configuration>", "<Networking> must");
    refuses("<Configuration><VGpu>Enable</VGpu>\n<vgpu>Enable</vgpu></Configuration>",
            "line 2: <VGpu> stands there twice");
    refuses("<Configuration><VGpu x=\"1\">Enable</VGpu></Configuration>", "attribute");
    refuses("<Configuration>text</Configuration>", "holds elements");
    refuses("<Configuration><VGpu><b/></VGpu></Configuration>", "<b> is not known in <VGpu>");
    refuses("<Configuration><LogonCommand><Command/></LogonCommand></Configuration>",
            "<Command> must be");
}

static void bad_folders(void **state)
{
#define FOLDER(text)                                                                               \
    "<Configuration><MappedFolders>\n<MappedFolder>" text                                          \
    "</MappedFolder></MappedFolders></Configuration>"
    (void)state;
    refuses(FOLDER(""), "line 2: <MappedFolder> lacks its <HostFolder>");
    refuses(FOLDER("<SandboxFolder>/a</SandboxFolder>"), "lacks its <HostFolder>");
    refuses(FOLDER("<HostFolder>C:\\Users</HostFolder>"), "not \"C:\\Users\"");
    refuses(FOLDER("<HostFolder>a</HostFolder>"), "an absolute path");
    refuses(FOLDER("<HostFolder>/a/../b</HostFolder>"), "without \"..\"");
    refuses(FOLDER("<HostFolder>/a</HostFolder><SandboxFolder>/..</SandboxFolder>"),
            "<SandboxFolder> must be");
    refuses(FOLDER("<HostFolder>/a</HostFolder><ReadOnly>yes</ReadOnly>"), "true or false");
    refuses(FOLDER("<HostFolder>/a</HostFolder><HostFolder>/b</HostFolder>"), "twice");
#undef FOLDER
}

static void nothing_is_expanded(void **state)
{
    (void)state;
    refuses("<!DOCTYPE Configuration [<!ENTITY a \"Enable\">]>\n"
            "<Configuration><VGpu>&a;</VGpu></Configuration>",
            "line 1: a document type is not accepted");
    refuses("<!DOCTYPE Configuration SYSTEM \"file:///etc/passwd\"><Configuration/>",
            "a document type is not accepted");
    refuses("<Configuration><VGpu>&a;</VGpu></Configuration>", "undefined entity");
}

static void limits(void **state)
{
    static const char start[] = "<Configuration><VGpu>", end[] = "</VGpu></Configuration>";
    static const char folder[] = "<MappedFolder><HostFolder>/a</HostFolder></MappedFolder>";
    char *text = calloc(1, WSB_MAX_SIZE + 2);
    struct wsb wsb;
    struct error err = {0};

    (void)state;
    assert_non_null(text);
    strcpy(text, start);
    memset(text + strlen(start), 'x', 5000);
    strcat(text, end);
    refuses(text, "the text of <VGpu> is too long");

    strcpy(text, "<Configuration><MappedFolders>");
    for (int i = 0; i < WSB_MAX_FOLDERS; i++)
        strcat(text, folder);
    size_t length = strlen(text);
    strcat(text, "</MappedFolders></Configuration>");
    takes(text, &wsb);
    assert_int_equal(wsb.folder_count, WSB_MAX_FOLDERS);
    wsb_finish(&wsb);
    strcpy(text + length, folder);
    refuses(text, "too many mapped folders");

    memset(text, ' ', WSB_MAX_SIZE + 1);
    assert_int_equal(wsb_parse(text, WSB_MAX_SIZE + 1, &wsb, &err), -EFBIG);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_samples_of_the_document),
        cmocka_unit_test(the_gpu_is_off_unless_it_is_asked_for),
        cmocka_unit_test(a_whole_configuration),
        cmocka_unit_test(utf16_is_read),
        cmocka_unit_test(bad_ones_name_the_line),
        cmocka_unit_test(bad_folders),
        cmocka_unit_test(nothing_is_expanded),
        cmocka_unit_test(limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
