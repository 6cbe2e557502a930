// SPDX-License-Identifier: MIT
// Linear attention between its parts: checking, planning, first use, running.
#ifndef GYRE_OPS_LINEAR_ATTENTION_H
#define GYRE_OPS_LINEAR_ATTENTION_H

#include <gyre/linear_attention.h>

#include "ops/plan.h"
#include "ops/tensor.h"
#include "verdict.h"

// A checked call. Shapes as in the public header.
struct gyre_linear_problem {
    const struct gyre_rope_table *rope;
    struct gyre_view q, k, v, out, state, norm, past_state, past_norm;
    uint32_t n_batch, n_heads, n_kv_heads, q_len, kv_len, head_dim, v_dim;
    bool has_out, has_state; // present and not empty; has_state: norm, where state may be empty
    bool has_past;
    bool is_causal; // and some query really does not see some key
    int32_t q_start, k_start;
    int32_t shift; // query i sees keys up to i + shift; of size at most 2^30
};

enum gyre_status gyre_linear_check(const struct gyre_check *check,
                                   const struct gyre_linear_attention_params *params,
                                   struct gyre_linear_problem *problem);

// Chooses kernels that this device can run and has compiled, writing to `text` (may be NULL) what
// was chosen and what was refused.
enum gyre_status gyre_linear_plan(struct gyre_device *device, const struct gyre_linear_problem *p,
                                  struct gyre_plan *plan, struct gyre_text *text);

// The shortest segment that a GPU cuts a long sequence into.
uint32_t gyre_linear_least_segment(const struct gyre_linear_problem *p);

// Fills an empty plan for a problem.
typedef void gyre_linear_add_fn(const struct gyre_device *device,
                                const struct gyre_linear_problem *p, struct gyre_plan *plan);

// What is known of the kernels in a prepared plan that `add` made for `p`, cut into segments or
// not; unknown ones are tried on a small problem that needs the same variants.
enum gyre_verdict gyre_linear_try(struct gyre_device *device, const struct gyre_linear_problem *p,
                                  const struct gyre_plan *plan, gyre_linear_add_fn *add,
                                  bool is_cut);

#endif
