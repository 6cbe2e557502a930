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
    struct gyre_view q, k, v, mask, out, lse, scores, key_sums;
    struct gyre_view starts, lens, slopes, sinks, q_firsts, k_firsts, k_positions, relative;
    struct gyre_view q2, k2, q_coords, k_coords;
    enum gyre_scores_stage stage;
    uint32_t n_batch, n_heads, n_kv_heads, head_dim, v_dim; // n_batch: sequences, packed or not
    uint32_t q_len, kv_len; // of a sequence: the longest where they are packed
    uint32_t dim2;          // elements of the second part, which head_dim counts too
    bool has_out, has_lse, has_scores, has_key_sums; // present and not empty
    bool is_mask_bits, adds_key_sums, is_deterministic;
    uint32_t n_sum_queries; // 0: all
    float scale, softcap;
    bool is_causal;
    int32_t q_start; // where query 0 stands, or what is_end counts from
    bool is_end;     // each sequence's own end, known on the device only
    uint32_t window_left, window_right, window_keep, n_prefix;
    const struct gyre_rope_table *rope;
    bool rotates_q, rotates_k;
    enum gyre_attention_precision precision;
};

// Lists, packed sequences, positions, second parts and rotations; fills what they say.
enum gyre_status gyre_attention_check_extras(const struct gyre_check *check,
                                             const struct gyre_attention_params *params,
                                             struct gyre_attention_problem *problem);

enum gyre_status gyre_attention_check(const struct gyre_check *check,
                                      const struct gyre_attention_params *params,
                                      struct gyre_attention_problem *problem);

// Chooses kernels that this device can run and has compiled, writing to `text` (may be NULL) what
// was chosen and what was refused.
enum gyre_status gyre_attention_plan(struct gyre_device *device,
                                     const struct gyre_attention_problem *problem,
                                     struct gyre_plan *plan, struct gyre_text *text);

#endif
