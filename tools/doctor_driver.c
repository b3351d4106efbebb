/* SPDX-License-Identifier: MIT */
/* Tries a loaded user-mode driver in a child process. */
#include "tools/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DRIVER_TIMEOUT_S 30

static int count_devices(PFN_vk_icdGetInstanceProcAddr get, VkInstance instance, char *text,
                         size_t size)
{
    PFN_vkEnumeratePhysicalDevices enumerate =
        (PFN_vkEnumeratePhysicalDevices)get(instance, "vkEnumeratePhysicalDevices");
    PFN_vkGetPhysicalDeviceProperties get_properties =
        (PFN_vkGetPhysicalDeviceProperties)get(instance, "vkGetPhysicalDeviceProperties");
    VkPhysicalDevice device;
    VkPhysicalDeviceProperties properties;
    uint32_t count = 0;
    VkResult result;

    if (!enumerate || !get_properties) {
        snprintf(text, size, "the driver lacks vkEnumeratePhysicalDevices or its properties");
        return -1;
    }
    result = enumerate(instance, &count, NULL);
    if (result != VK_SUCCESS || count == 0) {
        snprintf(text, size, "the driver lists no device (VkResult %d)", result);
        return -1;
    }
    count = 1;
    result = enumerate(instance, &count, &device);
    if (result < 0 || !count) {
        snprintf(text, size, "the driver does not list its devices (VkResult %d)", result);
        return -1;
    }
    get_properties(device, &properties);
    snprintf(text, size, "%s, Vulkan %u.%u.%u", properties.deviceName,
             VK_API_VERSION_MAJOR(properties.apiVersion),
             VK_API_VERSION_MINOR(properties.apiVersion),
             VK_API_VERSION_PATCH(properties.apiVersion));
    return 0;
}

static int try_in_child(const struct loader_umd *umd, char *text, size_t size)
{
    PFN_vk_icdGetInstanceProcAddr get = umd->get_instance_proc_addr;
    PFN_vkCreateInstance create = (PFN_vkCreateInstance)get(NULL, "vkCreateInstance");
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                     .pApplicationName = "gpupv doctor",
                                     .apiVersion = VK_API_VERSION_1_0};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                 .pApplicationInfo = &application};
    VkInstance instance;
    VkResult result;

    if (!create) {
        snprintf(text, size, "the driver has no vkCreateInstance");
        return -1;
    }
    result = create(&info, NULL, &instance);
    if (result != VK_SUCCESS) {
        snprintf(text, size, "the driver creates no instance (VkResult %d)", result);
        return -1;
    }
    /* The instance goes with the process; a driver's way down is not what is tried here. */
    return count_devices(get, instance, text, size);
}

/* The first byte says how it went, the text follows. */
static void run_child(const struct loader_umd *umd, int fd)
{
    char answer[512] = "";
    int result = try_in_child(umd, answer + 1, sizeof(answer) - 1);
    size_t size = 1 + strlen(answer + 1);

    answer[0] = result == 0 ? '+' : '-';
    _exit(write(fd, answer, size) == (ssize_t)size ? 0 : 1);
}

/* Reads to the end, for at most DRIVER_TIMEOUT_S seconds. False when the time is over. */
static bool read_answer(int fd, char *answer, size_t size)
{
    struct timespec now, end;
    size_t used = 0;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += DRIVER_TIMEOUT_S;
    for (;;) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        ssize_t n;

        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec >= end.tv_sec)
            return false;
        if (poll(&poll_fd, 1, (int)(end.tv_sec - now.tv_sec) * 1000) <= 0)
            continue;
        n = read(fd, answer + used, size - 1 - used);
        if (n < 0 && errno == EINTR)
            continue;
        answer[used += n > 0 ? (size_t)n : 0] = '\0';
        if (n <= 0 || used == size - 1)
            return true;
    }
}

int doctor_try_driver(const struct loader_umd *umd, char *detail, size_t size)
{
    char answer[512] = "";
    int pipe_fds[2], status;
    bool in_time;
    pid_t child;

    if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
        snprintf(detail, size, "cannot try the driver: %s", strerror(errno));
        return -1;
    }
    fflush(NULL);
    child = fork();
    if (child == 0) {
        close(pipe_fds[0]);
        run_child(umd, pipe_fds[1]);
    }
    close(pipe_fds[1]);
    if (child < 0) {
        snprintf(detail, size, "cannot try the driver: %s", strerror(errno));
        close(pipe_fds[0]);
        return -1;
    }
    in_time = read_answer(pipe_fds[0], answer, sizeof(answer));
    close(pipe_fds[0]);
    if (!in_time)
        kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!in_time)
        snprintf(detail, size, "the driver did not answer within %d seconds", DRIVER_TIMEOUT_S);
    else if (WIFSIGNALED(status))
        snprintf(detail, size, "the driver crashed: %s", strsignal(WTERMSIG(status)));
    else if (!answer[0])
        snprintf(detail, size, "the driver ended the process, with status %d", WEXITSTATUS(status));
    else
        snprintf(detail, size, "%s", answer + 1);
    return in_time && answer[0] == '+' ? 0 : -1;
}
