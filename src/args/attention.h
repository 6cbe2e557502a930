// SPDX-License-Identifier: MIT
// Kernels of attention share these arguments and the rule of which keys a query may see:
//
//   attention          o and lse of many query rows, fused
//   attention_split    partial results of few query rows over one range of keys
//   attention_combine  o and lse from those (args/attention_combine.h)
//   scores             scale * q.k, capped and masked as STAGE says, or sums over queries of
//                      exp(masked - log(exp(lse) + exp(sink))), with STAGE_SUMS
//   softmax            masks raw scores, and normalises them (args/softmax.h)
//
// Buffers of attention:        0 q, 1 k, 2 v, 3 mask, 4 out, 5 lse, 6 .. 17 extras, 18 sinks
// Buffers of attention_split:  0 q, 1 k, 2 v, 3 mask, 4 partial, 5 .. 16 extras
// Buffers of scores:           0 q, 1 k, 2 mask, 3 scores, 4 .. 15 extras, 16 lse, 17 sinks
// Extras are ATTENTION_N_EXTRAS buffers: starts, lens, q_firsts, k_firsts, slopes, k_positions,
// relative, q2, k2, turns, q_coords, k_coords. What the define EXTRAS does not name is not read.
//
// Defines: Q_DTYPE, K_DTYPE, V_DTYPE, OUT_DTYPE, MASK_DTYPE (or NONE), SCORES_DTYPE, STAGE, and
// EXTRAS, as each kernel's row in src/kernels.h says.
//
// Partial results (f32) of attention_split, R = n_batch * n_kv_heads * n_splits * n_rows:
//   acc (R, v_dim)  sum_j exp(s_j - m) v_j      then  ml (R, 2)  m and sum_j exp(s_j - m)
// with s in natural units, m = -inf and acc = 0 where the split shows no key; R counts
// (batch, kv head, split, row). With EXTRA_PARTIAL `attention` leaves the same.
//
// The heads of a KV group are packed as rows: row r of kv head h is query r / group of q head
// h * group + r % group, so n_rows = q_len * group.
//
// Where q and k are rotated or come in two parts, elements of a head are taken in an order of
// their own, the same for both: gyre_element_of.
#ifndef GYRE_ARGS_ATTENTION_H
#define GYRE_ARGS_ATTENTION_H

#include "types.h"

// Bits of EXTRAS: what a problem has beyond the plain one.
#define EXTRA_ALIBI     1   // slopes
#define EXTRA_POSITIONS 2   // keys stand where k_positions says
#define EXTRA_RELATIVE  4   // products of q with relative key embeddings are added
#define EXTRA_PACKED    8   // sequences lie one behind the other
#define EXTRA_ROTATED_Q 16  // q is rotated while it is loaded
#define EXTRA_ROTATED_K 32  // k is
#define EXTRA_SECOND    64  // q and k come in two parts
#define EXTRA_PARTIAL   128 // partial results are left in `out`
#define EXTRA_BF16_DOTS 256 // products are bf16, two a lane: CPUs
#define EXTRA_F16_SUMS  512 // products of q and k are summed in f16, 8 at most: GPUs

#define ATTENTION_N_EXTRAS 12

// STAGE of scores: the `scores` buffer is then f32 (batch, head, key), one number a key, and no
// scores are written. Other stages are those of enum gyre_scores_stage.
#define STAGE_SUMS 4

// A list is 1 + the offset of its first element, or 0 where it is absent.
struct gyre_attention_extras {
    // relative (batch, head, token of q, n_relative) f32: scale * q.r for each distance from
    // -(n_relative / 2) to n_relative / 2, further ones clipped.
    u32x3 relative_stride;
    u32 n_relative;
    u32 starts, lens; // per sequence: added to q_start; keys it has, of kv_len
    u32 slopes;       // per head: of ALiBi
    u32 sinks;        // per head: a logit that only the denominator of softmax sees
    u32 is_end;       // q_start counts from where the last query would stand at the last key
    // Packed: where each sequence begins among q's tokens and k's, and where the last one ends
    // (n_batch + 1 numbers); how many tokens there are. q_len and kv_len are then the longest.
    u32 q_firsts, k_firsts, q_total, k_total;
    u32 k_positions_offset, k_positions_stride; // (batch, key)
    u32 unused;                                 // words in fours
};

// How heads are rotated, and where their second part lies. The rotation (args/rope.h) is that of
// the second part where there is one, else of the whole head; `dim` elements. The position of a
// pair is that of the rules of attention, or a coordinate on its axis: word
// (axis, batch, token) of coords.
struct gyre_attention_heads {
    ROWS(q2);
    ROWS(k2);
    ROWS(q_coords); // (axis, batch, token)
    ROWS(k_coords);
    u32 has_q_coords, has_k_coords;
    u32 group2; // heads of k's first part that share one of its second
    u32 dim, n_pairs, rotary_offset, pairing;
    f32 amplitude;
};

// Offsets and strides in elements of the tensor they belong to.
struct gyre_attention_args {
    ROWS(q); // (batch, token, head)
    ROWS(k);
    ROWS(v);
    ROWS(out);
    ROWS(mask); // (batch, head, query)
    ROWS(lse);
    ROWS(scores);
    STRUCT(gyre_attention_extras) extras;
    STRUCT(gyre_attention_heads) heads;
    u32 n_batch, n_kv_heads, group; // n_heads = n_kv_heads * group
    u32 q_len, kv_len;
    u32 head_dim, dim2, v_dim; // dim2: elements of the second part, which head_dim counts too
    f32 scale, softcap;        // softcap 0: none
    i32 q_start;
    u32 is_causal, n_prefix;
    u32 window_left, window_right, window_keep; // 0: no window on that side
    u32 has_out, has_lse;
    u32 n_splits, keys_per_split; // split i covers keys [i, i + 1) * keys_per_split
    u32 n_sum_queries, adds_sums; // STAGE_SUMS: of the last so many queries; to what is there
};

// Where a sequence begins that says so itself, of `total` tokens; and how many it has, the next one
// beginning at `next`, and `most` being the longest.
GYRE_FN u32 gyre_packed_first(i32 first, u32 total)
{
    u32 at = first < 0 ? 0u : TO_U32(first);
    return at < total ? at : total;
}

GYRE_FN u32 gyre_packed_len(u32 first, i32 next, u32 total, u32 most)
{
    // Signed: oclgrind does not know the saturating subtraction that compilers make of it else.
    i32 len = TO_I32(gyre_packed_first(next, total)) - TO_I32(first);
    u32 own = len < 0 ? 0u : TO_U32(len);
    return own < most ? own : most;
}

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

// --- keys that stand where k_positions says: the rule for one key, and for a block of them

// The device may say anything, so positions are kept within 2^30.
GYRE_FN i32 gyre_k_position(i32 own)
{
    return gyre_clamp(own, -(1 << 30), (1 << 30) - 1);
}

// 1 where causality and windows let a query see a key; its length and the mask come on top.
GYRE_FN u32 gyre_is_allowed(u32 is_causal, u32 n_prefix, u32 window_left, u32 window_right,
                            u32 window_keep, i32 q_pos, i32 k_pos)
{
    i32 behind = q_pos - k_pos;
    if (is_causal != 0u && behind < 0 && (k_pos < 0 || TO_U32(k_pos) >= n_prefix))
        return 0u;
    if ((window_left == 0u || behind < TO_I32(window_left)) &&
        (window_right == 0u || -behind < TO_I32(window_right)))
        return 1u;
    return k_pos >= 0 && TO_U32(k_pos) < window_keep ? 1u : 0u;
}

// 0 only where no query of positions [q_first, q_last] sees a key of positions [k_min, k_max].
GYRE_FN u32 gyre_may_allow(u32 is_causal, u32 n_prefix, u32 window_left, u32 window_right,
                           u32 window_keep, i32 q_first, i32 q_last, i32 k_min, i32 k_max)
{
    u32 at = k_min < 0 ? 0u : TO_U32(k_min);
    if (is_causal != 0u && k_min > q_last && at >= n_prefix)
        return 0u;
    if ((window_left == 0u || q_first - k_max < TO_I32(window_left)) &&
        (window_right == 0u || k_min - q_last < TO_I32(window_right)))
        return 1u;
    return at < window_keep ? 1u : 0u;
}

// Number of the relative embedding of a distance.
GYRE_FN u32 gyre_relative_of(u32 n_relative, i32 distance)
{
    i32 most = TO_I32(n_relative / 2u);
    return TO_U32(gyre_clamp(distance, -most, most) + most);
}

// --- heads that are rotated or come in two parts

// Which element of the rotated part its number e is: members of a pair side by side, then what is
// not rotated.
GYRE_FN u32 gyre_element_of(u32 e, u32 n_pairs, u32 rotary_offset, u32 pairing)
{
    u32 pair = e >> 1, rest = e - 2u * n_pairs;
    if (e >= 2u * n_pairs)
        return rest < rotary_offset ? rest : e;
    if (pairing == 1u)
        return rotary_offset + e;
    return rotary_offset + pair + ((e & 1u) != 0u ? n_pairs : 0u);
}

#endif
