// SPDX-License-Identifier: MIT
// A prepared case of RoPE, shared by what makes it and what checks it.
#ifndef CASES_ROPE_RUN_H
#define CASES_ROPE_RUN_H

#include "cases/rope.h"
#include "harness/guarded.h"

// One of q and k: its input, its result (unless in place), and what it held before.
struct rope_tensor {
    struct guarded in, out;
    double *before; // dense (batch, token, head, head_dim)
};

struct rope_run {
    struct session *session;
    struct rope_case row;
    struct gyre_rope_table *table;
    double *inv_freq; // (rotary_dim / 2)
    struct rope_tensor q, k;
    struct guarded positions;
    struct gyre_rope_params params;
};

// The row's geometry as the oracle takes it.
struct oracle_rope rope_oracle_of(const struct rope_case *row, const double *inv_freq);

#endif
