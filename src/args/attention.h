// SPDX-License-Identifier: MIT
// Kernels of attention share these arguments and the rule of which keys a query may see:
//
//   attention          o and lse of many query rows, fused
//   attention_split    partial results of few query rows over one range of keys
//   attention_combine  o and lse from those (args/attention_combine.h)
//   scores             scale * q.k, capped and masked as STAGE says
//   softmax            masks raw scores, and normalises them (args/softmax.h)
//
// Buffers of attention:        0 q, 1 k, 2 v, 3 mask, 4 out, 5 lse, 6 starts, 7 lens, 8 slopes,
//                              9 sinks
// Buffers of attention_split:  0 q, 1 k, 2 v, 3 mask, 4 partial, 5 starts, 6 lens, 7 slopes
// Buffers of scores:           0 q, 1 k, 2 mask, 3 scores, 4 starts, 5 lens, 6 slopes
//   starts, lens i32 (n_batch), slopes, sinks f32 (n_heads): struct gyre_attention_extras says
//   which are there.
//
// Defines: Q_DTYPE, K_DTYPE, V_DTYPE, OUT_DTYPE, MASK_DTYPE (or NONE), SCORES_DTYPE, STAGE, and
// ALIBI (1: slopes are there), as each kernel's row in src/kernels.h says.
//
// Partial results (f32) of attention_split, R = n_batch * n_kv_heads * n_splits * n_rows:
//   acc (R, v_dim)  sum_j exp(s_j - m) v_j      then  ml (R, 2)  m and sum_j exp(s_j - m)
// with s in natural units, m = -inf and acc = 0 where the split shows no key; R counts
// (batch, kv head, split, row).
//
// The heads of a KV group are packed as rows: row r of kv head h is query r / group of q head
// h * group + r % group, so n_rows = q_len * group.
#ifndef GYRE_ARGS_ATTENTION_H
#define GYRE_ARGS_ATTENTION_H

#include "types.h"

// What is given by sequence or by head: 1 + the offset of the first element, or 0 where absent.
struct gyre_attention_extras {
    u32 starts, lens; // per sequence: added to q_start; keys it has, of kv_len
    u32 slopes;       // per head: of ALiBi
    u32 sinks;        // per head: a logit that only the denominator of softmax sees
    u32 is_end;       // q_start counts from where the last query would stand at the last key
};

// Offsets and strides in elements of the tensor they belong to.
struct gyre_attention_args {
    u32 n_batch, n_kv_heads, group; // n_heads = n_kv_heads * group
    u32 q_len, kv_len;
    u32 head_dim, v_dim;
    f32 scale, softcap; // softcap 0: none
    i32 q_start;
    u32 is_causal, n_prefix;
    u32 window_left, window_right, window_keep; // 0: no window on that side
    u32 has_out, has_lse;
    u32 n_splits, keys_per_split; // split i covers keys [i, i + 1) * keys_per_split
    u32 q_offset, q_stride[3];    // (batch, token, head)
    u32 k_offset, k_stride[3];
    u32 v_offset, v_stride[3];
    u32 out_offset, out_stride[3];
    u32 mask_offset, mask_stride[3];     // (batch, head, query)
    u32 lse_offset, lse_stride[3];       // (batch, head, query)
    u32 scores_offset, scores_stride[3]; // (batch, head, query)
    STRUCT(gyre_attention_extras) extras;
};

// Keys of a sequence that says so itself.
GYRE_FN u32 gyre_own_len(u32 kv_len, i32 own)
{
    u32 len = own < 0 ? 0u : TO_U32(own);
    return len < kv_len ? len : kv_len;
}

GYRE_FN i32 gyre_clamp(i32 x, i32 low, i32 high)
{
    return x < low ? low : (x > high ? high : x);
}

// Where query 0 of a sequence of `len` keys stands, `own` being what it adds itself. The device may
// say anything, so positions are kept within 2^30.
GYRE_FN i32 gyre_own_start(i32 q_start, u32 is_end, u32 len, u32 q_len, i32 own)
{
    const i32 most = 1 << 30;
    i32 start = gyre_clamp(gyre_clamp(own, -most, most - 1) + q_start, -most, most);
    if (is_end != 0u)
        start += TO_I32(len) - TO_I32(q_len);
    return gyre_clamp(start, -most, most - TO_I32(q_len));
}

// A query at position q_pos may see key j exactly when
//   (lo <= j && j < hi) || j < keep        with keep = min(window_keep, cap)
// Positions and windows are below 2^30 in size (the host checks), so nothing here wraps.

// Keys from here on are hidden by the length or by causality.
GYRE_FN u32 gyre_keys_cap(u32 kv_len, u32 is_causal, u32 n_prefix, i32 q_pos)
{
    u32 causal = q_pos < 0 ? 0u : TO_U32(q_pos) + 1u;
    causal = causal > n_prefix ? causal : n_prefix;
    return is_causal != 0u && causal < kv_len ? causal : kv_len;
}

// First key inside the window.
GYRE_FN u32 gyre_keys_lo(u32 window_left, i32 q_pos)
{
    i32 lo = q_pos - TO_I32(window_left) + 1;
    return window_left != 0u && lo > 0 ? TO_U32(lo) : 0u;
}

// First key past the window.
GYRE_FN u32 gyre_keys_hi(u32 window_right, u32 cap, i32 q_pos)
{
    i32 hi = q_pos + TO_I32(window_right);
    u32 end = hi > 0 ? TO_U32(hi) : 0u;
    return window_right != 0u && end < cap ? end : cap;
}

#endif
