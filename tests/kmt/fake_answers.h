/* SPDX-License-Identifier: MIT */
/* What the fake host says when nobody spoils it. */
#ifndef GPUPV_TESTS_KMT_FAKE_ANSWERS_H
#define GPUPV_TESTS_KMT_FAKE_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fake_host.h"

struct answer {
    NTSTATUS status;
    uint8_t payload[WIRE_MAX_PAYLOAD];
    size_t size;
};

/* Ends the program: a setup that fails leaves nothing to test. */
void require(bool condition, const char *what);

void answer_put(struct answer *answer, const void *data, size_t size);

/* Answers every command but WIRE_HELLO. *last_handle is the last one that was given. */
void answer_make(const struct wire_header *header, const uint8_t *payload, uint32_t *last_handle,
                 struct answer *answer);

#endif
