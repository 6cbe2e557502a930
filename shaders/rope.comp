// SPDX-License-Identifier: MIT
// RoPE of the heads of q and k (formulas and buffers in args/rope.h).
//
// groups: (ceil(items / WG), tokens (strided), batch (strided)). An item is one pair, or one
// element outside the rotary window, of HEADS heads of q and k counted together; neighbouring items
// are neighbouring pairs.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "args/rope.h"
#include "turn.glsl"

layout(constant_id = 1) const uint HEADS = 4;

#define T TYPE(X_DTYPE)
ARGS(gyre_rope_args);
BUFFER(0, readonly, Q, T, q);                   // (batch, token, q head, head_dim)
BUFFER(1, writeonly, QOut, T, q_out);           // the same; may be q
BUFFER(2, readonly, K, T, k);                   // (batch, token, k head, head_dim)
BUFFER(3, writeonly, KOut, T, k_out);           // the same; may be k
BUFFER(5, restrict readonly, Positions, int, positions); // (axis, batch, token) or less
#if CACHE_DTYPE == DTYPE_NONE
BUFFER(4, restrict readonly, Table, uint, table); // (n_pairs) turns of two words, (n_pairs) axes
#else
BUFFER(4, restrict readonly, Cos, TYPE(CACHE_DTYPE), cosines); // (batch or 1, position, n_pairs)
BUFFER(6, restrict readonly, Sin, TYPE(CACHE_DTYPE), sines);   // the same
#endif

// What a work-item does to each of its heads.
bool is_pair;
uint first, second; // elements of the head; the same one where it passes through
vec2 cs;            // cos and sin, with amplitude and direction

uint position_of(uint axis, uint batch, uint token)
{
    uint position = uint(a.start) + token * uint(a.step);
    if (a.use_positions != 0u)
        position += uint(positions[a.pos_offset + axis * a.pos_stride[0] + batch * a.pos_stride[1] +
                                   token * a.pos_stride[2]]);
    return position;
}

// Cosine and sine of pair j of a token.
#if CACHE_DTYPE == DTYPE_NONE
vec2 angle_of(uint j, uint batch, uint token)
{
    uvec2 turn = uvec2(table[2u * j], table[2u * j + 1u]);
    return cos_sin(turn_of(position_of(table[2u * a.n_pairs + j], batch, token), turn));
}
#else
vec2 angle_of(uint j, uint batch, uint token)
{
    uint position = position_of(0u, batch, token);
    if (position >= a.n_cached)
        return vec2(uintBitsToFloat(0x7fc00000u)); // NaN: there is no such row
    uint row = batch * a.cache_stride[0] + position * a.cache_stride[1] + j;
    return vec2(LOAD(CACHE_DTYPE, cosines, a.cos_offset + row),
                LOAD(CACHE_DTYPE, sines, a.sin_offset + row));
}
#endif

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

vec2 new_pair(vec2 old)
{
#if ADD == 1
    return old + cs.yx;
#else
    return vec2(cs.x * old.x - cs.y * old.y, cs.y * old.x + cs.x * old.y);
#endif
}

// One head, which begins at element `from` of in_ and `to` of out_; these may be the same memory,
// so both elements are read before either is written.
#define ROTATE_HEAD(in_, out_, from, to)                                                           \
    if (is_pair) {                                                                                 \
        vec2 old = vec2(LOAD(X_DTYPE, in_, from + first), LOAD(X_DTYPE, in_, from + second));      \
        vec2 pair = new_pair(old);                                                                 \
        STORE(X_DTYPE, out_, to + first, pair.x);                                                  \
        STORE(X_DTYPE, out_, to + second, pair.y);                                                 \
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
    for (uint batch = gl_WorkGroupID.z; batch < a.n_batch; batch += gl_NumWorkGroups.z)
        for (uint token = gl_WorkGroupID.y; token < a.n_tokens; token += gl_NumWorkGroups.y) {
            if (is_pair)
                cs = angle_of(number, batch, token) * vec2(a.amp_cos, a.amp_sin);
            rotate_heads(begin, end, batch, token);
        }
}
