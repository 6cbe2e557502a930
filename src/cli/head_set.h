// SPDX-License-Identifier: MIT
// Which query heads a person asks for.
#ifndef GYRE_CLI_HEAD_SET_H
#define GYRE_CLI_HEAD_SET_H

#include <stdbool.h>
#include <stdint.h>

struct head_set {
    uint32_t n_heads, n_chosen;
    bool *is_chosen; // (n_heads), malloc'ed
};

// From numbers and ranges, "0,3,5-7", or "all"; NULL: a few, spread evenly. Complains and returns
// an exit code.
int head_set_make(const char *text, uint32_t n_heads, struct head_set *out);
void head_set_free(struct head_set *set); // accepts zeros

#endif
