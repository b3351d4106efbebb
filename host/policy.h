/* SPDX-License-Identifier: MIT */
/*
 * Which registry values the guests of a VM may read: patterns, as of fnmatch(3), on
 * "adapter\NAME" for values of an adapter's class keys and on "service\NAME" for those of its
 * service key. Case counts for nothing; '?' and "[…]" stand for one byte of UTF-8. A value that
 * `deny` matches is refused; else `allow` decides, if it is not empty.
 */
#ifndef GPUPV_HOST_POLICY_H
#define GPUPV_HOST_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "host/config.h"

/* Names under which drivers are known to keep what is not a guest's to know. */
#define POLICY_DEFAULT_DENY                                                                        \
    "*password*, *passphrase*, *secret*, *credential*, *token*, *private*key*, *product*key*, "    \
    "*license*key*, *licence*key*, *serial*number*"

/* The form in which a configuration keeps its patterns: lower case, malloc'ed. NULL for what is not
 * UTF-8, or when memory is short. */
char *policy_fold(const char *text);

/* `type` is REG_QUERY_SERVICE_KEY or REG_QUERY_ADAPTER_KEY. Without memory nothing is allowed.
 */
bool policy_allows(const struct config_vm *vm, uint32_t type, const char *value_name);

#endif
