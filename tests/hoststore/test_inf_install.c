/* SPDX-License-Identifier: MIT */
/* From an INF file to the registry, and, with the copy rules, to a guest's folders. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hoststore/copy_rules.h"
#include "hoststore/inf_install.h"
#include "util/file.h"
#include "util/log.h"

#define ADAPTER "HKLM\\Adapter"
#define SERVICE "HKLM\\Service"
#define PACKAGE "/store/soft gpu"

/* Around an install section. Line 13 is the first of `text`. */
#define HEAD                                                                \
    "[Version]\nSignature=\"$Windows NT$\"\nClass=Display\nProvider=%Maker%\n" \
    "DriverVer=02/06/2025,31.0.15.1234\n"                                   \
    "[Strings]\nMaker=\"Makers, Inc.\"\nDesc=\"Soft GPU\"\n"                \
    "[Manufacturer]\n%Maker%=Models\n"                                      \
    "[Models]\n%Desc%=Install,PCI\\VEN_1234\n"

static struct setting {
    char *folder;
    struct inf *inf;
    struct inf_driver driver;
    struct inf_install install;
    struct reg_hive *hive;
    struct error err;
    bool has_library;
} now;

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    now = (struct setting){.folder = support_folder()};
    assert_int_equal(reg_hive_create(&now.hive), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    inf_install_finish(&now.install);
    inf_driver_finish(&now.driver);
    inf_destroy(now.inf);
    reg_hive_destroy(now.hive);
    support_delete(now.folder);
    return 0;
}

static int read_install(const char *text)
{
    const struct inf_model *model;
    char *all = NULL;
    inf_install_finish(&now.install);
    inf_driver_finish(&now.driver);
    inf_destroy(now.inf);
    now.inf = NULL;
    now.err.text[0] = '\0';
    assert_true(asprintf(&all, "%s%s", HEAD, text) > 0);
    if (inf_parse("dir/soft.inf", all, strlen(all), &now.inf, &now.err) ||
        inf_driver_read(now.inf, "x86_64", &now.driver, &now.err) ||
        inf_driver_choose(now.inf, &now.driver, NULL, &model, &now.err))
        fail_msg("%s", now.err.text);
    free(all);
    return inf_install_read(now.inf, &now.driver, model, &now.install, &now.err);
}

static int open_folder(void)
{
    int folder = open(now.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder >= 0);
    return folder;
}

static int write_keys(void)
{
    const struct inf_target target = {.adapter_key = ADAPTER,
                                      .service_key = SERVICE,
                                      .package_path = PACKAGE,
                                      .folder = open_folder(),
                                      .has_library = now.has_library};
    int result = inf_install_write(&now.install, &target, now.hive, &now.err);
    close(target.folder);
    return result;
}

static void install(const char *text)
{
    if (read_install(text) || write_keys())
        fail_msg("%s", now.err.text);
}

static void expect_data(const char *key, const char *name, const char *text)
{
    const struct reg_key *found = reg_hive_find(now.hive, key);
    const struct reg_value *value = found ? reg_key_find_value(found, name) : NULL;
    if (!text) {
        assert_null(value);
        return;
    }
    if (!value)
        fail_msg("%s has no %s", key, name);
    char *have = reg_value_format(value);
    assert_non_null(have);
    assert_string_equal(have, text);
    free(have);
}

static void expect_failure(const char *text, const char *message)
{
    int result = read_install(text);
    if (!result)
        result = write_keys();
    if (!result || !strstr(now.err.text, message))
        fail_msg("%d \"%s\" is not \"%s\"", result, now.err.text, message);
}

static void test_identity(void **state)
{
    (void)state;
    install("[Install]\n");
    expect_data(ADAPTER, "DriverDesc", "sz:\"Soft GPU\"");
    expect_data(ADAPTER, "DriverVersion", "sz:\"31.0.15.1234\"");
    expect_data(ADAPTER, "DriverDate", "sz:\"2025-02-06\"");
    expect_data(ADAPTER, "ProviderName", "sz:\"Makers, Inc.\"");
    expect_data(ADAPTER, "InfPath", "sz:\"soft.inf\"");
    expect_data(ADAPTER, "InfSection", "sz:\"Install\"");
    expect_data(ADAPTER, "MatchingDeviceId", "sz:\"PCI\\\\VEN_1234\"");
    expect_data(SERVICE, "ImagePath", "expand_sz:\"" PACKAGE "/soft.inf\"");
}

static void test_types(void **state)
{
    (void)state;
    install("[Install]\nAddReg=R,,R2\n"
            "[R2]\nHKR,,Second,,two\n"
            "[R]\n"
            "HKR,,Text,,\"a, b\"\n"
            "HKR,,Empty,%REG_SZ%\n"
            "HKR,,Trailing,,x,,\n"
            "HKR,,Expand,0x00020000,\"%%SystemRoot%%\\x\"\n"
            "HKR,,List,%REG_MULTI_SZ%,one,\"\",three\n"
            "HKR,,None,%REG_MULTI_SZ%\n"
            "HKR,,Number,%REG_DWORD%,0x20\n"
            "HKR,,Decimal,0x00010001,42\n"
            "HKR,,Minus,65537,-1\n"
            "HKR,,Bytes4,%REG_DWORD%,01,02,00,00\n"
            "HKR,,Big,%REG_QWORD%,0x123456789a\n"
            "HKR,,Binary,%REG_BINARY%,01,0xFe,a\n"
            "HKR,,NoBytes,%REG_BINARY%,\n"
            "HKR,,,,default\n"
            "HKR,Sub\\Key,Name,,value\n"
            "HKR,Only\\Key\n");
    expect_data(ADAPTER, "Text", "sz:\"a, b\"");
    expect_data(ADAPTER, "Empty", "sz:\"\"");
    expect_data(ADAPTER, "Trailing", "sz:\"x\"");
    expect_data(ADAPTER, "Expand", "expand_sz:\"%SystemRoot%\\\\x\"");
    expect_data(ADAPTER, "List", "multi_sz:\"one\" \"\" \"three\"");
    expect_data(ADAPTER, "None", "multi_sz:");
    expect_data(ADAPTER, "Number", "dword:0x00000020");
    expect_data(ADAPTER, "Decimal", "dword:0x0000002a");
    expect_data(ADAPTER, "Minus", "dword:0xffffffff");
    expect_data(ADAPTER, "Bytes4", "dword:0x00000201");
    expect_data(ADAPTER, "Big", "qword:0x000000123456789a");
    expect_data(ADAPTER, "Binary", "binary:01 fe 0a");
    expect_data(ADAPTER, "NoBytes", "binary:");
    expect_data(ADAPTER, "", "sz:\"default\"");
    expect_data(ADAPTER, "Second", "sz:\"two\"");
    expect_data(ADAPTER "\\Sub\\Key", "Name", "sz:\"value\"");
    assert_non_null(reg_hive_find(now.hive, ADAPTER "\\Only\\Key"));
}

static void test_flags(void **state)
{
    (void)state;
    install("[Install]\nAddReg=R\n[R]\n"
            "HKR,,Kept,,old\nHKR,,Gone,,old\nHKR,,List,0x10000,a,b\n");
    install("[Install]\nAddReg=R\n[R]\n"
            "HKR,,Kept,0x2,new\n"
            "HKR,,Fresh,0x2,new\n"
            "HKR,,Gone,0x4\n"
            "HKR,,NotThere,0x4\n"
            "HKR,,List,0x10008,B,c\n"
            "HKR,,Unset,0x20,new\n"
            "HKR,Made,Ignored,0x10,x\n");
    expect_data(ADAPTER, "Kept", "sz:\"old\"");
    expect_data(ADAPTER, "Fresh", "sz:\"new\"");
    expect_data(ADAPTER, "Gone", NULL);
    expect_data(ADAPTER, "List", "multi_sz:\"a\" \"b\" \"c\"");
    expect_data(ADAPTER, "Unset", NULL);
    assert_non_null(reg_hive_find(now.hive, ADAPTER "\\Made"));
    expect_data(ADAPTER "\\Made", "Ignored", NULL);
}

static void test_folders(void **state)
{
    (void)state;
    support_write_text(now.folder, "Sub/Driver.json", "");
    support_write_text(now.folder, "d3dumd.dll", "");
    install("[Install]\nAddReg=R\n[R]\n"
            "HKR,,VulkanDriverName,%REG_MULTI_SZ%,\"sub\\DRIVER.json\"\n"
            "HKR,,UserModeDriverName,%REG_MULTI_SZ%,\"%13%\\d3dumd.dll\",\"<>\",D3DUMD.DLL,"
            "\"/usr/lib/x.so\",\"%11%\\y.dll\"\n"
            "HKR,,OpenGLDriverName,,gl.dll\n"
            "HKR,,Package,,\"in %13%\\a\\b\"\n"
            "HKR,,Source,,%01%\\a\n"
            "HKR,,Windows,,\"%10%;%11%\\x;%12%\"\n");
    expect_data(ADAPTER, "VulkanDriverName", "multi_sz:\"" PACKAGE "/Sub/Driver.json\"");
    expect_data(ADAPTER, "UserModeDriverName",
                 "multi_sz:\"" PACKAGE "/d3dumd.dll\" \"<>\" \"" PACKAGE
                 "/d3dumd.dll\" \"/usr/lib/x.so\" \"C:\\\\Windows\\\\System32\\\\y.dll\"");
    expect_data(ADAPTER, "OpenGLDriverName", "sz:\"gl.dll\"");
    expect_data(ADAPTER, "Package", "sz:\"in " PACKAGE "/a/b\"");
    expect_data(ADAPTER, "Source", "sz:\"" PACKAGE "/a\"");
    expect_data(ADAPTER, "Windows",
                 "sz:\"C:\\\\Windows;C:\\\\Windows\\\\System32\\\\x;"
                 "C:\\\\Windows\\\\System32\\\\drivers\"");
    /* The first library of the package stands for it. */
    expect_data(SERVICE, "ImagePath", "expand_sz:\"" PACKAGE "/d3dumd.dll\"");
}

static void test_service(void **state)
{
    (void)state;
    static const char text[] = "[Install.NT]\nAddReg=R\n[R]\nHKR,,EnableDebug,,adapter\n"
                               "[Install.NT.Services]\n"
                               "AddService=other,0,Other\n"
                               "AddService=soft,0x2,Svc\n"
                               "[Svc]\nServiceBinary=%12%\\soft.sys\nAddReg=S\n"
                               "[S]\nHKR,,EnableDebug,%REG_DWORD%,1\n";
    support_write_text(now.folder, "Soft.sys", "");
    install(text);
    expect_data(ADAPTER, "EnableDebug", "sz:\"adapter\"");
    expect_data(SERVICE, "EnableDebug", "dword:0x00000001");
    expect_data(SERVICE, "ImagePath", "expand_sz:\"" PACKAGE "/Soft.sys\"");
    /* A library of the package's own is the image, and was written before. */
    reg_hive_destroy(now.hive);
    assert_int_equal(reg_hive_create(&now.hive), 0);
    now.has_library = true;
    install(text);
    expect_data(SERVICE, "ImagePath", NULL);
    expect_data(SERVICE, "EnableDebug", "dword:0x00000001");
}

static void test_decorations_and_needs(void **state)
{
    (void)state;
    install("[Install]\nAddReg=A\n[Install.NT]\nAddReg=B\n"
            "[Install.NTamd64]\nInclude=other.inf\nNeeds=Elsewhere,More\nAddReg=C\n"
            "[More]\nAddReg=D\n"
            "[A]\nHKR,,A,,1\n[B]\nHKR,,B,,1\n[C]\nHKR,,C,,1\n[D]\nHKR,,D,,1\n");
    expect_data(ADAPTER, "A", NULL);
    expect_data(ADAPTER, "B", NULL);
    expect_data(ADAPTER, "C", "sz:\"1\"");
    expect_data(ADAPTER, "D", "sz:\"1\"");
    expect_data(ADAPTER, "InfSection", "sz:\"Install.NTamd64\"");
}

static void test_other_roots_are_left_out(void **state)
{
    (void)state;
    install("[Install]\nAddReg=R\n[R]\nHKLM,Software\\X,Y,,z\nHKCU,,Y,,z\nHKR,,Y,,own\n");
    expect_data(ADAPTER, "Y", "sz:\"own\"");
    assert_null(reg_hive_find(now.hive, "HKLM\\Software"));
}

static void test_files(void **state)
{
    (void)state;
    int folder;
    support_write_text(now.folder, "A.dll", "");
    support_write_text(now.folder, "disk/sub/b.dll", "");
    support_write_text(now.folder, "c.real", "");
    assert_int_equal(read_install("[Install]\nCopyFiles=F,@a.DLL\n"
                                  "[F]\nb.dll\nc.dll,c.real,,0x20\n"
                                  "[SourceDisksNames.amd64]\n1=x,,,\\Disk\n"
                                  "[SourceDisksFiles]\nb.dll=1,sub\n"),
                     0);
    assert_int_equal(now.install.file_count, 3);
    folder = open_folder();
    if (inf_install_check_files(&now.install, folder, &now.err))
        fail_msg("%s", now.err.text);
    close(folder);

    assert_int_equal(read_install("[Install]\nCopyFiles=F\n[F]\n\nmissing.dll\n"), 0);
    folder = open_folder();
    assert_int_equal(inf_install_check_files(&now.install, folder, &now.err), -ENOENT);
    assert_non_null(strstr(now.err.text, "dir/soft.inf:17: the file \"missing.dll\" is not in"));
    /* A link is no file of the driver. */
    char *link = support_path(now.folder, "missing.dll");
    assert_int_equal(symlink("A.dll", link), 0);
    assert_int_equal(inf_install_check_files(&now.install, folder, &now.err), -EBADMSG);
    free(link);
    close(folder);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "dir/soft.inf:12: there is no install section [Install]"},
        {"[Install]\nAddReg=No\n", "dir/soft.inf:14: there is no section [No]"},
        {"[Install]\nCopyFiles=No\n", "dir/soft.inf:14: there is no section [No]"},
        {"[Install]\nCopyFiles=@..\\x\n", "dir/soft.inf:14: the file \"../x\""},
        {"[Install]\nAddReg=R\n[R]\nHKX,,A\n", "dir/soft.inf:16: \"HKX\" is no registry root"},
        {"[Install]\nAddReg=R\n[R]\nHKR,,A,REG_SZ,x\n", ":16: \"REG_SZ\" is no type"},
        {"[Install]\nAddReg=R\n[R]\nHKR,,A,0x00050000,x\n", ":16: 0x00050000 is the type of none"},
        {"[Install]\nAddReg=R\n[R]\nHKR,,A,,x,y\n", ":16: a REG_SZ has one value"},
        {"[Install]\nAddReg=R\n[R]\nHKR,,A,%REG_DWORD%,x\n", ":16: \"x\" is no number of 32"},
        {"[Install]\nAddReg=R\n[R]\nHKR,,A,%REG_DWORD%\n", ":16: \"\" is no number of 32"},
        {"[Install]\nAddReg=R\n[R]\nHKR,,A,%REG_DWORD%,0x100000000\n", "is no number of 32"},
        {"[Install]\nAddReg=R\n[R]\nHKR,,A,1,01,100\n", ":16: \"100\" is no byte"},
        {"[Install]\nAddReg=R\n[R]\nHKR,,A,,%99%\\x\n", ":16: %99% is no known folder"},
        {"[Install]\nAddReg=R\n[R]\nHKR,%13%,A,,x\n", ":16: the key's name has a folder"},
        {"[Install]\nAddReg=R\n[R]\nHKR,..\\,A,,x\n", ":16: "},
        {"[Install]\nAddReg=R\n[R]\nHKR,,VulkanDriverName,,no.json\n",
         ":16: the file \"no.json\" is not in the folder"},
        {"[Install]\nAddReg=R\n[R]\nHKR,CopyToVmOverwrite,A,,no.dll\n",
         ":16: the file \"no.dll\" is not in the folder"},
        {"[Install]\nAddReg=R\n[R]\nHKR,CopyToVmOverwrite,A,%REG_DWORD%,1\n",
         "dir/soft.inf: HKR\\CopyToVmOverwrite, value \"A\": it is a REG_DWORD"},
        {"[Install]\nAddReg=R\n[R]\nHKR,CopyToVmOverwrite,A,,%13%\\a.dll\n",
         ":16: the source has a folder number"},
        {"[Install]\nNeeds=N,N\n[N]\nNeeds=M,M,M,M\nAddReg=R\n[M]\nNeeds=O,O,O,O\n[O]\n"
         "Needs=P,P,P,P,P,P,P,P\n[P]\nNeeds=Q,Q,Q,Q,Q,Q,Q,Q\n[Q]\nNeeds=U,U,U,U,U,U,U,U\n"
         "[U]\nNeeds=V,V,V,V,V,V,V,V\n[V]\nNeeds=W,W,W,W,W,W,W,W\n[W]\n[R]\n",
         "leads to more than 131072 lines"},
        {"[Install]\nNeeds=Install\n", "need each other more than 16 deep"},
        {"[Install]\n[Install.Services]\nAddService=a,2,No\n", ":15: there is no section [No]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_failure(cases[i].text, cases[i].message);
}

/* --- The three examples of "Copying files to system32 and syswow64 in the VM" ---------------- */

static void expect_copies(const char *const (*copies)[2], size_t count)
{
    struct copy_rule *rules;
    struct copy_report report;
    size_t rule_count;
    char *native = support_path(now.folder, "vm/system32");
    char *wow64 = support_path(now.folder, "vm/syswow64");
    if (copy_rules_read(reg_hive_find(now.hive, ADAPTER), &rules, &rule_count, &now.err) ||
        copy_rules_apply(rules, rule_count, now.folder, native, wow64, &report, &now.err))
        fail_msg("%s", now.err.text);
    assert_int_equal(rule_count, count);
    assert_int_equal(report.copied, count);
    for (size_t i = 0; i < count; i++) {
        char *data, *path = support_path(now.folder, "vm/%s", copies[i][1]);
        size_t size;
        assert_int_equal(file_read(AT_FDCWD, path, 4096, &data, &size, &now.err), 0);
        assert_string_equal(data, copies[i][0]); /* each file holds its own name */
        free(data);
        free(path);
    }
    copy_report_finish(&report);
    copy_rules_free(rules, rule_count);
    free(native);
    free(wow64);
}

static void add_files(void)
{
    static const char *const files[] = {"CopyToVm/softgpu1.dll", "softgpu1.dll", "softgpu2.dll",
                                        "Subdir1/Subdir2/softgpu2wow64.dll"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        support_write_text(now.folder, files[i], files[i]);
}

static void test_example_1(void **state)
{
    (void)state;
    add_files();
    install("[Install]\nAddReg=R\n[R]\n"
            "HKR,\"softgpukmd\\CopyToVmOverwrite\",SoftGpuFiles,%REG_MULTI_SZ%,"
            "\"CopyToVm\\softgpu1.dll”, “softgpu2.dll”\n");
    expect_data(ADAPTER "\\softgpukmd\\CopyToVmOverwrite", "SoftGpuFiles",
                 "multi_sz:\"CopyToVm\\\\softgpu1.dll\" \"softgpu2.dll\"");
    static const char *const copies[][2] = {{"CopyToVm/softgpu1.dll", "system32/softgpu2.dll"}};
    expect_copies(copies, 1);
}

static void test_example_2(void **state)
{
    (void)state;
    add_files();
    install("[Install]\nAddReg=R\n[R]\n"
            "HKR,\"CopyToVmOverwrite\",SoftGpuFiles1,%REG_MULTI_SZ%,\"softgpu1.dll”,”softgpu.dll\"\n"
            "HKR,\"CopyToVmOverwrite\",SoftGpuFiles2,%REG_SZ%, “softgpu2.dll\"\n");
    expect_data(ADAPTER "\\CopyToVmOverwrite", "SoftGpuFiles1",
                 "multi_sz:\"softgpu1.dll\" \"softgpu.dll\"");
    expect_data(ADAPTER "\\CopyToVmOverwrite", "SoftGpuFiles2", "sz:\"softgpu2.dll\"");
    static const char *const copies[][2] = {{"softgpu1.dll", "system32/softgpu.dll"},
                                            {"softgpu2.dll", "system32/softgpu2.dll"}};
    expect_copies(copies, 2);
}

static void test_example_3(void **state)
{
    (void)state;
    add_files();
    install("[Install]\nAddReg=R\n[R]\n"
            "HKR,\"CopyToVmOverwriteWow64\",SoftGpuFiles,%REG_MULTI_SZ%,"
            "“Subdir1\\Subdir2\\softgpu2wow64.dll”,”softgpu.dll”.\n");
    expect_data(ADAPTER "\\CopyToVmOverwriteWow64", "SoftGpuFiles",
                 "multi_sz:\"Subdir1\\\\Subdir2\\\\softgpu2wow64.dll\" \"softgpu.dll\"");
    static const char *const copies[][2] = {
        {"Subdir1/Subdir2/softgpu2wow64.dll", "syswow64/softgpu.dll"}};
    expect_copies(copies, 1);
}

/* A source's case is the folder's; the rules of the driver before go. */
static void test_rules_of_an_update(void **state)
{
    (void)state;
    add_files();
    install("[Install]\nAddReg=R\n[R]\n"
            "HKR,softgpukmd\\CopyToVmOverwrite,A,,softgpu1.dll\n"
            "HKR,CopyToVmWhenNewer,B,,softgpu2.dll\nHKR,,Own,,stays\n");
    install("[Install]\nAddReg=R\n[R]\n"
            "HKR,CopyToVmOverwrite,A,%REG_MULTI_SZ%,SUBDIR1\\subdir2\\SoftGpu2Wow64.dll,x.dll\n");
    assert_null(reg_hive_find(now.hive, ADAPTER "\\softgpukmd\\CopyToVmOverwrite"));
    assert_null(reg_hive_find(now.hive, ADAPTER "\\CopyToVmWhenNewer"));
    expect_data(ADAPTER, "Own", "sz:\"stays\"");
    expect_data(ADAPTER "\\CopyToVmOverwrite", "A",
                 "multi_sz:\"Subdir1\\\\Subdir2\\\\softgpu2wow64.dll\" \"x.dll\"");
    static const char *const copies[][2] = {
        {"Subdir1/Subdir2/softgpu2wow64.dll", "system32/x.dll"}};
    expect_copies(copies, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_identity),
        TEST(test_types),
        TEST(test_flags),
        TEST(test_folders),
        TEST(test_service),
        TEST(test_decorations_and_needs),
        TEST(test_other_roots_are_left_out),
        TEST(test_files),
        TEST(test_errors),
        TEST(test_example_1),
        TEST(test_example_2),
        TEST(test_example_3),
        TEST(test_rules_of_an_update),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
