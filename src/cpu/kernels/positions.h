// SPDX-License-Identifier: MIT
// Keys that stand at positions of their own: the rule is then asked key by key.
#ifndef GYRE_CPU_KERNELS_POSITIONS_H
#define GYRE_CPU_KERNELS_POSITIONS_H

#include "vec.h"
#include "visible.h"

static inline i32 position_of_key(const struct key_rules *rules, u32 key)
{
    return rules->positions != NULL ? gyre_k_position(rules->positions[key]) : (i32)key;
}

// Of n <= VEC keys from `key` on; the other lanes hold anything.
INLINE ivec positions_of_keys(const struct key_rules *rules, u32 key, u32 n)
{
    ivec positions = vec_iota() + (int32_t)key;
    for (u32 i = 0; rules->positions != NULL && i < n && i < VEC; i++)
        positions[i] = gyre_k_position(rules->positions[key + i]);
    return positions;
}

// Rules count positions from 0 on, so that below 0 none is in a prefix or kept.
static inline int32_t count_of(u32 n)
{
    return n < 1u << 30 ? (int32_t)n : 1 << 30;
}

// gyre_is_allowed in every lane.
INLINE ivec are_allowed(const struct key_rules *rules, ivec q_pos, ivec k_pos)
{
    const int32_t left = (int32_t)rules->window_left, right = (int32_t)rules->window_right;
    const ivec behind = q_pos - k_pos, is_counted = k_pos >= 0, none = {0};
    const ivec is_in_prefix = is_counted & (k_pos < count_of(rules->n_prefix));
    const ivec is_kept = is_counted & (k_pos < count_of(rules->window_keep));
    const ivec is_early = (behind < 0) & ~is_in_prefix;
    ivec is_inside = ~none;
    if (left != 0)
        is_inside &= behind < left;
    if (right != 0)
        is_inside &= -behind < right;
    return (is_inside | is_kept) & (rules->is_causal != 0 ? ~is_early : ~none);
}

// Whether a query of positions [first, last] may see a key of [begin, end).
static inline bool may_see(const struct key_rules *rules, i32 first, i32 last, u32 begin, u32 end)
{
    i32 least = INT32_MAX, most = INT32_MIN;
    for (u32 key = begin; rules->positions != NULL && key < end; key++) {
        i32 position = position_of_key(rules, key);
        least = position < least ? position : least;
        most = position > most ? position : most;
    }
    return rules->positions == NULL ||
           gyre_may_allow(rules->is_causal, rules->n_prefix, rules->window_left,
                          rules->window_right, rules->window_keep, first, last, least, most) != 0;
}

#endif
