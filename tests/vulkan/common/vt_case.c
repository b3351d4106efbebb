/* SPDX-License-Identifier: MIT */
/* Runs cases: digest, failures, what is to be destroyed, pictures, threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <png.h>
#include <sodium.h>

#include "vt.h"

struct owned {
    VkDevice device;
    VkObjectType type;
    uint64_t handle;
};

struct vt_run {
    const char *name;
    pthread_t thread;
    jmp_buf end;
    char reason[256]; /* of a case that failed or was skipped */
    crypto_generichash_state digest;
    pthread_mutex_t lock; /* of the list */
    struct owned *owned;
    size_t owned_count, owned_capacity;
    const char *picture, *pictures; /* --picture, --pictures */
    unsigned picture_count;
};

enum ending { RUNNING, FAILED, SKIPPED };

/* --- Ends of a case --- */

_Noreturn static void end_case(struct vt *vt, enum ending ending)
{
    if (!pthread_equal(pthread_self(), vt->run->thread)) {
        printf("case %s failed %s\n", vt->run->name, vt->run->reason);
        fflush(stdout);
        _Exit(1);
    }
    longjmp(vt->run->end, ending);
}

void vt_fail(struct vt *vt, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(vt->run->reason, sizeof(vt->run->reason), format, list);
    va_end(list);
    end_case(vt, FAILED);
}

static const char *result_name(VkResult result)
{
    static const struct {
        VkResult result;
        const char *name;
    } names[] = {
#define RESULT(name) {VK_##name, "VK_" #name}
        RESULT(SUCCESS),
        RESULT(NOT_READY),
        RESULT(TIMEOUT),
        RESULT(EVENT_SET),
        RESULT(EVENT_RESET),
        RESULT(INCOMPLETE),
        RESULT(ERROR_OUT_OF_HOST_MEMORY),
        RESULT(ERROR_OUT_OF_DEVICE_MEMORY),
        RESULT(ERROR_INITIALIZATION_FAILED),
        RESULT(ERROR_DEVICE_LOST),
        RESULT(ERROR_MEMORY_MAP_FAILED),
        RESULT(ERROR_LAYER_NOT_PRESENT),
        RESULT(ERROR_EXTENSION_NOT_PRESENT),
        RESULT(ERROR_FEATURE_NOT_PRESENT),
        RESULT(ERROR_INCOMPATIBLE_DRIVER),
        RESULT(ERROR_TOO_MANY_OBJECTS),
        RESULT(ERROR_FORMAT_NOT_SUPPORTED),
        RESULT(ERROR_FRAGMENTED_POOL),
        RESULT(ERROR_UNKNOWN),
        RESULT(ERROR_OUT_OF_POOL_MEMORY),
        RESULT(ERROR_INVALID_EXTERNAL_HANDLE),
        RESULT(ERROR_FRAGMENTATION),
        RESULT(PIPELINE_COMPILE_REQUIRED),
        RESULT(SUBOPTIMAL_KHR),
        RESULT(ERROR_OUT_OF_DATE_KHR),
        RESULT(ERROR_SURFACE_LOST_KHR),
        RESULT(ERROR_NATIVE_WINDOW_IN_USE_KHR),
#undef RESULT
    };
    for (size_t i = 0; i < VT_COUNT(names); i++)
        if (names[i].result == result)
            return names[i].name;
    return "another VkResult";
}

void vt_check_result(struct vt *vt, VkResult result, VkResult wanted, const char *what,
                     const char *file, int line)
{
    const char *slash = strrchr(file, '/');
    if (result != wanted)
        vt_fail(vt, "%s:%d: %s (%d), wanted %s: %.120s", slash ? slash + 1 : file, line,
                result_name(result), result, result_name(wanted), what);
}

void vt_expect_true(struct vt *vt, bool condition, const char *what, const char *file, int line)
{
    const char *slash = strrchr(file, '/');
    if (!condition)
        vt_fail(vt, "%s:%d: not true: %.160s", slash ? slash + 1 : file, line, what);
}

void vt_need(struct vt *vt, bool condition, const char *what)
{
    if (condition)
        return;
    snprintf(vt->run->reason, sizeof(vt->run->reason), "%s", what);
    end_case(vt, SKIPPED);
}

void vt_need_extension(struct vt *vt, const char *name)
{
    vt_need(vt, vt_has_extension(vt, name), name);
}

/* --- The digest --- */

void vt_put(struct vt *vt, const void *data, size_t size)
{
    crypto_generichash_update(&vt->run->digest, data, size);
}

void vt_put_number(struct vt *vt, uint64_t value)
{
    vt_put(vt, &value, sizeof(value));
}

/* --- What the case made --- */

void vt_own(struct vt *vt, VkObjectType type, uint64_t handle)
{
    struct vt_run *run = vt->run;
    pthread_mutex_lock(&run->lock);
    if (run->owned_count == run->owned_capacity) {
        run->owned_capacity = run->owned_capacity ? run->owned_capacity * 2 : 64;
        run->owned = realloc(run->owned, run->owned_capacity * sizeof(*run->owned));
        if (!run->owned)
            abort();
    }
    run->owned[run->owned_count++] = (struct owned){vt->device, type, handle};
    pthread_mutex_unlock(&run->lock);
}

static void destroy(VkInstance instance, const struct owned *object)
{
    VkDevice device = object->device;

#define CASE(type, name)                                                                           \
    case VK_OBJECT_TYPE_##type:                                                                    \
        vkDestroy##name(device, (Vk##name)object->handle, NULL);                                   \
        break
    switch (object->type) {
        CASE(BUFFER, Buffer);
        CASE(BUFFER_VIEW, BufferView);
        CASE(IMAGE, Image);
        CASE(IMAGE_VIEW, ImageView);
        CASE(SAMPLER, Sampler);
        CASE(SHADER_MODULE, ShaderModule);
        CASE(DESCRIPTOR_SET_LAYOUT, DescriptorSetLayout);
        CASE(DESCRIPTOR_POOL, DescriptorPool);
        CASE(DESCRIPTOR_UPDATE_TEMPLATE, DescriptorUpdateTemplate);
        CASE(PIPELINE_LAYOUT, PipelineLayout);
        CASE(PIPELINE_CACHE, PipelineCache);
        CASE(PIPELINE, Pipeline);
        CASE(RENDER_PASS, RenderPass);
        CASE(FRAMEBUFFER, Framebuffer);
        CASE(COMMAND_POOL, CommandPool);
        CASE(QUERY_POOL, QueryPool);
        CASE(FENCE, Fence);
        CASE(SEMAPHORE, Semaphore);
        CASE(EVENT, Event);
        CASE(PRIVATE_DATA_SLOT, PrivateDataSlot);
        CASE(SWAPCHAIN_KHR, SwapchainKHR);
    case VK_OBJECT_TYPE_SURFACE_KHR:
        vkDestroySurfaceKHR(instance, (VkSurfaceKHR)object->handle, NULL);
        break;
    case VK_OBJECT_TYPE_DEVICE_MEMORY:
        vkFreeMemory(device, (VkDeviceMemory)object->handle, NULL);
        break;
    case VK_OBJECT_TYPE_DEVICE:
        vkDestroyDevice(device, NULL);
        break;
    default:
        fprintf(stderr, "no rule for destroying objects of type %d\n", object->type);
        abort();
    }
#undef CASE
}

static void destroy_owned(struct vt *vt)
{
    struct vt_run *run = vt->run;
    while (run->owned_count)
        destroy(vt->instance, &run->owned[--run->owned_count]);
}

/* --- Pictures --- */

void vt_picture(struct vt *vt, const uint8_t *pixels, uint32_t width, uint32_t height)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = PNG_FORMAT_RGBA};
    char path[4096];
    if (vt->run->picture && !png_image_write_to_file(&image, vt->run->picture, 0, pixels, 0, NULL))
        vt_fail(vt, "%s: %s", vt->run->picture, image.message);
    if (!vt->run->pictures)
        return;
    snprintf(path, sizeof(path), "%s/%s-%u.png", vt->run->pictures, vt->run->name,
             vt->run->picture_count++);
    if (!png_image_write_to_file(&image, path, 0, pixels, 0, NULL))
        vt_fail(vt, "%s: %s", path, image.message);
}

/* --- Threads --- */

struct thread {
    pthread_t thread;
    struct vt *vt;
    uint32_t number;
    void (*body)(struct vt *vt, uint32_t number, void *data);
    void *data;
};

static void *run_thread(void *data)
{
    struct thread *thread = data;
    thread->body(thread->vt, thread->number, thread->data);
    return NULL;
}

void vt_threads(struct vt *vt, uint32_t count,
                void (*body)(struct vt *vt, uint32_t number, void *data), void *data)
{
    struct thread threads[32];
    VT_EXPECT(vt, count <= VT_COUNT(threads));
    for (uint32_t i = 0; i < count; i++) {
        threads[i] = (struct thread){.vt = vt, .number = i, .body = body, .data = data};
        if (pthread_create(&threads[i].thread, NULL, run_thread, &threads[i]) != 0) {
            fprintf(stderr, "no thread\n");
            _Exit(1); /* threads that run use what is on this stack */
        }
    }
    for (uint32_t i = 0; i < count; i++)
        pthread_join(threads[i].thread, NULL);
}

/* --- The program --- */

/* True unless the case failed. */
static bool run_case(struct vt *vt, const struct vt_case *test)
{
    struct vt_run *run = vt->run;
    run->name = test->name;
    run->picture_count = 0;
    crypto_generichash_init(&run->digest, NULL, 0, crypto_generichash_BYTES_MIN);
    int ending = setjmp(run->end);
    if (ending == RUNNING) {
        if (!vt->instance)
            vt_open(vt);
        vt->pool = vt_pool(vt, vt->queues[0].family, 0);
        test->run(vt);
    }
    unsigned char digest[crypto_generichash_BYTES_MIN];
    char text[17];
    crypto_generichash_final(&run->digest, digest, sizeof(digest));
    sodium_bin2hex(text, sizeof(text), digest, 8);
    if (ending == FAILED) {
        /* Who knows what still runs: the next case gets an instance and a device of its own. */
        run->owned_count = 0;
        *vt = (struct vt){.run = run};
    } else {
        /* Mesa's queue threads still lock a timeline semaphore after the fence of the batch that
         * waited for it is signalled: idle means that they are through with it. */
        if (vt->device)
            vkDeviceWaitIdle(vt->device);
        destroy_owned(vt);
    }
    printf("case %s %s %s\n", test->name,
           ending == RUNNING  ? "ok"
           : ending == FAILED ? "failed"
                              : "skipped",
           ending == RUNNING ? text : run->reason);
    fflush(stdout);
    return ending != FAILED;
}

static bool is_named(const char *name, char **names, int count)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(name, names[i]))
            return true;
    return count == 0;
}

int vt_main(int argc, char **argv, const struct vt_case *cases, size_t count)
{
    struct vt_run run = {.thread = pthread_self(), .lock = PTHREAD_MUTEX_INITIALIZER};
    struct vt vt = {.run = &run};
    int next = 1, failed = 0, ran = 0;

    for (; next < argc && argv[next][0] == '-'; next++) {
        if (!strcmp(argv[next], "--list")) {
            for (size_t i = 0; i < count; i++)
                puts(cases[i].name);
            return 0;
        } else if (!strcmp(argv[next], "--picture") && next + 1 < argc) {
            run.picture = argv[++next];
        } else if (!strcmp(argv[next], "--pictures") && next + 1 < argc) {
            run.pictures = argv[++next];
        } else {
            fprintf(stderr, "Usage: %s [--list] [--picture FILE] [--pictures FOLDER] [CASE...]\n",
                    argv[0]);
            return 2;
        }
    }
    if (sodium_init() < 0)
        return 2;
    for (size_t i = 0; i < count; i++) {
        if (!is_named(cases[i].name, argv + next, argc - next))
            continue;
        ran++;
        failed += !run_case(&vt, &cases[i]);
    }
    if (vt.instance)
        vt_close(&vt);
    free(run.owned);
    if (ran < argc - next || !ran) {
        fprintf(stderr, "%s: no such case; see --list\n", argv[0]);
        return 2;
    }
    return failed ? 1 : 0;
}
