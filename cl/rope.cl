// SPDX-License-Identifier: MIT
// Rotates the heads of q and k. For pair j of a head, (a, b) its two elements:
//
//   turn = frac(position * freq[j]); c = cos(2 pi turn), s = sin(2 pi turn)
//   x'[a] = amp_cos c x[a] - amp_sin s x[b]      x'[b] = amp_sin s x[a] + amp_cos c x[b]
//
// groups: (ceil(items / WG), tokens (strided), batch (strided)). An item is one pair, or one element outside
// the rotary window, of HEADS heads of q and k counted together; neighbouring items are neighbouring
// pairs.
#include "args/rope.h"
#include "common.clh"

#define T TYPE(X_DTYPE)

// What an item does to each of its heads.
struct item {
    bool is_pair;
    u32 a, b;       // elements of the head; the same one where it passes through
    float cos, sin; // with amplitude and direction
};

// Top 32 bits of frac(position * freq): a product of 32 by 64 bits modulo 2^64, the position signed.
static inline u32 turn_of(i32 position, uint2 freq)
{
    u32 p = (u32)position;
    return p * freq.y + mul_hi(p, freq.x) - (position < 0 ? freq.x : 0u);
}

// (cos, sin) of turn / 2^32 turns, each within 2^-22: minimax polynomials over an eighth of a turn
// to either side of the nearest quarter.
static inline float2 cos_sin(u32 turn)
{
    u32 quarter = (turn + 0x20000000u) >> 30;
    float x = (float)(i32)(turn - (quarter << 30)) * 1.46291807927e-9f; // 2 pi / 2^32
    float y = x * x;
    float s = x + x * y *
                      (-1.66666672e-1f +
                       y * (8.33332818e-3f + y * (-1.98390393e-4f + y * 2.71597446e-6f)));
    float c =
        1.0f + y * (-0.5f + y * (4.16666456e-2f + y * (-1.38873642e-3f + y * 2.44380917e-5f)));
    float2 cs = (quarter & 1u) != 0u ? (float2)(s, c) : (float2)(c, s);
    cs.x = quarter == 1u || quarter == 2u ? -cs.x : cs.x;
    cs.y = quarter >= 2u ? -cs.y : cs.y;
    return cs;
}

static inline i32 position_of(struct gyre_rope_args a, __global const i32 *positions, u32 batch,
                              u32 token)
{
    u32 given =
        a.use_positions != 0u
            ? (u32)positions[a.pos_offset + batch * a.pos_stride[0] + token * a.pos_stride[1]]
            : token * (u32)a.step;
    return (i32)((u32)a.start + given);
}

static inline struct item item_of(struct gyre_rope_args a, u32 number)
{
    struct item item;
    item.is_pair = number < a.n_pairs;
    if (item.is_pair) {
        item.a = a.rotary_offset + gyre_pair_first(PAIRING, number);
        item.b = a.rotary_offset + gyre_pair_second(PAIRING, number, a.n_pairs);
    } else {
        u32 passed = number - a.n_pairs;
        item.a = item.b = passed + (passed < a.rotary_offset ? 0u : 2u * a.n_pairs);
    }
    return item;
}

// One head, which begins at element `from` of x and `to` of out; these may be the same memory.
static inline void rotate_head(struct item item, __global const T *x, u32 from, __global T *out,
                               u32 to)
{
    float xa = LOAD(X_DTYPE)(x, from + item.a);
    if (item.is_pair) {
        float xb = LOAD(X_DTYPE)(x, from + item.b);
        STORE(X_DTYPE)(out, to + item.a, item.cos * xa - item.sin * xb);
        STORE(X_DTYPE)(out, to + item.b, item.sin * xa + item.cos * xb);
    } else {
        STORE(X_DTYPE)(out, to + item.a, xa);
    }
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void
rope(struct gyre_rope_args a,
     __global const T *q,           // (batch, token, q head, head_dim)
     __global T *q_out,             // the same; may be q
     __global const T *k,           // (batch, token, k head, head_dim)
     __global T *k_out,             // the same; may be k
     __global const uint2 *table,   // (n_pairs) low and high half of a fraction of a turn
     __global const i32 *positions) // (batch or 1, token)
{
    const u32 n_items = a.n_pairs + a.n_pass; // of a head
    const u32 number = get_global_id(0) % n_items;
    const u32 head_begin = get_global_id(0) / n_items * HEADS;
    const u32 head_end = min(head_begin + HEADS, a.n_q_heads + a.n_k_heads);
    struct item item = item_of(a, number);
    const uint2 freq = item.is_pair ? table[number] : (uint2)(0u, 0u);
    for (u32 batch = get_group_id(2); batch < a.n_batch; batch += get_num_groups(2))
        for (u32 token = get_group_id(1); token < a.n_tokens; token += get_num_groups(1)) {
            float2 cs = cos_sin(turn_of(position_of(a, positions, batch, token), freq));
            item.cos = cs.x * a.amp_cos;
            item.sin = cs.y * a.amp_sin;
            for (u32 head = head_begin; head < head_end; head++) {
                const u32 k_head = head - a.n_q_heads;
                if (head < a.n_q_heads)
                    rotate_head(item, q, ROW(a, q, batch, token, head), q_out,
                                ROW(a, q_out, batch, token, head));
                else
                    rotate_head(item, k, ROW(a, k, batch, token, k_head), k_out,
                                ROW(a, k_out, batch, token, k_head));
            }
        }
}
