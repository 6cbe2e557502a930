// SPDX-License-Identifier: MIT
// Kernel `rope`: rotates the heads of q and of k in one dispatch.
//
//   turn = frac(position * freq[j]); c = cos, s = sin of that turn
//   x'[a] = amp_cos c x[a] - amp_sin s x[b]      x'[b] = amp_sin s x[a] + amp_cos c x[b]
//
// Buffers: 0 q, 1 q_out, 2 k, 3 k_out, 4 table, 5 positions.
//   table (n_pairs): two u32 each, the low and the high half of the 64-bit fraction of a turn that
//   one position adds.
// Defines: X_DTYPE (of all four tensors), PAIRING (0 half, 1 interleaved).
#ifndef GYRE_ARGS_ROPE_H
#define GYRE_ARGS_ROPE_H

#include "types.h"

// Offsets and strides in elements of the tensor they belong to.
struct gyre_rope_args {
    u32 n_batch, n_tokens;
    u32 n_q_heads, n_k_heads; // n_k_heads 0: no k
    u32 head_dim;
    u32 n_pairs;       // rotary_dim / 2
    u32 rotary_offset; // first element of the rotary window
    u32 n_pass;        // elements outside the window to copy: 0 in place, else head_dim - 2 n_pairs
    u32 q_offset, q_stride[3]; // (batch, token, head)
    u32 q_out_offset, q_out_stride[3];
    u32 k_offset, k_stride[3];
    u32 k_out_offset, k_out_stride[3];
    // position = start + positions[offset + batch * stride[0] + token * stride[1]]; stride[1] 0 and
    // use_positions 0: position = start + token * step
    u32 use_positions, pos_offset, pos_stride[2];
    i32 start, step;
    f32 amp_cos, amp_sin; // sign of amp_sin: direction
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
