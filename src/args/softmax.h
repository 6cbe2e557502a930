// SPDX-License-Identifier: MIT
// Kernel `softmax`: finishes raw scores (scale already applied) row by row, in place or not:
// soft-cap, mask, and with STAGE 3 the softmax over the allowed keys. A row with nothing allowed
// gives zeros (STAGE 3) or -inf (STAGE 2).
//
// Buffers: 0 raw scores f32 (batch, head, query, key), 1 mask, 2 result, 3 lse, 4 starts, 5 lens,
//          6 slopes, 7 sinks, 8 k_positions (args/attention.h).
// Defines: MASK_DTYPE (or NONE), SCORES_DTYPE (of the result), STAGE (1, 2 or 3), EXTRAS (of which
// EXTRA_ALIBI and EXTRA_POSITIONS count).
#ifndef GYRE_ARGS_SOFTMAX_H
#define GYRE_ARGS_SOFTMAX_H

#include "attention.h"

struct gyre_softmax_args {
    u32 n_batch, n_heads, q_len, kv_len;
    f32 softcap;
    i32 q_start;
    u32 is_causal, n_prefix;
    u32 window_left, window_right, window_keep;
    u32 has_lse;
    ROWS(raw);    // (batch, head, query)
    ROWS(mask);   // (batch, head, query)
    ROWS(scores); // (batch, head, query)
    ROWS(lse);    // (batch, head, query)
    STRUCT(gyre_attention_extras) extras;
};

#endif
