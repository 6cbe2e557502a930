// SPDX-License-Identifier: MIT
// Sums up the sums of segments (args/linear_attention.h): entry s becomes past + the sum of the
// entries before s, and the last one past + all. Not causal, entry 0 becomes past + all.
//
// groups: (ceil((v_dim + 1) * head_dim / WG), kv heads, batch). A work-item is an element of S, or
// one of z behind those.
#include "args/linear_attention.h"
#include "linear_sums.clh"

// An element of the entries: where it is in entry 0, in the past and in the total, and how far the
// next entry is.
struct element {
    u32 first, step, past, total;
};

static inline void pass_entries(struct gyre_linear_attention_args a, struct element x,
                                __global float *sums, __global const float *past,
                                __global float *total)
{
    float running = a.has_past != 0u ? past[x.past] : 0.0f;
    for (u32 s = 0; s < a.n_segments; s++) {
        const u32 at = x.first + s * x.step;
        const float sum = sums[at];
        if (a.is_causal != 0u)
            sums[at] = running;
        running += sum;
    }
    sums[x.first + (a.is_causal != 0u ? a.n_segments * x.step : 0u)] = running;
    if (a.has_total != 0u)
        total[x.total] = running;
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void
linear_prefix(struct gyre_linear_attention_args a,
              __global float *state,            // (batch, kv head, entry, head_dim, v_dim)
              __global float *norm,             // (batch, kv head, entry, head_dim)
              __global const float *past_state, // (batch, kv head, head_dim, v_dim)
              __global const float *past_norm,  // (batch, kv head, head_dim)
              __global float *total_state,      // as past_state; may be the same
              __global float *total_norm)       // as past_norm; may be the same
{
    const u32 batch = get_group_id(2), head = get_group_id(1), number = get_global_id(0);
    const u32 n_state = a.head_dim * a.v_dim;
    if (number < n_state) {
        const u32 d = number / a.v_dim, column = number % a.v_dim;
        const struct element x = {STATE_ROW(a.sums, batch, head, 0u, d) + column,
                                  a.sums.state_stride[2],
                                  STATE_ROW(a.past, batch, head, 0u, d) + column,
                                  STATE_ROW(a.total, batch, head, 0u, d) + column};
        pass_entries(a, x, state, past_state, total_state);
    } else if (number < n_state + a.head_dim) {
        const u32 d = number - n_state;
        const struct element x = {NORM_AT(a.sums, batch, head, 0u, d), a.sums.norm_stride[2],
                                  NORM_AT(a.past, batch, head, 0u, d),
                                  NORM_AT(a.total, batch, head, 0u, d)};
        pass_entries(a, x, norm, past_norm, total_norm);
    }
}
