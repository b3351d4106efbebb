/* SPDX-License-Identifier: MIT */
/* A library that is no Vulkan driver. */
int not_a_driver(void);

__attribute__((visibility("default"))) int not_a_driver(void)
{
    return 1;
}
