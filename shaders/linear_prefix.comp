// SPDX-License-Identifier: MIT
// Sums up the sums of segments (args/linear_attention.h): entry s becomes past + the sum of the
// entries before s, and the last one past + all. Not causal, entry 0 becomes past + all.
//
// groups: (ceil((v_dim + 1) * head_dim / WG), kv heads, batch). A work-item is an element of S, or
// one of z behind those.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "args/linear_attention.h"

ARGS(gyre_linear_attention_args);
BUFFER(0, , State, float, state);                  // (batch, kv head, entry, head_dim, v_dim)
BUFFER(1, , Norm, float, norm);                    // (batch, kv head, entry, head_dim)
BUFFER(2, readonly, PastState, float, past_state); // (batch, kv head, head_dim, v_dim)
BUFFER(3, readonly, PastNorm, float, past_norm);   // (batch, kv head, head_dim)
BUFFER(4, , TotalState, float, total_state);       // as past_state; may be the same
BUFFER(5, , TotalNorm, float, total_norm);         // as past_norm; may be the same

#include "linear_sums.glsl"

// One element, which is number `first` of entry 0, and `stride` further in every next one.
#define PASS_ENTRIES(sums, first, stride, past, past_at, total, total_at)                          \
    {                                                                                              \
        float running = a.has_past != 0u ? past[past_at] : 0.0;                                    \
        uint at = first;                                                                           \
        for (uint entry = 0; entry < a.n_segments; entry++, at += stride) {                        \
            float sum = sums[at];                                                                  \
            if (a.is_causal != 0u)                                                                 \
                sums[at] = running;                                                                \
            running += sum;                                                                        \
        }                                                                                          \
        sums[a.is_causal != 0u ? at : first] = running;                                            \
        if (a.has_total != 0u)                                                                     \
            total[total_at] = running;                                                             \
    }

void main()
{
    uint batch = gl_WorkGroupID.z, head = gl_WorkGroupID.y, number = gl_GlobalInvocationID.x;
    uint n_state = a.head_dim * a.v_dim;
    if (number < n_state) {
        uint d = number / a.v_dim, column = number % a.v_dim;
        PASS_ENTRIES(state, STATE_ROW(a.sums, batch, head, 0, d) + column, a.sums.state_stride[2],
                     past_state, STATE_ROW(a.past, batch, head, 0, d) + column, total_state,
                     STATE_ROW(a.total, batch, head, 0, d) + column)
    } else if (number < n_state + a.head_dim) {
        uint d = number - n_state;
        PASS_ENTRIES(norm, NORM_AT(a.sums, batch, head, 0, d), a.sums.norm_stride[2], past_norm,
                     NORM_AT(a.past, batch, head, 0, d), total_norm,
                     NORM_AT(a.total, batch, head, 0, d))
    }
}
