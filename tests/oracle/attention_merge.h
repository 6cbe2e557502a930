// SPDX-License-Identifier: MIT
// Merging one row of attention over disjoint ranges of keys, in double precision, straight from the
// definition.
#ifndef ORACLE_ATTENTION_MERGE_H
#define ORACLE_ATTENTION_MERGE_H

#include <stddef.h>

// One part of the row.
struct oracle_part {
    const double *out; // (v_dim); may be anything, even NaN, where lse is -inf
    double lse;        // -inf: no key was seen
};

// Fills out (v_dim) and returns the LSE. `sink`: a logit that takes part in the output's sum only,
// -inf for none.
double oracle_attention_merge(const struct oracle_part *parts, size_t n_parts, size_t v_dim,
                              double sink, double *out);

#endif
