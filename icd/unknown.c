/* SPDX-License-Identifier: MIT */
#include "icd/unknown.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "icd/icd.h"
#include "util/log.h"

/*
 * The thunks: UNKNOWN_MAX entries of 16 bytes, each loading its place and jumping to the common
 * part, which reads the driver's table and handle from the struct icd_physical_device in the first
 * parameter. No other register of a parameter, and nothing on the stack beside it, is touched.
 */
_Static_assert(offsetof(struct icd_physical_device, real) == sizeof(void *), "the code below");
_Static_assert(offsetof(struct icd_physical_device, unknown) == 2 * sizeof(void *),
               "the code below");
_Static_assert(offsetof(struct unknown_table, functions) == 0, "the code below");
_Static_assert(UNKNOWN_MAX == 64, "the code below");

#if defined(__x86_64__) && defined(__LP64__)
#define THUNK_ENTRY "endbr64\n movl $.Lplace, %eax\n jmp .Lunknown_common\n"
#define THUNK_COMMON                                                                               \
    "movq 16(%rdi), %r11\n"                                                                        \
    "movq 8(%rdi), %rdi\n"                                                                         \
    "movq (%r11, %rax, 8), %r11\n"                                                                 \
    "jmp *%r11\n"
#elif defined(__i386__)
#define THUNK_ENTRY "endbr32\n movl $.Lplace, %eax\n jmp .Lunknown_common\n"
#define THUNK_COMMON                                                                               \
    "movl 4(%esp), %ecx\n"                                                                         \
    "movl 8(%ecx), %edx\n"                                                                         \
    "movl 4(%ecx), %ecx\n"                                                                         \
    "movl %ecx, 4(%esp)\n"                                                                         \
    "jmp *(%edx, %eax, 4)\n"
#elif defined(__aarch64__)
#define THUNK_ENTRY "hint #34\n mov w16, #.Lplace\n b .Lunknown_common\n"
#define THUNK_COMMON                                                                               \
    "ldr x17, [x0, #16]\n"                                                                         \
    "ldr x0, [x0, #8]\n"                                                                           \
    "ldr x16, [x17, x16, lsl #3]\n"                                                                \
    "br x16\n"
#endif

#ifdef THUNK_ENTRY
__asm__(".pushsection .text\n"
        ".p2align 4\n"
        ".globl gpupv_unknown_thunks\n"
        ".hidden gpupv_unknown_thunks\n"
        ".type gpupv_unknown_thunks, %function\n"
        "gpupv_unknown_thunks:\n"
        ".set .Lplace, 0\n"
        ".rept 64\n"
        ".p2align 4\n" THUNK_ENTRY ".set .Lplace, .Lplace + 1\n"
        ".endr\n"
        ".p2align 4\n"
        ".Lunknown_common:\n" THUNK_COMMON ".size gpupv_unknown_thunks, . - gpupv_unknown_thunks\n"
        ".popsection\n");

extern const char gpupv_unknown_thunks[] __attribute__((visibility("hidden")));

static PFN_vkVoidFunction thunk(size_t place)
{
    return (PFN_vkVoidFunction)(uintptr_t)(gpupv_unknown_thunks + 16 * place);
}
#else
static PFN_vkVoidFunction thunk(size_t place)
{
    (void)place;
    return NULL;
}
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *names[UNKNOWN_MAX]; /* they keep their places until the process ends */

/* Called for a driver that lacks the command. Its result is read as a VkResult where the command
 * has one. */
static VkResult not_present(void)
{
    return VK_ERROR_EXTENSION_NOT_PRESENT;
}

void unknown_table_init(struct unknown_table *table)
{
    for (size_t i = 0; i < UNKNOWN_MAX; i++)
        table->functions[i] = (PFN_vkVoidFunction)not_present;
}

/* The name's place, or UNKNOWN_MAX when there is none left. */
static size_t place_locked(const char *name)
{
    size_t i;

    for (i = 0; i < UNKNOWN_MAX && names[i]; i++)
        if (!strcmp(names[i], name))
            return i;
    if (i < UNKNOWN_MAX) {
        names[i] = strdup(name);
        return names[i] ? i : UNKNOWN_MAX;
    }
    log_warning("icd",
                "no place is left for %s, a command newer than gpupv: update gpupv in the "
                "guest",
                name);
    return i;
}

static PFN_vkVoidFunction ask_driver(const struct icd_umd *umd, const char *name)
{
    PFN_vk_icdGetPhysicalDeviceProcAddr lookup = umd->driver->get_physical_device_proc_addr;

    return lookup ? lookup(umd->instance, name) : NULL;
}

PFN_vkVoidFunction unknown_function(struct icd_instance *instance, const char *name)
{
    PFN_vkVoidFunction result = NULL;
    size_t place = UNKNOWN_MAX;

    for (uint32_t i = 0; i < instance->umd_count; i++) {
        struct icd_umd *umd = &instance->umds[i];
        PFN_vkVoidFunction function = ask_driver(umd, name);

        if (!function || !thunk(0))
            continue;
        if (place == UNKNOWN_MAX) {
            pthread_mutex_lock(&lock);
            place = place_locked(name);
            pthread_mutex_unlock(&lock);
            if (place == UNKNOWN_MAX)
                return NULL;
        }
        __atomic_store_n(&umd->unknown.functions[place], function, __ATOMIC_RELEASE);
        result = thunk(place);
    }
    return result;
}
