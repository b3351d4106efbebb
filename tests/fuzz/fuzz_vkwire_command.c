/* SPDX-License-Identifier: MIT */
/* Commands of a guest, decoded and run on a driver that looks at all that it is given. The input is one
 * command, its opcode first. */
#include <stdlib.h>
#include <string.h>

#include "trial.h"
#include "vkwire.h"
#include "vkwire_exec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trial *trial;

    if (!trial) {
        trial = malloc(sizeof(*trial));
        if (!trial)
            abort();
        trial_init(trial, 1);
    }
    if (size < 8)
        return 0;
    trial_clear(trial);
    void *command = wire_put(&trial->encoder, size / 8 * 8);
    if (!command)
        abort();
    memcpy(command, data, size / 8 * 8);
    trial_execute(trial);
    if (trial->unknown)
        abort();
    if (!trial->ran && trial->exec.lost == STREAM_ALIVE) {
        /* A destruction of nothing is the one command that does nothing. */
        uint16_t opcode;
        memcpy(&opcode, data, sizeof(opcode));
        if (strncmp(vkwire_name(opcode), "vkDestroy", 9))
            abort();
    }
    return 0;
}
