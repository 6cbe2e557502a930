// SPDX-License-Identifier: MIT
// Merging of attention between its parts: checking, planning, first use, running.
#ifndef GYRE_OPS_ATTENTION_MERGE_H
#define GYRE_OPS_ATTENTION_MERGE_H

#include <gyre/attention_merge.h>

#include "args/attention_merge.h"
#include "ops/plan.h"
#include "ops/tensor.h"

// A checked call. Shapes as in the public header.
struct gyre_attention_merge_problem {
    const struct gyre_attention_part *parts; // (n_parts), of any number: views are made when needed
    uint32_t n_parts;
    enum gyre_dtype part_dtype;
    struct gyre_view out, lse, sinks;
    uint32_t n_batch, n_heads, q_len;
    uint32_t v_dim; // 0: no out is written
};

// A part that has been checked.
struct gyre_merge_part {
    struct gyre_view out, lse;
};

enum gyre_status gyre_attention_merge_check(const struct gyre_check *check,
                                            const struct gyre_attention_merge_params *params,
                                            struct gyre_attention_merge_problem *problem);

// Views of part i of a checked problem.
struct gyre_merge_part gyre_attention_merge_part(const struct gyre_check *check,
                                                 const struct gyre_attention_merge_problem *problem,
                                                 uint32_t i);

// Plans the dispatch that merges part `first` and the next; it is empty when there is nothing to
// do. The dispatches of a call differ in nothing that is compiled, and share the scratch.
void gyre_attention_merge_plan(const struct gyre_check *check,
                               const struct gyre_attention_merge_problem *problem, uint32_t first,
                               struct gyre_plan *plan);

// Enqueues all dispatches.
enum gyre_status gyre_attention_merge_run(const struct gyre_check *check,
                                          struct gyre_stream *stream,
                                          const struct gyre_attention_merge_problem *problem);

// UNSUPPORTED when the prepared plan's kernel is known to compute wrong results here; one that is
// not known yet is tried on a small problem.
enum gyre_status gyre_attention_merge_try(struct gyre_device *device,
                                          const struct gyre_attention_merge_problem *problem,
                                          const struct gyre_plan *plan);

#endif
