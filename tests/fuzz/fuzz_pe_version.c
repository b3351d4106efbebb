/* SPDX-License-Identifier: MIT */
/* An image is read in the same way from memory and from a file, and a refusal tells its cause. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hoststore/pe_version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    struct error err = {""}, file_err = {""};
    pe_version version = 0, from_file = 0;
    int result = pe_version_parse(data, size, &version, &err);
    require(result == 0 || result == -EINVAL || result == -ENODATA);
    require((result != 0) == (err.text[0] != '\0'));

    if (fd < 0)
        fd = memfd_create("image", MFD_CLOEXEC);
    require(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    require(pe_version_read(fd, &from_file, &file_err) == result);
    require(version == from_file && !strcmp(err.text, file_err.text));
    return 0;
}
