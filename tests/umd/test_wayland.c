/* SPDX-License-Identifier: MIT */
/* The driver's windows on Wayland, against a libwayland-client of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_wayland.h"
#include "umd/umd_adapter.h"
#include "umd_commands.h"

#include <vulkan/vulkan_wayland.h>

#define IMAGES 3u
#define WIDTH 5u
#define HEIGHT 4u
#define STRIDE 32u /* a row of an image has more than its pixels */
#define IMAGE_SIZE (STRIDE * HEIGHT)

#define ARGB 0u
#define XRGB 1u
#define ABGR 0x34324241u
#define XBGR 0x34324258u

/* Opcodes of the protocol. */
enum { CREATE_POOL = 0, CREATE_BUFFER = 0, DESTROY_POOL = 1, DESTROY_BUFFER = 0 };
enum { ATTACH = 1, DAMAGE = 2, FRAME = 3, COMMIT = 6, DAMAGE_BUFFER = 9 };

/* --- What the driver's other files would do --- */

struct fixture {
    struct wl_display *display;
    struct wl_proxy *proxy;
    struct wayland_surface *surface;
    struct umd_swapchain swapchain;
    struct umd_swapchain_image images[IMAGES];
    int aperture; /* a file */
    uint8_t *pixels;
    bool shares;     /* the aperture's descriptor may be had */
    uint64_t offset; /* of the pixels in it */
    bool family_presents;
};

static struct fixture *now; /* the test that runs */

const struct gpupv_umd_callbacks *umd_window_callbacks(void)
{
    return fake_wayland_callbacks();
}

void umd_log(enum gpupv_umd_log_level level, const char *format, ...)
{
    (void)level, (void)format;
}

void *umd_surface_create(VkInstance instance, const VkAllocationCallbacks *allocator, size_t size,
                         const struct umd_window_system *system)
{
    (void)instance, (void)allocator;
    struct umd_surface *surface = calloc(1, size);
    assert_non_null(surface);
    surface->system = system;
    return surface;
}

bool umd_family_presents(const struct umd_physical_device *device, uint32_t family)
{
    (void)device, (void)family;
    return now->family_presents;
}

void umd_swapchain_shown(struct umd_swapchain *swapchain, uint64_t present_id)
{
    if (present_id > swapchain->presented)
        swapchain->presented = present_id;
}

void umd_swapchain_idle(struct umd_swapchain *swapchain, struct umd_swapchain_image *image)
{
    assert_int_equal(image->state, UMD_IMAGE_SHOWN);
    image->state = UMD_IMAGE_IDLE;
    swapchain->shown--;
}

void umd_swapchain_unthrottle(struct umd_swapchain *swapchain)
{
    swapchain->throttled = false;
}

bool umd_window_share(const void *pixels, size_t size, int *fd, uint64_t *offset,
                      uint64_t *aperture_size)
{
    assert_true((const uint8_t *)pixels >= now->pixels);
    assert_true((const uint8_t *)pixels + size <= now->pixels + IMAGES * IMAGE_SIZE);
    if (!now->shares)
        return false;
    *fd = dup(now->aperture);
    *offset = now->offset + (size_t)((const uint8_t *)pixels - now->pixels);
    *aperture_size = now->offset + IMAGES * IMAGE_SIZE;
    return *fd >= 0;
}

/* --- Fixture --- */

static int set_up(void **state)
{
    static const uint32_t formats[] = {ARGB, XRGB, 0x20203843u, ABGR};
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    now = f;
    f->shares = f->family_presents = true;
    f->offset = 4096;
    f->aperture = memfd_create("aperture", MFD_CLOEXEC);
    assert_int_equal(ftruncate(f->aperture, 4096 + IMAGES * IMAGE_SIZE), 0);
    f->pixels = calloc(IMAGES, IMAGE_SIZE);
    assert_non_null(f->pixels);
    fake_wayland_begin(4, &f->display, &f->proxy);
    fake_wayland.formats = formats;
    fake_wayland.format_count = 4;
    *state = f;
    return 0;
}

static void make_surface(struct fixture *f)
{
    const VkWaylandSurfaceCreateInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_WAYLAND_SURFACE_CREATE_INFO_KHR,
        .display = f->display,
        .surface = (struct wl_surface *)f->proxy,
    };
    VkSurfaceKHR handle;
    assert_int_equal(umd_CreateWaylandSurfaceKHR(NULL, &info, NULL, &handle), VK_SUCCESS);
    f->surface = (struct wayland_surface *)umd_surface_from(handle);
}

static VkResult make_swapchain(struct fixture *f, VkPresentModeKHR mode,
                               VkCompositeAlphaFlagBitsKHR alpha)
{
    struct umd_swapchain *swapchain = &f->swapchain;

    if (!f->surface)
        make_surface(f);
    *swapchain = (struct umd_swapchain){
        .surface = &f->surface->base,
        .system = f->surface->base.system,
        .format = VK_FORMAT_B8G8R8A8_UNORM,
        .extent = {WIDTH, HEIGHT},
        .mode = mode,
        .alpha = alpha,
        .image_count = IMAGES,
        .images = f->images,
        .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
    };
    pthread_mutex_init(&swapchain->lock, NULL);
    for (uint32_t i = 0; i < IMAGES; i++)
        f->images[i] = (struct umd_swapchain_image){.pixels = f->pixels + (size_t)i * IMAGE_SIZE,
                                                    .stride = STRIDE};
    return swapchain->system->create_swapchain(swapchain);
}

static void destroy_swapchain(struct fixture *f)
{
    umd_wayland_destroy_swapchain(&f->swapchain);
    for (uint32_t i = 0; i < IMAGES; i++)
        assert_null(f->images[i].window);
    close(f->swapchain.wake);
    pthread_mutex_destroy(&f->swapchain.lock);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    if (f->surface) {
        f->surface->base.system->finish_surface(&f->surface->base);
        free(f->surface);
    }
    fake_wayland_end();
    close(f->aperture);
    free(f->pixels);
    free(f);
    return 0;
}

/* As vkQueuePresentKHR does it. */
static VkResult present(struct fixture *f, uint32_t index, uint64_t id, uint32_t rect_count,
                        VkRectLayerKHR *rects)
{
    struct umd_swapchain_image *image = &f->images[index];
    const struct umd_present presentation = {
        .image = image, .present_id = id, .rect_count = rect_count, .rects = rects};

    assert_int_equal(image->state, UMD_IMAGE_IDLE);
    image->state = UMD_IMAGE_SHOWN;
    f->swapchain.shown++;
    return f->swapchain.system->present(&f->swapchain, &presentation);
}

static VkResult dispatch(struct fixture *f)
{
    return f->swapchain.system->dispatch(&f->swapchain, true, 0);
}

static const void *buffer_of(uint32_t index)
{
    const struct fake_request *request = fake_request("wl_shm_pool", CREATE_BUFFER, index);
    assert_non_null(request);
    return request->object[0];
}

/* --- The library --- */

/* In processes of their own: what is found of the library is found once. */
static void check_unavailable(void)
{
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(umd_wayland_available());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_guest_without_the_library(void **state)
{
    (void)state;
    fake_wayland.no_library = true;
    check_unavailable();
    fake_wayland.no_library = false;
    fake_wayland.missing = "wl_proxy_create_wrapper";
    check_unavailable();
    fake_wayland.missing = NULL;
    assert_true(umd_wayland_available());
}

/* --- Surfaces --- */

static void test_formats(void **state)
{
    struct fixture *f = *state;
    VkFormat formats[UMD_MAX_WINDOW_FORMATS];
    uint32_t count;

    make_surface(f);
    assert_int_equal(f->surface->base.system->get_formats(&f->surface->base, formats, &count),
                     VK_SUCCESS);
    /* ABGR comes without XBGR: a program could not choose whether alpha counts. */
    assert_int_equal(count, 2);
    assert_int_equal(formats[0], VK_FORMAT_B8G8R8A8_SRGB);
    assert_int_equal(formats[1], VK_FORMAT_B8G8R8A8_UNORM);
    /* It is asked once. */
    assert_int_equal(f->surface->base.system->get_formats(&f->surface->base, formats, &count),
                     VK_SUCCESS);
    assert_int_equal(fake_wayland.roundtrips, 2);
}

static void test_more_formats(void **state)
{
    static const uint32_t all[] = {XBGR, ABGR, XRGB, ARGB};
    struct fixture *f = *state;
    VkFormat formats[UMD_MAX_WINDOW_FORMATS];
    uint32_t count;

    fake_wayland.formats = all;
    make_surface(f);
    assert_int_equal(f->surface->base.system->get_formats(&f->surface->base, formats, &count),
                     VK_SUCCESS);
    assert_int_equal(count, 4);
    assert_int_equal(formats[2], VK_FORMAT_R8G8B8A8_SRGB);
    assert_int_equal(umd_wayland_code(VK_FORMAT_R8G8B8A8_UNORM, false), ABGR);
    assert_int_equal(umd_wayland_code(VK_FORMAT_R8G8B8A8_SRGB, true), XBGR);
}

static void test_no_shared_memory(void **state)
{
    struct fixture *f = *state;
    VkFormat formats[UMD_MAX_WINDOW_FORMATS];
    uint32_t count = 7;

    fake_wayland.no_shm = true;
    make_surface(f);
    assert_int_equal(f->surface->base.system->get_formats(&f->surface->base, formats, &count),
                     VK_ERROR_SURFACE_LOST_KHR);
    assert_int_equal(count, 0);
    assert_false(umd_GetPhysicalDeviceWaylandPresentationSupportKHR(NULL, 0, f->display));
}

static void test_presentation_support(void **state)
{
    struct fixture *f = *state;

    assert_true(umd_GetPhysicalDeviceWaylandPresentationSupportKHR(NULL, 0, f->display));
    f->family_presents = false;
    assert_false(umd_GetPhysicalDeviceWaylandPresentationSupportKHR(NULL, 0, f->display));
    f->family_presents = true;
    fake_hang_up(ECONNRESET);
    assert_false(umd_GetPhysicalDeviceWaylandPresentationSupportKHR(NULL, 0, f->display));
}

static void test_limits(void **state)
{
    struct fixture *f = *state;
    struct umd_window_limits limits;

    make_surface(f);
    assert_int_equal(f->surface->base.system->get_limits(&f->surface->base, &limits), VK_SUCCESS);
    assert_int_equal(limits.current.width, UINT32_MAX); /* the swapchain decides */
    assert_int_equal(limits.current.height, UINT32_MAX);
    fake_hang_up(EPIPE);
    assert_int_equal(f->surface->base.system->get_limits(&f->surface->base, &limits),
                     VK_ERROR_SURFACE_LOST_KHR);
}

/* --- Buffers --- */

static void test_images_are_the_buffers(void **state)
{
    struct fixture *f = *state;
    struct stat aperture;

    assert_int_equal(make_swapchain(f, VK_PRESENT_MODE_FIFO_KHR, VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR),
                     VK_SUCCESS);
    fstat(f->aperture, &aperture);
    for (uint32_t i = 0; i < IMAGES; i++) {
        const struct fake_request *pool = fake_request("wl_shm", CREATE_POOL, i);
        const struct fake_request *buffer = fake_request("wl_shm_pool", CREATE_BUFFER, i);

        assert_int_equal(pool->ino, aperture.st_ino);
        assert_true(pool->number[2] >= (int32_t)(4096 + (i + 1) * IMAGE_SIZE));
        const int32_t wanted[] = {0, 4096 + (int32_t)(i * IMAGE_SIZE), WIDTH, HEIGHT, STRIDE, XRGB};
        assert_memory_equal(buffer->number, wanted, sizeof(wanted));
    }
    assert_int_equal(fake_request_count("wl_shm_pool", DESTROY_POOL), IMAGES);
    destroy_swapchain(f);
    assert_int_equal(fake_request_count("wl_buffer", DESTROY_BUFFER), IMAGES);
}

static void test_alpha(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        make_swapchain(f, VK_PRESENT_MODE_FIFO_KHR, VK_COMPOSITE_ALPHA_PRE_MULTIPLIED_BIT_KHR),
        VK_SUCCESS);
    assert_int_equal(fake_request("wl_shm_pool", CREATE_BUFFER, 0)->number[5], ARGB);
    destroy_swapchain(f);
}

/* Memory that cannot be shared is copied, without what lies between the rows. */
static void test_memory_that_is_not_shared(void **state)
{
    struct fixture *f = *state;
    struct stat aperture;
    uint8_t seen[WIDTH * 4 * HEIGHT];

    f->shares = false;
    assert_int_equal(make_swapchain(f, VK_PRESENT_MODE_FIFO_KHR, VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR),
                     VK_SUCCESS);
    fstat(f->aperture, &aperture);
    const struct fake_request *pool = fake_request("wl_shm", CREATE_POOL, 0);
    const struct fake_request *buffer = fake_request("wl_shm_pool", CREATE_BUFFER, 0);
    assert_int_not_equal(pool->ino, aperture.st_ino);
    const int32_t wanted[] = {0, 0, WIDTH, HEIGHT, WIDTH * 4, XRGB};
    assert_memory_equal(buffer->number, wanted, sizeof(wanted));
    for (uint32_t y = 0; y < HEIGHT; y++)
        memset(f->pixels + y * STRIDE, (int)(y + 1), WIDTH * 4);
    assert_int_equal(present(f, 0, 0, 0, NULL), VK_SUCCESS);
    assert_ptr_equal(fake_request("wl_surface", ATTACH, 0)->object[0], buffer_of(0));
    assert_int_equal(pread(pool->fd, seen, sizeof(seen), 0), sizeof(seen));
    for (uint32_t i = 0; i < sizeof(seen); i++)
        assert_int_equal(seen[i], i / (WIDTH * 4) + 1);
    destroy_swapchain(f);
}

/* wl_shm counts in 31 bits. */
static void test_memory_too_far_away(void **state)
{
    struct fixture *f = *state;

    f->offset = INT32_MAX - 2 * IMAGE_SIZE;
    assert_int_equal(ftruncate(f->aperture, (off_t)(f->offset + IMAGES * IMAGE_SIZE)), 0);
    assert_int_equal(make_swapchain(f, VK_PRESENT_MODE_FIFO_KHR, VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR),
                     VK_SUCCESS);
    assert_int_equal(fake_request("wl_shm_pool", CREATE_BUFFER, 1)->number[4], STRIDE);
    assert_int_equal(fake_request("wl_shm_pool", CREATE_BUFFER, 2)->number[4], WIDTH * 4);
    destroy_swapchain(f);
}

/* --- Presenting --- */

static void test_fifo(void **state)
{
    struct fixture *f = *state;

    make_swapchain(f, VK_PRESENT_MODE_FIFO_KHR, VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR);
    assert_int_equal(present(f, 0, 5, 0, NULL), VK_SUCCESS);
    assert_ptr_equal(fake_request("wl_surface", ATTACH, 0)->object[0], buffer_of(0));
    assert_int_equal(fake_request_count("wl_surface", FRAME), 1);
    assert_int_equal(fake_request_count("wl_surface", COMMIT), 1);
    assert_true(f->swapchain.throttled);

    /* The window cannot be seen: nothing comes, and nobody hangs. */
    assert_int_equal(dispatch(f), VK_SUCCESS);
    assert_true(f->swapchain.throttled);
    assert_int_equal(f->swapchain.presented, 0);

    fake_send_frames();
    assert_int_equal(dispatch(f), VK_SUCCESS);
    assert_false(f->swapchain.throttled);
    assert_int_equal(f->swapchain.presented, 5);
    assert_int_equal(f->images[0].state, UMD_IMAGE_SHOWN);
    fake_send_release(buffer_of(0));
    assert_int_equal(dispatch(f), VK_SUCCESS);
    assert_int_equal(f->images[0].state, UMD_IMAGE_IDLE);
    destroy_swapchain(f);
}

/* A compositor may give a buffer back before it shows it. */
static void test_release_before_the_frame(void **state)
{
    struct fixture *f = *state;

    make_swapchain(f, VK_PRESENT_MODE_FIFO_KHR, VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR);
    assert_int_equal(present(f, 0, 1, 0, NULL), VK_SUCCESS);
    fake_send_release(buffer_of(0));
    assert_int_equal(dispatch(f), VK_SUCCESS);
    assert_int_equal(f->images[0].state, UMD_IMAGE_IDLE);
    assert_true(f->swapchain.throttled);
    fake_send_frames();
    assert_int_equal(dispatch(f), VK_SUCCESS);
    assert_int_equal(f->swapchain.presented, 1);
    assert_int_equal(present(f, 0, 2, 0, NULL), VK_SUCCESS);
    fake_send_frames();
    assert_int_equal(dispatch(f), VK_SUCCESS);
    assert_int_equal(f->swapchain.presented, 2);
    destroy_swapchain(f);
}

static void test_mailbox(void **state)
{
    struct fixture *f = *state;

    make_swapchain(f, VK_PRESENT_MODE_MAILBOX_KHR, VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR);
    assert_int_equal(present(f, 0, 0, 0, NULL), VK_SUCCESS);
    assert_false(f->swapchain.throttled);
    assert_int_equal(present(f, 1, 0, 0, NULL), VK_SUCCESS);
    /* Callbacks that nobody asked for would pile up while the window cannot be seen. */
    assert_int_equal(fake_request_count("wl_surface", FRAME), 0);
    fake_send_release(buffer_of(0));
    assert_int_equal(dispatch(f), VK_SUCCESS);
    assert_int_equal(f->images[0].state, UMD_IMAGE_IDLE);
    assert_int_equal(f->images[1].state, UMD_IMAGE_SHOWN);
    assert_int_equal(present(f, 0, 3, 0, NULL), VK_SUCCESS);
    assert_int_equal(fake_request_count("wl_surface", FRAME), 1);
    fake_send_frames();
    assert_int_equal(dispatch(f), VK_SUCCESS);
    assert_int_equal(f->swapchain.presented, 3);
    destroy_swapchain(f);
}

static void test_damage(void **state)
{
    struct fixture *f = *state;
    VkRectLayerKHR rects[] = {{{1, 2}, {3, 1}, 0}, {{0, 0}, {UINT32_MAX, 2}, 0}};
    const int32_t all[] = {0, 0, INT32_MAX, INT32_MAX}, first[] = {1, 2, 3, 1},
                  second[] = {0, 0, INT32_MAX, 2};

    make_swapchain(f, VK_PRESENT_MODE_MAILBOX_KHR, VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR);
    assert_int_equal(present(f, 0, 0, 0, NULL), VK_SUCCESS);
    assert_memory_equal(fake_request("wl_surface", DAMAGE, 0)->number, all, sizeof(all));
    assert_int_equal(present(f, 1, 0, 2, rects), VK_SUCCESS);
    assert_int_equal(fake_request_count("wl_surface", DAMAGE), 1);
    assert_memory_equal(fake_request("wl_surface", DAMAGE_BUFFER, 0)->number, first, sizeof(first));
    assert_memory_equal(fake_request("wl_surface", DAMAGE_BUFFER, 1)->number, second,
                        sizeof(second));
    destroy_swapchain(f);
}

static void test_damage_of_an_old_surface(void **state)
{
    struct fixture *f = *state;
    VkRectLayerKHR rect = {{1, 2}, {3, 1}, 0};

    fake_wayland_end();
    fake_wayland_begin(3, &f->display, &f->proxy);
    fake_wayland.formats = (const uint32_t[]){ARGB, XRGB};
    fake_wayland.format_count = 2;
    make_swapchain(f, VK_PRESENT_MODE_MAILBOX_KHR, VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR);
    assert_int_equal(present(f, 0, 0, 1, &rect), VK_SUCCESS);
    assert_int_equal(fake_request_count("wl_surface", DAMAGE), 1);
    assert_int_equal(fake_request_count("wl_surface", DAMAGE_BUFFER), 0);
    destroy_swapchain(f);
}

/* A swapchain that is to end does not wait for a window that says nothing. */
static void test_stop(void **state)
{
    struct fixture *f = *state;

    make_swapchain(f, VK_PRESENT_MODE_FIFO_KHR, VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR);
    assert_int_equal(present(f, 0, 0, 0, NULL), VK_SUCCESS);
    f->swapchain.stop = true;
    assert_int_equal(f->swapchain.system->dispatch(&f->swapchain, true, -1), VK_SUCCESS);
    assert_int_equal(f->swapchain.shown, 0);
    assert_false(f->swapchain.throttled);
    destroy_swapchain(f);
}

/* Nothing is awaited but a wake. */
static void test_wake(void **state)
{
    struct fixture *f = *state;
    const uint64_t one = 1;

    make_swapchain(f, VK_PRESENT_MODE_FIFO_KHR, VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR);
    assert_int_equal(write(f->swapchain.wake, &one, sizeof(one)), sizeof(one));
    assert_int_equal(f->swapchain.system->dispatch(&f->swapchain, false, -1), VK_SUCCESS);
    assert_int_equal(f->swapchain.system->dispatch(&f->swapchain, true, -1), VK_SUCCESS);
    destroy_swapchain(f);
}

/* --- The connection --- */

static void test_lost_while_waiting(void **state)
{
    struct fixture *f = *state;

    make_swapchain(f, VK_PRESENT_MODE_FIFO_KHR, VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR);
    assert_int_equal(present(f, 0, 0, 0, NULL), VK_SUCCESS);
    fake_hang_up(EPIPE);
    assert_int_equal(dispatch(f), VK_ERROR_SURFACE_LOST_KHR);
    assert_int_equal(present(f, 1, 0, 0, NULL), VK_ERROR_SURFACE_LOST_KHR);
    destroy_swapchain(f);
    assert_int_equal(make_swapchain(f, VK_PRESENT_MODE_FIFO_KHR, VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR),
                     VK_SUCCESS);
    destroy_swapchain(f);
}

static void test_lost_before(void **state)
{
    struct fixture *f = *state;

    fake_hang_up(EPROTO);
    assert_int_equal(make_swapchain(f, VK_PRESENT_MODE_FIFO_KHR, VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR),
                     VK_ERROR_SURFACE_LOST_KHR);
    destroy_swapchain(f);
}

/* A compositor that does not read: what is left goes when it does. */
static void test_compositor_that_does_not_read(void **state)
{
    struct fixture *f = *state;

    make_swapchain(f, VK_PRESENT_MODE_FIFO_KHR, VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR);
    fake_wayland.flush_is_full = true;
    assert_int_equal(present(f, 0, 0, 0, NULL), VK_SUCCESS);
    assert_int_equal(dispatch(f), VK_SUCCESS);
    fake_wayland.flush_is_full = false;
    fake_wayland.flushes = 0;
    assert_int_equal(dispatch(f), VK_SUCCESS);
    assert_int_equal(fake_wayland.flushes, 1);
    destroy_swapchain(f);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_guest_without_the_library),
        TEST(test_formats),
        TEST(test_more_formats),
        TEST(test_no_shared_memory),
        TEST(test_presentation_support),
        TEST(test_limits),
        TEST(test_images_are_the_buffers),
        TEST(test_alpha),
        TEST(test_memory_that_is_not_shared),
        TEST(test_memory_too_far_away),
        TEST(test_fifo),
        TEST(test_release_before_the_frame),
        TEST(test_mailbox),
        TEST(test_damage),
        TEST(test_damage_of_an_old_surface),
        TEST(test_stop),
        TEST(test_wake),
        TEST(test_lost_while_waiting),
        TEST(test_lost_before),
        TEST(test_compositor_that_does_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
