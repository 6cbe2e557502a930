// SPDX-License-Identifier: MIT
// Which keys the rules of position show (args/attention.h), for one query and for a run of them.
#ifndef GYRE_CPU_KERNELS_VISIBLE_H
#define GYRE_CPU_KERNELS_VISIBLE_H

#include <stdbool.h>
#include <stddef.h>

#include "args/attention.h"

// The rules of one sequence.
struct key_rules {
    u32 kv_len, is_causal, n_prefix;
    u32 window_left, window_right, window_keep;
    i32 q_start;
    const i32 *positions; // (kv_len) where keys stand; NULL: key j at j
};

// Number i of the list of which the arguments say `at`: 1 + the offset of number 0.
static inline i32 list_i32(const void *list, u32 at, u32 i)
{
    return ((const i32 *)list)[at - 1 + i];
}

static inline float list_f32(const void *list, u32 at, u32 i)
{
    return ((const float *)list)[at - 1 + i];
}

// Out of a kernel's arguments, for all sequences.
#define KEY_RULES(args)                                                                            \
    ((struct key_rules){.kv_len = (args)->kv_len,                                                  \
                        .is_causal = (args)->is_causal,                                            \
                        .n_prefix = (args)->n_prefix,                                              \
                        .window_left = (args)->window_left,                                        \
                        .window_right = (args)->window_right,                                      \
                        .window_keep = (args)->window_keep,                                        \
                        .q_start = (args)->q_start})

// Narrows rules to a sequence of q_len queries that may say its own length and start.
static inline void rules_of_batch(struct key_rules *rules,
                                  const struct gyre_attention_extras *extras, const void *starts,
                                  const void *lens, u32 q_len, u32 batch)
{
    i32 start = extras->starts ? list_i32(starts, extras->starts, batch) : 0;
    if (extras->lens != 0)
        rules->kv_len = gyre_own_len(rules->kv_len, list_i32(lens, extras->lens, batch));
    if (extras->starts != 0 || extras->is_end != 0)
        rules->q_start =
            gyre_own_start(rules->q_start, extras->is_end, rules->kv_len, q_len, start);
}

// Keys j with (lo <= j && j < hi) || j < keep.
struct key_set {
    u32 keep, lo, hi;
};

// What one query sees; where keys have positions of their own, what it may see (positions.h).
static inline struct key_set keys_of(const struct key_rules *rules, i32 q_pos)
{
    if (rules->positions != NULL)
        return (struct key_set){.hi = rules->kv_len};
    u32 cap = gyre_keys_cap(rules->kv_len, rules->is_causal, rules->n_prefix, q_pos);
    return (struct key_set){
        .keep = rules->window_keep < cap ? rules->window_keep : cap,
        .lo = gyre_keys_lo(rules->window_left, q_pos),
        .hi = gyre_keys_hi(rules->window_right, cap, q_pos),
    };
}

// What any query of [first, last] sees: all three bounds grow with the position. Where the two
// ranges meet they become one, with keep = 0.
static inline struct key_set keys_of_any(const struct key_rules *rules, i32 first, i32 last)
{
    struct key_set a = keys_of(rules, first), b = keys_of(rules, last);
    if (b.keep < a.lo)
        return (struct key_set){.keep = b.keep, .lo = a.lo, .hi = b.hi};
    return (struct key_set){.hi = b.hi > b.keep ? b.hi : b.keep};
}

// What every query of [first, last] sees.
static inline struct key_set keys_of_all(const struct key_rules *rules, i32 first, i32 last)
{
    if (rules->positions != NULL)
        return (struct key_set){0};
    struct key_set a = keys_of(rules, first), b = keys_of(rules, last);
    return (struct key_set){.keep = a.keep, .lo = b.lo, .hi = a.hi};
}

static inline bool keys_include(const struct key_set *set, u32 begin, u32 end)
{
    return (set->lo <= begin && end <= set->hi) || end <= set->keep;
}

// The next piece [*begin, *end) of at most `size` keys of the set, from *begin on and below
// `limit`; false when there is none.
static inline bool keys_next(const struct key_set *set, u32 size, u32 limit, u32 *begin, u32 *end)
{
    if (*begin >= set->keep && *begin < set->lo)
        *begin = set->lo;
    u32 stop = *begin < set->keep ? set->keep : set->hi;
    stop = stop < limit ? stop : limit;
    if (*begin >= stop)
        return false;
    *end = stop - *begin > size ? *begin + size : stop;
    return true;
}

#endif
