/* SPDX-License-Identifier: MIT */
/*
 * The guest's view of the host through the D3DKMT functions, with texts in UTF-8 and errors for a
 * person. Errors are negative errno: -ECONNREFUSED no service, -ENOENT no such adapter, value or
 * path, -EACCES not allowed, -EMEDIUMTYPE the value has another type.
 */
#ifndef GPUPV_TOOLS_GUEST_H
#define GPUPV_TOOLS_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpupv/kmt.h"
#include "registry/registry.h"
#include "util/error.h"

/* Where the thunks look for the host: $GPUPV_HOST or the default. Known without a connection. */
const char *guest_host_uri(void);

int guest_connect(struct gpupv_kmt_info *info, struct error *err);

struct guest_adapter {
    D3DKMT_HANDLE handle;
    LUID luid;
};

/* Opens every adapter that the host offers. */
int guest_open_adapters(struct guest_adapter **adapters, size_t *count, struct error *err);
void guest_close_adapters(struct guest_adapter *adapters, size_t count);

/* "00000000-0000abcd" */
#define GUEST_LUID_SIZE 20
void guest_format_luid(LUID luid, char text[GUEST_LUID_SIZE]);
/* HIGH:LOW or HIGH-LOW, hexadecimal. 0 or -EINVAL. */
int guest_parse_luid(const char *text, LUID *luid);

/* One fixed-size structure of KMTQUERYADAPTERINFOTYPE; the NTSTATUS. */
NTSTATUS guest_query(D3DKMT_HANDLE adapter, KMTQUERYADAPTERINFOTYPE type, void *data, size_t size);
/* A text of the host's, malloc'ed UTF-8. NULL when it is no text. `capacity` counts WCHARs. */
char *guest_text(const WCHAR *wide, size_t capacity);

struct guest_registry_query {
    uint32_t query; /* D3DDDI_QUERYREGISTRY_TYPE */
    uint32_t physical;
    bool translate;
    const char *name;   /* ignored for the two paths */
    enum reg_type type; /* REG_TYPE_NONE for the two paths */
};

/* *value gets the value in the form of struct reg_value; its name stays NULL; free `data`. */
int guest_read_registry(D3DKMT_HANDLE adapter, const struct guest_registry_query *query,
                        struct reg_value *value, struct error *err);
int guest_list_registry(D3DKMT_HANDLE adapter, uint32_t query, uint32_t physical,
                        struct gpupv_kmt_registry_entry **entries, size_t *count,
                        struct error *err);

/* "STATUS_INVALID_PARAMETER", or the number in `text`. */
const char *guest_status_text(NTSTATUS status, char text[16]);
int guest_status_code(NTSTATUS status);

#endif
