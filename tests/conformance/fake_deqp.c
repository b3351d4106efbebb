// SPDX-License-Identifier: MIT
// Speaks like deqp-vk, for the test of run-cts. What a case does is said by the last part of its
// name; "guest" before it: only where no VK_DRIVER_FILES is set.
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vulkan/vulkan.h>

static const char *draw_nothing(void)
{
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    VkInstance instance;
    if (vkCreateInstance(&info, NULL, &instance) != VK_SUCCESS) {
        return "InternalError (No instance)";
    }
    uint32_t count = 0;
    vkEnumeratePhysicalDevices(instance, &count, NULL);
    vkDestroyInstance(instance, NULL);
    return count == 1 ? "Pass (One device)" : "Fail (Not one device)";
}

static const char *run(const char *name, unsigned cases)
{
    const char *way = strrchr(name, '.');
    way = way ? way + 1 : name;
    if (strncmp(way, "guest-", 6) == 0) {
        if (getenv("VK_DRIVER_FILES")) {
            return "Pass (On the host)";
        }
        way += 6;
    }
    if (strcmp(way, "device") == 0) {
        return draw_nothing();
    } else if (strcmp(way, "fail") == 0) {
        return "Fail (As it should)";
    } else if (strcmp(way, "unsupported") == 0) {
        return "NotSupported (At fake_deqp.c:1)";
    } else if (strcmp(way, "alone") == 0) {
        return cases == 1 ? "Pass (Alone)" : "Fail (Not alone)";
    } else if (strcmp(way, "crash") == 0) {
        raise(SIGSEGV);
    } else if (strcmp(way, "hang") == 0) {
        pause();
    }
    return "Pass (OK)";
}

int main(int argc, char **argv)
{
    static char names[256][128];
    unsigned count = 0;
    for (int i = 1; i < argc; i++) {
        const char *list = "--deqp-caselist-file=";
        if (strncmp(argv[i], list, strlen(list)) == 0) {
            FILE *file = fopen(argv[i] + strlen(list), "r");
            while (file && count < 256 && fscanf(file, "%127s", names[count]) == 1) {
                count++;
            }
        } else if (strcmp(argv[i], "--broken") == 0) {
            fprintf(stderr, "%s is not an option\n", argv[i]);
            return 1;
        }
    }
    printf("Writing test log into /dev/null\n\n");
    for (unsigned i = 0; i < count; i++) {
        // As deqp does, it leaves names out that it does not know.
        if (strncmp(names[i], "dEQP-VK.", 8) == 0) {
            printf("Test case '%s'..\n", names[i]);
            fflush(stdout);
            printf("  %s\n\n", run(names[i], count));
            fflush(stdout);
        }
    }
    printf("DONE!\n");
    return 0;
}
