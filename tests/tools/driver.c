/* SPDX-License-Identifier: MIT */
/* A library that a package can hold as its driver. */
void *vk_icdGetInstanceProcAddr(void *instance, const char *name);

__attribute__((visibility("default"))) void *vk_icdGetInstanceProcAddr(void *instance,
                                                                       const char *name)
{
    (void)instance;
    (void)name;
    return 0;
}
