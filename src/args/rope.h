// SPDX-License-Identifier: MIT
// Kernel `rope`: what gyre/rope.h says, for the heads of q and of k in one dispatch. Pair j,
// elements (x, y) of a head, with c and s the cosine and sine of its angle:
//
//   rotate: x' = amp_cos c x - amp_sin s y    y' = amp_sin s x + amp_cos c y
//   add:    x' = x + amp_sin s                y' = y + amp_cos c
//
// The angle is frac(position * turn[j]) turns, `position` the coordinate on the pair's axis; or c
// and s come from the caller's cache.
//
// Buffers: 0 q, 1 q_out, 2 k, 3 k_out, 4 table (or cos), 5 positions, 6 sin.
//   table: (n_pairs) low and high word of the 64-bit fraction of a turn that a position adds, then
//   (n_pairs) axes: ROPE_TABLE_WORDS words a pair in all.
// Defines: X_DTYPE (of q, k and the results), PAIRING (0 half, 1 interleaved), CACHE_DTYPE (of cos
// and sin; DTYPE_NONE: angles from the table), ADD (1: add, 0: rotate).
#ifndef GYRE_ARGS_ROPE_H
#define GYRE_ARGS_ROPE_H

#include "types.h"

#define ROPE_TABLE_WORDS 3

// Offsets and strides in elements of the tensor they belong to.
struct gyre_rope_args {
    u32 n_batch, n_tokens;
    u32 n_q_heads, n_k_heads; // n_k_heads 0: no k
    u32 head_dim;
    u32 n_pairs;       // rotary_dim / 2
    u32 rotary_offset; // first element of the rotary window
    u32 n_pass;        // elements outside the window to copy: 0 in place, else head_dim - 2 n_pairs
    ROWS(q);           // (batch, token, head)
    ROWS(q_out);
    ROWS(k);
    ROWS(k_out);
    // position on an axis = start + token * step, + positions[pos_offset + (axis, batch, token) by
    // pos_stride] where use_positions is 1; in words of 32 bits.
    ROWS(pos);
    u32 use_positions;
    i32 start, step;
    f32 amp_cos, amp_sin; // sign of amp_sin: direction
    // Row `position` of a batch of the cache, below n_cached; both tensors alike.
    u32 cos_offset, sin_offset, n_cached;
    u32x2 cache_stride; // (batch, position)
};

// Element (within the window, from rotary_offset) of the first and second member of pair j.
GYRE_FN u32 gyre_pair_first(u32 pairing, u32 j)
{
    return pairing == 1u ? 2u * j : j;
}

GYRE_FN u32 gyre_pair_second(u32 pairing, u32 j, u32 n_pairs)
{
    return pairing == 1u ? 2u * j + 1u : j + n_pairs;
}

#endif
