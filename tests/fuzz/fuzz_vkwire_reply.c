/* SPDX-License-Identifier: MIT */
/* Replies of a worker, read by the guest. The input: which command, a seed for its parameters, the
 * result, then the reply's bytes. */
#include <stdlib.h>
#include <string.h>

#include "trial.h"
#include "vkwire_trial.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    uint16_t command;
    uint16_t seed;
    int32_t result;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trial *trial;
    struct input input;

    if (!trial) {
        trial = malloc(sizeof(*trial));
        if (!trial)
            abort();
        trial_init(trial, 1);
        trial->answers = true;
    }
    if (size < sizeof(input))
        return 0;
    memcpy(&input, data, sizeof(input));
    trial_clear(trial);
    free(trial->reply);
    trial->reply_size = size - sizeof(input);
    trial->reply = malloc(trial->reply_size ? trial->reply_size : 1);
    if (!trial->reply)
        abort();
    memcpy(trial->reply, data + sizeof(input), trial->reply_size);
    trial->reply_result = input.result;
    trial->random = input.seed * 2u + 1u;
    trial_commands[input.command % trial_command_count].run(trial);
    return 0;
}
