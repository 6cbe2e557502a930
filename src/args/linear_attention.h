// SPDX-License-Identifier: MIT
// Kernels of linear attention (gyre/linear_attention.h). With p(x) = elu(x) + 1 and R_x the
// rotation of a head at position x, over the keys j that a query i sees:
//
//   S = sum_j (R p(k_j)) v_j^T    z = sum_j p(k_j)    out_i = S^T (R p(q_i)) / z . p(q_i)
//
//   linear_state      S and z of every segment of keys
//   linear_prefix     of the keys before every segment, and of all
//   linear_attention  out, from those before its segment and the keys within
//
// Buffers of linear_state:     0 k, 1 v, 2 table, 3 past S, 4 past z, 5 S, 6 z
// Buffers of linear_prefix:    0 S, 1 z, 2 past S, 3 past z, 4 total S, 5 total z
// Buffers of linear_attention: 0 q, 1 k, 2 v, 3 table, 4 S, 5 z, 6 out
//   table: as args/rope.h has it.
// Defines: Q_DTYPE, K_DTYPE, V_DTYPE, OUT_DTYPE, ROPE (0 none, 1 half, 2 interleaved), as each
// kernel's row in src/kernels.h says.
//
// Heads of a KV group are packed as rows: row r of a kv head is query r / group of its head
// r % group.
//
// Segments. Queries come in segments of `segment` tokens. Segment 0 of the keys are the `first`
// ones, the others are `segment` long, n_segments in all. When causal, query i sees the keys up to
// i + shift, and `first` is such that every segment of queries begins with a segment of keys: what
// came before is seen by all of it, and of `segment` keys from there on each sees a part.
#ifndef GYRE_ARGS_LINEAR_ATTENTION_H
#define GYRE_ARGS_LINEAR_ATTENTION_H

#include "rope.h"

// Where sums lie: S (batch, kv head, entry, dim, v_dim), z (batch, kv head, entry, dim).
struct gyre_linear_sums {
    u32x4 state_stride, norm_stride;
    u32 state_offset, norm_offset;
    u32 unused, unused2; // words in fours
};

// Offsets and strides in elements of the tensor they belong to.
struct gyre_linear_attention_args {
    u32 n_batch, n_kv_heads, group; // n_heads = n_kv_heads * group
    u32 q_len, kv_len;
    u32 head_dim, v_dim;
    u32 n_pairs, rotary_offset; // n_pairs 0: nothing rotates
    f32 amplitude;
    u32 q_start, k_start; // positions, modulo 2^32
    u32 is_causal;
    i32 shift; // of size at most 2^30
    u32 segment, first, n_segments;
    u32 has_past;  // linear_state, linear_prefix: the past counts
    u32 has_total; // linear_prefix: the total is wanted
    u32 has_sums;  // linear_attention: S and z are there, else they are zeros
    ROWS(q);       // (batch, token, head)
    ROWS(k);
    ROWS(v);
    ROWS(out);
    // linear_state writes entry s of `sums` for segment s, plus the past. linear_prefix makes entry
    // s the sum before segment s, and entry n_segments that of all; not causal, entry 0 that of
    // all.
    STRUCT(gyre_linear_sums) past, sums, total;
};

// First key of a segment; of the one past the last: at least kv_len.
GYRE_FN u32 gyre_segment_begin(u32 segment, u32 first, u32 s)
{
    return s == 0u ? 0u : first + (s - 1u) * segment;
}

// The entry that holds the keys before `begin`, where a segment of queries begins among the keys.
GYRE_FN u32 gyre_segment_entry(i32 begin, u32 segment, u32 first, u32 n_segments)
{
    u32 entry = begin <= 0 ? 0u : (TO_U32(begin) - first) / segment + 1u;
    return entry < n_segments ? entry : n_segments;
}

// GPUs walk over a head by slots: its pairs, two slots each, then the elements that do not rotate.
// The element that is a slot; `rope` as the define ROPE.
GYRE_FN u32 gyre_slot_dim(u32 rope, u32 n_pairs, u32 rotary_offset, u32 slot)
{
    const u32 passed = slot - 2u * n_pairs, pair = slot / 2u;
    if (slot >= 2u * n_pairs)
        return passed < rotary_offset ? passed : slot;
    return rotary_offset + ((slot & 1u) == 0u ? gyre_pair_first(rope - 1u, pair)
                                              : gyre_pair_second(rope - 1u, pair, n_pairs));
}

#endif
