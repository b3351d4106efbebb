/* SPDX-License-Identifier: MIT */
/* A library to put into the store; nothing calls it. */

__attribute__((visibility("default"))) int gpupv_test_driver_answer(void);

int gpupv_test_driver_answer(void)
{
    return 42;
}
