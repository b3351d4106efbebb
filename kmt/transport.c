/* SPDX-License-Identifier: MIT */
#include "kmt/transport.h"

#include <errno.h>
#include <string.h>

static const struct kmt_transport *const transports[] = {
    &kmt_transport_unix,
    &kmt_transport_embedded,
};

const struct kmt_transport *kmt_transport_find(const char *uri, const char **address,
                                               struct error *err)
{
    const char *colon = strchr(uri, ':');
    size_t length = colon ? (size_t)(colon - uri) : 0;
    for (size_t i = 0; colon && i < sizeof(transports) / sizeof(transports[0]); i++) {
        const char *name = transports[i]->name;
        if (strlen(name) == length && !memcmp(name, uri, length)) {
            *address = colon + 1;
            return transports[i];
        }
    }
    error_set(err, -EPROTONOSUPPORT,
              "the transport of \"%s\" is not supported by this build; GPUPV_HOST takes unix:PATH "
              "or embedded:",
              uri);
    return NULL;
}
