/* SPDX-License-Identifier: MIT */
/* The gpupv command: the table of its commands, and what is common to all of them. */
#include <stdio.h>
#include <stdlib.h>

#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/output.h"

static const struct cli_option reg_query_options[] = {
    {"service", 0, NULL, NULL, "read the service key"},
    {"adapter", 0, NULL, NULL, "read the adapter (software) key; this is the default"},
    {"index", 'i', NULL, "N", "the adapter with this number in \"gpupv info\"; default 0"},
    {"luid", 0, NULL, "H:L", "the adapter with this LUID"},
    {"phys", 'p', NULL, "N", "the key of this linked physical adapter; default 0"},
    {"type", 't', "t", "TYPE", "take only a value of this type, such as REG_SZ"},
    {"translate", 0, NULL, NULL, "paths in the host's driver store come as this guest's paths"},
    {"store-path", 0, NULL, NULL, "print the driver store path instead of a value"},
    {"image-path", 0, NULL, NULL, "print the driver image path instead of a value"},
    {0}};

static const struct cli_command reg_commands[] = {
    {"query", "[NAME]", "Print a value, or all values, of an adapter's registry keys",
     "The values lie on the host. Without NAME all values are listed, where the host allows it.",
     reg_query_options, NULL, 0, 1, cmd_reg_query},
    {0}};

static const struct cli_option names_options[] = {
    {"names", 0, NULL, NULL, "print the names alone, one a line"}, {0}};

static const struct cli_option host_reg_add_options[] = {
    {"value", 'v', "v", "NAME", "the value's name; the same as the argument NAME"},
    {"default", 0, "ve", NULL, "the key's default value"},
    {"type", 't', "t", "TYPE", "REG_SZ (default), REG_EXPAND_SZ, REG_MULTI_SZ, REG_DWORD, ..."},
    {"data", 'd', "d", "DATA", "the data; REG_MULTI_SZ as A\\0B, REG_BINARY as 00ff10"},
    {"separator", 's', "s", "TEXT", "what separates the strings of REG_MULTI_SZ; default \\0"},
    {"force", 'f', "f", NULL, "replace a value without asking"},
    {0}};

static const struct cli_option host_reg_query_options[] = {
    {"value", 'v', "v", "NAME", "the value's name; the same as the argument NAME"},
    {"default", 0, "ve", NULL, "the key's default value"},
    {"recursive", 's', "s", NULL, "the keys below, too"},
    {0}};

static const struct cli_option host_reg_delete_options[] = {
    {"value", 'v', "v", "NAME", "the value's name; the same as the argument NAME"},
    {"default", 0, "ve", NULL, "the key's default value"},
    {"all-values", 0, "va", NULL, "every value of the key, but not the keys below"},
    {"force", 'f', "f", NULL, "delete without asking"},
    {0}};

static const struct cli_option host_reg_import_hive_options[] = {
    {"list", 'l', NULL, NULL, "import nothing; list the keys below KEY, default: the adapters"},
    {"source", 's', NULL, "KEY", "the hive's key; default: the first adapter of ControlSet001"},
    {"adapter", 'a', NULL, "NAME", "the adapter whose key takes the values"},
    {"phys", 'p', NULL, "N", "of this linked physical adapter; default 0"},
    {0}};

static const struct cli_option host_reg_export_options[] = {
    {"format", 0, NULL, "FORMAT", "text or reg; default: reg for a FILE that ends with .reg"},
    {"force", 'f', "y", NULL, "replace FILE without asking"},
    {0}};

static const struct cli_option host_reg_compare_options[] = {
    {"value", 'v', "v", "NAME", "only values of this name"},
    {"default", 0, "ve", NULL, "only the keys' default values"},
    {"recursive", 's', "s", NULL, "the keys below, too"},
    {"all", 0, "oa", NULL, "print what is the same, too"},
    {"differences", 0, "od", NULL, "print what differs; this is the default"},
    {"matches", 0, "os", NULL, "print what is the same, and not what differs"},
    {"quiet", 'q', "on", NULL, "print the result alone"},
    {0}};

static const struct cli_option host_reg_diff_options[] = {
    {"adapter", 'a', NULL, "NAME", "the adapter whose keys are compared"},
    {"vm", 0, NULL, "NAME", "as a guest of this VM; default: the default VM"},
    {0}};

#define KEY_DETAILS                                                                                \
    "KEY is a path such as HKLM\\SYSTEM\\CurrentControlSet\\Control\\GraphicsDrivers, or\n"        \
    "adapter:NAME[:N] or service:NAME for the keys of an adapter."

static const struct cli_command host_reg_commands[] = {
    {"add", "KEY [NAME]", "Make a key, or set a value",
     KEY_DETAILS "\nWithout NAME only the key is made.", host_reg_add_options, NULL, 1, 2,
     cmd_host_reg_add},
    {"query", "KEY [NAME]", "Print a key's values and the names of its subkeys", KEY_DETAILS,
     host_reg_query_options, NULL, 1, 2, cmd_host_reg_query},
    {"delete", "KEY [NAME]", "Delete a value, or a key and all below it", KEY_DETAILS,
     host_reg_delete_options, NULL, 1, 2, cmd_host_reg_delete},
    {"import", "FILE", "Merge a file of keys and values into the registry",
     "All of the file is taken, or none of it. FILE may be - for standard input. Its contents\n"
     "tell whether it is in gpupv's text form or a .reg file of Windows.",
     NULL, NULL, 1, 1, cmd_host_reg_import},
    {"import-hive", "FILE", "Take an adapter's key out of a hive file of Windows",
     "FILE is a copy of System32\\config\\SYSTEM. KEY may start with CurrentControlSet.",
     host_reg_import_hive_options, NULL, 1, 1, cmd_host_reg_import_hive},
    {"export", "KEY [FILE]", "Write a key and all below it as text",
     KEY_DETAILS "\nWithout FILE, or with -, the text goes to standard output.",
     host_reg_export_options, NULL, 1, 2, cmd_host_reg_export},
    {"compare", "KEY KEY", "Compare the values of two keys",
     KEY_DETAILS "\nExit status: 0 the same, 1 different, 2 and more: they could not be compared.",
     host_reg_compare_options, NULL, 2, 2, cmd_host_reg_compare},
    {"diff", NULL, "Compare what a guest is told with the registry",
     "Asks the running service as a guest does, with paths as they are and translated.\n"
     "Exit status: 0 the same, 1 different, 2 and more: they could not be compared.",
     host_reg_diff_options, NULL, 0, 0, cmd_host_reg_diff},
    {0}};

static const struct cli_option host_store_add_options[] = {
    {"name", 0, NULL, "NAME", "the package's name; default: from the file's or folder's name"},
    {"version", 0, NULL, "VERSION", "the driver's version; default: the manifest's API version"},
    {"arch", 0, NULL, "ARCH", "x86_64, i386, aarch64 or any; default: from the library"},
    {"adapter", 'a', NULL, "NAME", "make it the driver of this adapter, in the registry"},
    {"phys", 'p', NULL, "N", "of this linked physical adapter; default 0"},
    {"model", 'm', NULL, "MODEL", "which of the INF's models: a hardware ID or description"},
    {"sign-key", 0, NULL, "FILE", "sign the package with this secret key"},
    {0}};

static const struct cli_option host_store_keygen_options[] = {
    {"output", 'o', NULL, "FILE", "the secret key's file; default: gpupv-signing.key"},
    {"comment", 0, NULL, "TEXT", "a line that tells whose key it is"},
    {0}};

static const struct cli_option host_store_sign_options[] = {
    {"all", 0, NULL, NULL, "sign every package"},
    {"key", 'k', NULL, "FILE", "the secret key to sign with"},
    {0}};

static const struct cli_option host_store_verify_options[] = {
    {"all", 0, NULL, NULL, "verify every package"},
    {"key", 'k', NULL, "FILE", "a public key that must have signed; more: one of them"},
    {0}};

static const struct cli_option host_store_remove_options[] = {
    {"force", 'f', NULL, NULL, "remove it although a registry key names it"}, {0}};

static const struct cli_command host_store_commands[] = {
    {"add", "[MANIFEST|FOLDER]", "Put a driver into the driver store",
     "Without an argument it is gpupv's own driver, which runs Vulkan in a worker on the host:\n"
     "guests need no GPU and no other library for it.\n"
     "MANIFEST is a Vulkan ICD manifest (*.json) of a complete driver; its library is taken "
     "along.\n"
     "A FOLDER holds one manifest or one INF file, or both, and all that its driver needs. What\n"
     "the INF says of the registry goes into the adapter's keys.",
     host_store_add_options, NULL, 0, 1, cmd_host_store_add},
    {"list", NULL, "List the packages", NULL, names_options, NULL, 0, 0, cmd_host_store_list},
    {"keygen", NULL, "Make a pair of keys to sign packages with",
     "The public key is written beside the secret one, as FILE.pub.", host_store_keygen_options,
     NULL, 0, 0, cmd_host_store_keygen},
    {"sign", "[PACKAGE]", "Sign packages", NULL, host_store_sign_options, NULL, 0, 1,
     cmd_host_store_sign},
    {"verify", "[PACKAGE]", "Compare packages with their catalogs", NULL, host_store_verify_options,
     NULL, 0, 1, cmd_host_store_verify},
    {"remove", "PACKAGE", "Remove a package that nobody uses", NULL, host_store_remove_options,
     NULL, 1, 1, cmd_host_store_remove},
    {0}};

static const struct cli_option host_top_options[] = {
    {"interval", 0, NULL, "SECONDS", "from picture to picture; default 2"},
    {"count", 'n', NULL, "N", "end after so many pictures"},
    {0}};

static const struct cli_option host_options[] = {
    {"config", 'c', NULL, "FILE", "the service's configuration; default: $GPUPV_CONFIG, gpupv.ini"},
    {0}};

static const struct cli_command host_commands[] = {
    {"gpus", NULL, "Show the GPUs that can be partitioned, and their resources", NULL, NULL, NULL,
     0, 0, cmd_host_gpus},
    {"adapters", NULL, "Show the adapters that guests are offered", NULL, names_options, NULL, 0, 0,
     cmd_host_adapters},
    {"status", NULL, "Show the state of the running service", NULL, NULL, NULL, 0, 0,
     cmd_host_status},
    {"processes", NULL, "List the guest processes that are connected", NULL, NULL, NULL, 0, 0,
     cmd_host_processes},
    {"top", NULL, "Show what the guest processes do, again and again",
     "Who uses the GPU most comes first. Ends with Ctrl-C; shows one picture and ends where it\n"
     "does not print to a terminal.",
     host_top_options, NULL, 0, 0, cmd_host_top},
    {"vms", NULL, "Show the VMs that guests may come from, and what they may", NULL, NULL, NULL, 0,
     0, cmd_host_vms},
    {"reg", NULL, "Read and change the registry", NULL, NULL, host_reg_commands, 0, 0, NULL},
    {"store", NULL, "Manage the driver store", NULL, NULL, host_store_commands, 0, 0, NULL},
    {0}};

static const struct cli_option run_options[] = {
    {"vgpu", 0, NULL, "MODE", "disable, enable (default) or enable-vendor-extensions"},
    {"wsb", 0, NULL, "FILE", "take the settings of a Windows Sandbox configuration"},
    {"vm", 0, NULL, "NAME", "the VM whose socket the guest gets; default: one that fits MODE"},
    {"socket", 0, NULL, "PATH", "give the guest this socket of the service"},
    {"display", 0, NULL, NULL, "fail when there is no display to pass on"},
    {"no-display", 0, NULL, NULL, "pass no X11 or Wayland display on"},
    {"no-network", 0, NULL, NULL, "give the guest no network"},
    {"bind", 'b', NULL, "SRC[:DST[:ro]]", "show a file or folder of this machine; repeatable"},
    {"device", 0, NULL, "PATH", "show a device that the driver needs; repeatable"},
    {"env", 'e', NULL, "NAME[=VALUE]", "set or pass on a variable; repeatable"},
    {"root", 0, NULL, "FOLDER", "the guest's root; default: this machine's, read-only"},
    {"prefix", 0, NULL, "FOLDER", "where gpupv is installed; default: where this program is"},
    {"config", 'c', NULL, "FILE", "the service's configuration; default: $GPUPV_CONFIG, gpupv.ini"},
    {0}};

static const struct cli_option cdi_generate_options[] = {
    {"output", 'o', NULL, "FILE", "such as /etc/cdi/gpupv.json; default: standard output"},
    {"vm", 0, NULL, "NAME", "the VM that the containers belong to; default: the default VM"},
    {"kind", 0, NULL, "VENDOR/CLASS", "the devices' kind; default: gpupv.org/gpu"},
    {"device", 0, NULL, "PATH", "a device node that the driver needs; repeatable"},
    {"with-tool", 0, NULL, NULL, "put the gpupv command into containers, too"},
    {"prefix", 0, NULL, "FOLDER", "where gpupv is installed; default: where this program is"},
    {"config", 'c', NULL, "FILE", "the service's configuration; default: $GPUPV_CONFIG, gpupv.ini"},
    {0}};

static const struct cli_option cdi_list_options[] = {
    {"dir", 0, NULL, "FOLDER", "look there; default: /etc/cdi and /var/run/cdi"},
    {"kind", 0, NULL, "VENDOR/CLASS", "the devices' kind; default: gpupv.org/gpu"},
    {0}};

static const struct cli_command cdi_commands[] = {
    {"generate", NULL, "Write a CDI specification for podman, docker and Kubernetes", NULL,
     cdi_generate_options, NULL, 0, 0, cmd_cdi_generate, false},
    {"list", NULL, "List the CDI devices that container engines find here", NULL, cdi_list_options,
     NULL, 0, 0, cmd_cdi_list, false},
    {0}};

static const struct cli_option guest_run_options[] = {
    {"once", 0, NULL, NULL, "look once, then end"},
    {"interval", 0, NULL, "SECONDS", "look again after this time; default 10"},
    {"store", 0, NULL, "FOLDER", "the guest's store; default: where the host says"},
    {"native-folder", 0, NULL, "FOLDER", "put the driver's CopyToVm files here"},
    {"wow64-folder", 0, NULL, "FOLDER", "put the driver's CopyToVm...Wow64 files here"},
    {"quiet", 'q', NULL, NULL, "print nothing but what is wrong"},
    {0}};

#define OWN_KEY_DETAILS                                                                            \
    "KEY is a path such as HKLM\\SYSTEM\\CurrentControlSet\\Control\\GraphicsDrivers."

static const struct cli_command guest_reg_commands[] = {
    {"add", "KEY [NAME]", "Make a key, or set a value",
     OWN_KEY_DETAILS "\nWithout NAME only the key is made.", host_reg_add_options, NULL, 1, 2,
     cmd_host_reg_add},
    {"query", "KEY [NAME]", "Print a key's values and the names of its subkeys", OWN_KEY_DETAILS,
     host_reg_query_options, NULL, 1, 2, cmd_host_reg_query},
    {"delete", "KEY [NAME]", "Delete a value, or a key and all below it", OWN_KEY_DETAILS,
     host_reg_delete_options, NULL, 1, 2, cmd_host_reg_delete},
    {"import", "FILE", "Merge a file of keys and values into the registry",
     "All of the file is taken, or none of it. FILE may be - for standard input. Its contents\n"
     "tell whether it is in gpupv's text form or a .reg file of Windows.",
     NULL, NULL, 1, 1, cmd_host_reg_import},
    {"export", "KEY [FILE]", "Write a key and all below it as text",
     OWN_KEY_DETAILS "\nWithout FILE, or with -, the text goes to standard output.",
     host_reg_export_options, NULL, 1, 2, cmd_host_reg_export},
    {"compare", "KEY KEY", "Compare the values of two keys",
     OWN_KEY_DETAILS
     "\nExit status: 0 the same, 1 different, 2 and more: they could not be compared.",
     host_reg_compare_options, NULL, 2, 2, cmd_host_reg_compare},
    {0}};

static const struct cli_command guest_commands[] = {
    {"run", NULL, "Copy the driver packages that the host's adapters need, and keep them so",
     "For full virtual machines, which do not see the host's driver store. The host's\n"
     "DriverStoreCopyMode says whether packages are copied (1) and replaced (2).",
     guest_run_options, NULL, 0, 0, cmd_guest_run},
    {"reg", NULL, "Read and change this guest's own registry",
     "Settings that a guest has for itself, such as GpuVirtualizationFlags; see gpupv-guest(1).",
     NULL, guest_reg_commands, 0, 0, NULL},
    {0}};

static const struct cli_option root_options[] = {
    {"json", 0, NULL, NULL, "print JSON; the man pages list its members"},
    {"help", 'h', "?", NULL, "print this help"},
    {"version", 'V', NULL, NULL, "print the version"},
    {0}};

static const struct cli_command root_commands[] = {
    {"info", NULL, "Show the host and its adapters as this guest sees them", NULL, NULL, NULL, 0, 0,
     cmd_info},
    {"reg", NULL, "Read the registry of the host's adapters", NULL, NULL, reg_commands, 0, 0, NULL},
    {"doctor", NULL, "Find out why a program does not find the host's GPU", NULL, NULL, NULL, 0, 0,
     cmd_doctor},
    {"run", "[--] PROGRAM [ARGUMENT...]", "Run a program in a guest on this machine",
     "The guest sees this machine's files read-only, without its Vulkan drivers and without\n"
     "people's folders, and gets its GPU from the service. Options stand before PROGRAM.",
     run_options, NULL, 0, 0, cmd_run, true},
    {"cdi", NULL, "Describe the GPU to container engines", NULL, NULL, cdi_commands, 0, 0, NULL,
     false},
    {"guest", NULL, "Keep this guest's own settings and copy of the driver store", NULL, NULL,
     guest_commands, 0, 0, NULL},
    {"host", NULL, "Manage the service on the host", NULL, host_options, host_commands, 0, 0, NULL},
    {0}};

static const struct cli_command root = {
    "gpupv",
    NULL,
    "Shows and manages paravirtual GPUs: in a guest, and with \"gpupv host\" on the host.",
    NULL,
    root_options,
    root_commands,
    0,
    0,
    NULL};

#define EXIT_CODES                                                                                 \
    "\nExit status: 0 done, 1 failed, 2 wrong command line, 3 no service, 4 not found,\n"          \
    "5 refused (in use, not allowed, not confirmed).\n"

/* A full disk or a closed pipe must not look like success. */
static enum exit_code close_output(enum exit_code code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    perror("gpupv: cannot write the output");
    return code == EXIT_DONE ? EXIT_FAILED : code;
}

int main(int argc, char **argv)
{
    struct cli cli;
    struct error err = {0};

    if (cli_parse(&root, argc, argv, &cli, &err) < 0) {
        output_note("%s", err.text);
        return EXIT_USAGE;
    }
    if (cli_given(&cli, "help")) {
        cli_print_help(&cli, stdout);
        fputs(EXIT_CODES, stdout);
        return close_output(EXIT_DONE);
    }
    if (cli_asks_version(&cli)) {
        puts("gpupv " GPUPV_VERSION);
        return close_output(EXIT_DONE);
    }
    return close_output(cli_command(&cli)->run(&cli));
}
