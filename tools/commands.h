/* SPDX-License-Identifier: MIT */
/* The functions behind the table of commands in main.c; each is described there and in the man
 * pages. */
#ifndef GPUPV_TOOLS_COMMANDS_H
#define GPUPV_TOOLS_COMMANDS_H

#include "tools/cli.h"

enum exit_code cmd_info(const struct cli *cli);
enum exit_code cmd_doctor(const struct cli *cli);
enum exit_code cmd_reg_query(const struct cli *cli);

enum exit_code cmd_run(const struct cli *cli);
enum exit_code cmd_cdi_generate(const struct cli *cli);
enum exit_code cmd_cdi_list(const struct cli *cli);

enum exit_code cmd_guest_run(const struct cli *cli);

enum exit_code cmd_host_gpus(const struct cli *cli);
enum exit_code cmd_host_adapters(const struct cli *cli);
enum exit_code cmd_host_status(const struct cli *cli);
enum exit_code cmd_host_processes(const struct cli *cli);
enum exit_code cmd_host_top(const struct cli *cli);
enum exit_code cmd_host_vms(const struct cli *cli);

enum exit_code cmd_host_reg_add(const struct cli *cli);
enum exit_code cmd_host_reg_query(const struct cli *cli);
enum exit_code cmd_host_reg_delete(const struct cli *cli);
enum exit_code cmd_host_reg_import(const struct cli *cli);
enum exit_code cmd_host_reg_import_hive(const struct cli *cli);
enum exit_code cmd_host_reg_export(const struct cli *cli);
enum exit_code cmd_host_reg_compare(const struct cli *cli);
enum exit_code cmd_host_reg_diff(const struct cli *cli);

enum exit_code cmd_host_store_add(const struct cli *cli);
enum exit_code cmd_host_store_list(const struct cli *cli);
enum exit_code cmd_host_store_verify(const struct cli *cli);
enum exit_code cmd_host_store_keygen(const struct cli *cli);
enum exit_code cmd_host_store_sign(const struct cli *cli);
enum exit_code cmd_host_store_remove(const struct cli *cli);

#endif
