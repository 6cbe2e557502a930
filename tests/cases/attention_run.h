// SPDX-License-Identifier: MIT
// A prepared case of attention, shared by what makes it and what checks it.
#ifndef CASES_ATTENTION_RUN_H
#define CASES_ATTENTION_RUN_H

#include "cases/attention.h"
#include "harness/guarded.h"

struct attention_run {
    struct session *session;
    struct attention_case row; // defaults filled in
    struct case_dtypes dtypes;
    struct guarded q, k, v; // v is empty when it is in k
    struct guarded mask;    // axes that do not differ have length 1
    struct guarded lens, starts, slopes, sinks;
    struct guarded out, lse, scores;
    struct gyre_attention_params params;
};

// All tensors of a run, those that it lacks included.
enum { ATTENTION_N_TENSORS = 11 };
void attention_run_tensors(struct attention_run *run, struct guarded *all[ATTENTION_N_TENSORS]);

#endif
