// SPDX-License-Identifier: MIT
// Rotates the heads of q and k. For pair j of a head, (a, b) its two elements:
//
//   turn = frac(position * freq[j]); c = cos(2 pi turn), s = sin(2 pi turn)
//   x'[a] = amp_cos c x[a] - amp_sin s x[b]      x'[b] = amp_sin s x[a] + amp_cos c x[b]
//
// groups: (ceil(items / WG), tokens (strided), batch (strided)). An item is one pair, or one element
// outside the rotary window, of HEADS heads of q and k counted together; neighbouring items are
// neighbouring pairs.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "args/rope.h"

layout(constant_id = 1) const uint HEADS = 4;

#define T TYPE(X_DTYPE)
ARGS(gyre_rope_args);
BUFFER(0, readonly, Q, T, q);                   // (batch, token, q head, head_dim)
BUFFER(1, writeonly, QOut, T, q_out);           // the same; may be q
BUFFER(2, readonly, K, T, k);                   // (batch, token, k head, head_dim)
BUFFER(3, writeonly, KOut, T, k_out);           // the same; may be k
BUFFER(4, restrict readonly, Table, uvec2, table); // (n_pairs) low, high half of a fraction of a turn
BUFFER(5, restrict readonly, Positions, int, positions); // (batch or 1, token)

// What a work-item does to each of its heads.
bool is_pair;
uint first, second; // elements of the head; the same one where it passes through
vec2 cs;            // cos and sin, with amplitude and direction

// Top 32 bits of frac(position * freq): a product of 32 by 64 bits modulo 2^64, the position signed.
uint turn_of(int position, uvec2 freq)
{
    uint high, low;
    umulExtended(uint(position), freq.x, high, low);
    return uint(position) * freq.y + high - (position < 0 ? freq.x : 0u);
}

// (cos, sin) of turn / 2^32 turns, each within 2^-22: minimax polynomials over an eighth of a turn
// to either side of the nearest quarter.
vec2 cos_sin(uint turn)
{
    uint quarter = (turn + 0x20000000u) >> 30;
    float x = float(int(turn - (quarter << 30))) * 1.46291807927e-9; // 2 pi / 2^32
    float y = x * x;
    float s = x + x * y * (-1.66666672e-1 +
                           y * (8.33332818e-3 + y * (-1.98390393e-4 + y * 2.71597446e-6)));
    float c = 1.0 + y * (-0.5 + y * (4.16666456e-2 + y * (-1.38873642e-3 + y * 2.44380917e-5)));
    vec2 turned = (quarter & 1u) != 0u ? vec2(s, c) : vec2(c, s);
    return vec2(quarter == 1u || quarter == 2u ? -turned.x : turned.x,
                quarter >= 2u ? -turned.y : turned.y);
}

int position_of(uint batch, uint token)
{
    if (a.use_positions != 0u)
        return a.start + positions[a.pos_offset + batch * a.pos_stride[0] + token * a.pos_stride[1]];
    return a.start + int(token) * a.step;
}

void find_item(uint number)
{
    is_pair = number < a.n_pairs;
    if (is_pair) {
        first = a.rotary_offset + gyre_pair_first(PAIRING, number);
        second = a.rotary_offset + gyre_pair_second(PAIRING, number, a.n_pairs);
    } else {
        uint passed = number - a.n_pairs;
        first = passed + (passed < a.rotary_offset ? 0u : 2u * a.n_pairs);
        second = first;
    }
}

// One head, which begins at element `from` of `in_` and `to` of `out_`; these may be the same memory,
// so both elements are read before either is written.
#define ROTATE_HEAD(in_, out_, from, to)                                                           \
    if (is_pair) {                                                                                 \
        vec2 old = vec2(LOAD(X_DTYPE, in_, from + first), LOAD(X_DTYPE, in_, from + second));      \
        STORE(X_DTYPE, out_, to + first, cs.x * old.x - cs.y * old.y);                             \
        STORE(X_DTYPE, out_, to + second, cs.y * old.x + cs.x * old.y);                            \
    } else {                                                                                       \
        out_[to + first] = in_[from + first];                                                      \
    }

void rotate_heads(uint begin, uint end, uint batch, uint token)
{
    for (uint head = begin; head < min(end, a.n_q_heads); head++) {
        uint from = ROW(q, batch, token, head), to = ROW(q_out, batch, token, head);
        ROTATE_HEAD(q, q_out, from, to)
    }
    for (uint head = max(begin, a.n_q_heads); head < end; head++) {
        uint k_head = head - a.n_q_heads;
        uint from = ROW(k, batch, token, k_head), to = ROW(k_out, batch, token, k_head);
        ROTATE_HEAD(k, k_out, from, to)
    }
}

void main()
{
    uint n_items = a.n_pairs + a.n_pass; // of a head
    uint number = gl_GlobalInvocationID.x % n_items;
    uint begin = gl_GlobalInvocationID.x / n_items * HEADS;
    uint end = min(begin + HEADS, a.n_q_heads + a.n_k_heads);
    find_item(number);
    uvec2 freq = is_pair ? table[number] : uvec2(0u);
    for (uint batch = gl_WorkGroupID.z; batch < a.n_batch; batch += gl_NumWorkGroups.z)
        for (uint token = gl_WorkGroupID.y; token < a.n_tokens; token += gl_NumWorkGroups.y) {
            cs = cos_sin(turn_of(position_of(batch, token), freq)) * vec2(a.amp_cos, a.amp_sin);
            rotate_heads(begin, end, batch, token);
        }
}
