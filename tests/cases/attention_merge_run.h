// SPDX-License-Identifier: MIT
// A prepared case of merging, shared by what makes it and what checks it.
#ifndef CASES_ATTENTION_MERGE_RUN_H
#define CASES_ATTENTION_MERGE_RUN_H

#include "cases/attention_merge.h"
#include "harness/guarded.h"

struct merge_part {
    struct guarded out, lse;
};

struct attention_merge_run {
    struct session *session;
    struct attention_merge_case row; // defaults filled in
    enum gyre_dtype part_dtype, out_dtype;
    struct merge_part parts[MERGE_MAX_PARTS];
    struct guarded sinks;
    struct guarded out, lse; // empty where a result is in place
    struct gyre_attention_part views[MERGE_MAX_PARTS];
    struct gyre_attention_merge_params params;
};

// Where results are; NULL: not asked for.
struct guarded *attention_merge_out(struct attention_merge_run *run);
struct guarded *attention_merge_lse(struct attention_merge_run *run);

#endif
