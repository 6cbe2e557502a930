// SPDX-License-Identifier: MIT
// Reading a text as config.json, for the tests of that.
#ifndef TESTS_ROPE_READING_H
#define TESTS_ROPE_READING_H

#include <gyre/rope_config.h>

// What came of a text. The caller destroys `config`.
struct reading {
    enum gyre_status status;
    struct gyre_rope_config *config;
    char unknown[128], said[256];
};

void read_bytes(const char *text, size_t size, const char *layer_type, uint64_t seq_len,
                struct reading *reading);

// A text with ' for ".
void read_text(const char *text, const char *layer_type, uint64_t seq_len, struct reading *reading);

// The same, which must succeed.
void read_well(const char *text, const char *layer_type, uint64_t seq_len, struct reading *reading);

#endif
