/* SPDX-License-Identifier: MIT */
/*
 * Questions to the running service over its control socket: one line of JSON there, one back.
 * The answer is bounded and waited for at most CONTROL_TIMEOUT_S seconds.
 */
#ifndef GPUPV_TOOLS_CONTROL_H
#define GPUPV_TOOLS_CONTROL_H

#include <json-c/json.h>

#include "util/error.h"

#define CONTROL_TIMEOUT_S 30
#define CONTROL_MAX_ANSWER (16 * 1024 * 1024)

/* `op` is "adapters", "gpus", "status", "processes" or "vms". The caller releases *answer with
 * json_object_put. -ECONNREFUSED when no service listens, -EACCES when this user may not ask,
 * -ETIMEDOUT, -EPROTO when the answer is no JSON, -EREMOTEIO when the service reports an error. */
int control_ask(const char *path, const char *op, json_object **answer, struct error *err);

/* The adapter called `name` in an answer to "adapters", or NULL. Borrowed. */
json_object *control_find_adapter(json_object *answer, const char *name);

#endif
