/* SPDX-License-Identifier: MIT */
/* A fake host, fake drivers in packages, and short ways to make instances and devices of the shim.
 * Everything asserts success. */
#ifndef GPUPV_TESTS_ICD_FIXTURE_H
#define GPUPV_TESTS_ICD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#include <cmocka.h>

#include "fake_kmt.h"
#include "fake_umd.h"
#include "icd/icd.h"

/* LowPart of the first adapter's LUID; the next ones follow. */
#define LOW 0x89abcdefu

/* A driver that the test put into a package of its own. */
struct driver {
    wchar_t *manifest;
    char library[512];
    struct fake_umd_state *state; /* after the first use */
};

/* What they are: fake_umds in meson.build. */
extern struct driver a, b, c, d, p;

struct fake_umd_state *state_of(struct driver *driver);

int set_up_group(void **state);
int tear_down_group(void **state);
int set_up(void **state);
/* Fails when a driver still has objects. */
int tear_down(void **state);

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* The text of the guest's own registry, until the test's end. */
void write_guest_hive(const char *text);

struct fake_adapter *add_adapter(struct driver *driver, uint32_t vendor, uint32_t device);
struct fake_adapter *add_a(void);
struct fake_adapter *add_b(void);

#define LOOK_UP(instance, name) ((PFN_##name)icd_GetInstanceProcAddr(instance, #name))

/* `extensions` ends with NULL, or is NULL. */
VkResult create(VkInstance *instance, uint32_t version, const char *const *extensions);
VkInstance create_with(const char *const *extensions);
void destroy(VkInstance instance);
uint32_t enumerate(VkInstance instance, VkPhysicalDevice devices[FAKE_MAX_ADAPTERS]);
VkDevice create_device(VkInstance instance, VkPhysicalDevice physical, const void *chain,
                       const char *extension);
void destroy_device(VkInstance instance, VkDevice device);

/* Whose physical device it is, and its LUID and node mask. */
void check_device(VkInstance instance, VkPhysicalDevice device, uint32_t vendor, uint32_t luid_low,
                  uint32_t node_mask);

/* Whether the shim offers an instance extension. */
bool is_listed(const char *name);

#endif
