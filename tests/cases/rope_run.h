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
    struct rope_case row; // its defaults filled in
    struct gyre_rope_table *table;
    double *inv_freq;    // (rotary_dim / 2)
    uint32_t *pair_axes; // (rotary_dim / 2)
    uint32_t n_axes;
    struct rope_tensor q, k;
    struct guarded positions, cos, sin;
    struct gyre_rope_params params;
};

// Makes the table and every tensor of a run, whose session and row are set.
enum gyre_status rope_run_make(struct rope_run *run, enum gyre_dtype dtype, uint64_t seed);

// The run as the oracle takes it.
struct oracle_rope rope_oracle_of(const struct rope_run *run);

#endif
