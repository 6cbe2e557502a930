// SPDX-License-Identifier: MIT
// Attention between its three parts: checking, planning, running.
#ifndef GYRE_OPS_ATTENTION_H
#define GYRE_OPS_ATTENTION_H

#include <gyre/attention.h>

#include "args/attention.h"
#include "ops/plan.h"
#include "ops/tensor.h"

// A checked call. Shapes as in the public header.
struct gyre_attention_problem {
    struct gyre_view q, k, v, mask, out, lse, scores;
    struct gyre_view starts, lens, slopes, sinks;
    enum gyre_scores_stage stage;
    uint32_t n_batch, n_heads, n_kv_heads, q_len, kv_len, head_dim, v_dim;
    bool has_out, has_lse, has_scores; // present and not empty
    float scale, softcap;
    bool is_causal;
    int32_t q_start; // where query 0 stands, or what is_end counts from
    bool is_end;     // each sequence's own end, known on the device only
    uint32_t window_left, window_right, window_keep, n_prefix;
};

enum gyre_status gyre_attention_check(const struct gyre_check *check,
                                      const struct gyre_attention_params *params,
                                      struct gyre_attention_problem *problem);

// Chooses kernels that this device can run and has compiled, writing to `text` (may be NULL) what
// was chosen and what was refused.
enum gyre_status gyre_attention_plan(struct gyre_device *device,
                                     const struct gyre_attention_problem *problem,
                                     struct gyre_plan *plan, struct gyre_text *text);

#endif
