// SPDX-License-Identifier: MIT
// Each sequence of a case of attention by a call of its own.
#ifndef TESTS_ATTENTION_ALONE_H
#define TESTS_ATTENTION_ALONE_H

#include "cases/attention_run.h"

// Results of the calls, laid out as the run's.
struct alone {
    struct guarded out, lse, key_sums;
};

// Calls gyre_attention for every sequence, with tensors that hold nothing but it, and waits.
// Packed sequences stay packed, each as the only one, when keeps_packing is set.
enum gyre_status attend_alone(struct attention_run *run, bool keeps_packing, struct alone *alone);
void alone_destroy(struct alone *alone);

// Runs all sequences together and each of them alone, and compares the results: bit by bit when
// is_exact is set, else within the bounds of their dtype.
void compare_with_alone(struct attention_run *run, bool keeps_packing, bool is_exact,
                        struct result *result);

#endif
