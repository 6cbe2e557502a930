// SPDX-License-Identifier: MIT
// A prepared case of linear attention, shared by what makes it and what checks it.
#ifndef CASES_LINEAR_RUN_H
#define CASES_LINEAR_RUN_H

#include "cases/linear.h"
#include "harness/guarded.h"
#include "oracle/rope.h"

struct linear_run {
    struct session *session;
    struct linear_case row; // defaults filled in
    struct case_dtypes dtypes;
    struct gyre_rope_table *table;
    double *inv_freq; // (rotary_dim / 2)
    struct guarded q, k, v, out;
    struct guarded past_state, past_norm; // in place they are read after
    struct guarded state, norm;           // empty in place
    double *before[2];                    // past_state and past_norm as they were
    struct gyre_linear_attention_params params;
};

// All tensors of a run, those that it lacks included.
enum { LINEAR_N_TENSORS = 8 };
void linear_run_tensors(struct linear_run *run, struct guarded *all[LINEAR_N_TENSORS]);

#endif
