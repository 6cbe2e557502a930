// SPDX-License-Identifier: MIT
// RoPE of the heads of q and k (formulas and buffers in args/rope.h).
//
// groups: (ceil(items / WG), tokens (strided), batch (strided)). An item is one pair, or one
// element outside the rotary window, of HEADS heads of q and k counted together; neighbouring items
// are neighbouring pairs.
#include "args/rope.h"
#include "common.clh"
#include "turn.clh"

#define T TYPE(X_DTYPE)
#if CACHE_DTYPE == DTYPE_NONE
#define ANGLES u32 // the table: (n_pairs) turns of two words, (n_pairs) axes
#else
#define ANGLES TYPE(CACHE_DTYPE) // cosines or sines: (batch or 1, position, n_pairs)
#endif

// What an item does to each of its heads.
struct item {
    bool is_pair;
    u32 a, b;  // elements of the head; the same one where it passes through
    float2 cs; // cos and sin, with amplitude and direction
};

static inline u32 position_of(struct gyre_rope_args a, __global const i32 *positions, u32 axis,
                              u32 batch, u32 token)
{
    u32 position = (u32)a.start + token * (u32)a.step;
    if (a.use_positions != 0u)
        position += (u32)positions[a.pos_offset + axis * a.pos_stride[0] + batch * a.pos_stride[1] +
                                   token * a.pos_stride[2]];
    return position;
}

// Cosine and sine of pair j of a token.
static inline float2 angle_of(struct gyre_rope_args a, __global const ANGLES *angles,
                              __global const ANGLES *sines, __global const i32 *positions, u32 j,
                              u32 batch, u32 token)
{
#if CACHE_DTYPE == DTYPE_NONE
    uint2 turn = (uint2)(angles[2u * j], angles[2u * j + 1u]);
    return cos_sin(
        turn_of(position_of(a, positions, angles[2u * a.n_pairs + j], batch, token), turn));
#else
    u32 position = position_of(a, positions, 0u, batch, token);
    if (position >= a.n_cached)
        return (float2)(NAN, NAN); // there is no such row
    u32 row = batch * a.cache_stride[0] + position * a.cache_stride[1] + j;
    return (float2)(LOAD(CACHE_DTYPE)(angles, a.cos_offset + row),
                    LOAD(CACHE_DTYPE)(sines, a.sin_offset + row));
#endif
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

static inline float2 new_pair(float2 cs, float2 old)
{
#if ADD == 1
    return old + cs.yx;
#else
    return (float2)(cs.x * old.x - cs.y * old.y, cs.y * old.x + cs.x * old.y);
#endif
}

// One head, which begins at element `from` of x and `to` of out; these may be the same memory.
static inline void rotate_head(struct item item, __global const T *x, u32 from, __global T *out,
                               u32 to)
{
    float2 old = (float2)(LOAD(X_DTYPE)(x, from + item.a), LOAD(X_DTYPE)(x, from + item.b));
    float2 pair = item.is_pair ? new_pair(item.cs, old) : old;
    STORE(X_DTYPE)(out, to + item.a, pair.x);
    if (item.is_pair)
        STORE(X_DTYPE)(out, to + item.b, pair.y);
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void
rope(struct gyre_rope_args a,
     __global const T *q,           // (batch, token, q head, head_dim)
     __global T *q_out,             // the same; may be q
     __global const T *k,           // (batch, token, k head, head_dim)
     __global T *k_out,             // the same; may be k
     __global const ANGLES *angles, // the table, or cosines
     __global const i32 *positions, // (axis, batch, token) or less
     __global const ANGLES *sines)  // when there are cosines
{
    const u32 n_items = a.n_pairs + a.n_pass; // of a head
    const u32 number = get_global_id(0) % n_items;
    const u32 head_begin = get_global_id(0) / n_items * HEADS;
    const u32 head_end = min(head_begin + HEADS, a.n_q_heads + a.n_k_heads);
    struct item item = item_of(a, number);
    for (u32 batch = get_group_id(2); batch < a.n_batch; batch += get_num_groups(2))
        for (u32 token = get_group_id(1); token < a.n_tokens; token += get_num_groups(1)) {
            if (item.is_pair)
                item.cs = angle_of(a, angles, sines, positions, number, batch, token) *
                          (float2)(a.amp_cos, a.amp_sin);
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
