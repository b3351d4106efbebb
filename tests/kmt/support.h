/* SPDX-License-Identifier: MIT */
/* What the tests of the thunks share: cmocka, a fake host for each test, and its first adapter. */
#ifndef GPUPV_TESTS_KMT_SUPPORT_H
#define GPUPV_TESTS_KMT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_host.h"
#include "gpupv/d3dkmthk.h"
#include "gpupv/kmt.h"

/* Compares NTSTATUS values and names both when they differ. */
#define assert_status(status, expected)                                                            \
    support_assert_status((status), (expected), #status, __FILE__, __LINE__)
void support_assert_status(NTSTATUS status, NTSTATUS expected, const char *what, const char *file,
                           int line);

/* cmocka's setup and teardown of a test: *state is a struct fake_host. */
int support_start(void **state);
int support_stop(void **state);
#define host_test(function) cmocka_unit_test_setup_teardown(function, support_start, support_stop)

D3DKMT_HANDLE support_open(void);
void support_close(D3DKMT_HANDLE adapter);
D3DKMT_HANDLE support_create_device(D3DKMT_HANDLE adapter);

NTSTATUS support_query(D3DKMT_HANDLE adapter, KMTQUERYADAPTERINFOTYPE type, void *data, UINT size);

#endif
