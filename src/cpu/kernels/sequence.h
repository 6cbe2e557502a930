// SPDX-License-Identifier: MIT
// The sequence that a group works on: which tokens are its queries and keys, and what they see.
#ifndef GYRE_CPU_KERNELS_SEQUENCE_H
#define GYRE_CPU_KERNELS_SEQUENCE_H

#include "layout.h"
#include "visible.h"

// Buffers of extras, in order (args/attention.h).
enum {
    SLOT_STARTS,
    SLOT_LENS,
    SLOT_Q_FIRSTS,
    SLOT_K_FIRSTS,
    SLOT_SLOPES,
    SLOT_K_POSITIONS,
    SLOT_RELATIVE,
    SLOT_Q2,
    SLOT_K2,
    SLOT_TURNS,
    SLOT_Q_COORDS,
    SLOT_K_COORDS
};

struct sequence {
    u32 batch;
    u32 q_first, q_len;    // its queries among q's tokens
    u32 k_first, k_tokens; // its keys among k's tokens; the rules may know fewer
    struct key_rules rules;
};

static inline struct sequence sequence_of(const struct gyre_attention_args *args, u32 defined,
                                          void *const extras[], u32 batch)
{
    const struct gyre_attention_extras *e = &args->extras;
    struct sequence own = {
        .batch = batch,
        .q_len = args->q_len,
        .k_tokens = args->kv_len,
        .rules = KEY_RULES(args),
    };
    if (e->q_firsts != 0) {
        const void *firsts = extras[SLOT_Q_FIRSTS];
        own.q_first = gyre_packed_first(list_i32(firsts, e->q_firsts, batch), e->q_total);
        own.q_len = gyre_packed_len(own.q_first, list_i32(firsts, e->q_firsts, batch + 1),
                                    e->q_total, args->q_len);
    }
    if (e->k_firsts != 0) {
        const void *firsts = extras[SLOT_K_FIRSTS];
        own.k_first = gyre_packed_first(list_i32(firsts, e->k_firsts, batch), e->k_total);
        own.k_tokens = gyre_packed_len(own.k_first, list_i32(firsts, e->k_firsts, batch + 1),
                                       e->k_total, args->kv_len);
    }
    own.rules.kv_len = own.k_tokens;
    rules_of_batch(&own.rules, e, extras[SLOT_STARTS], extras[SLOT_LENS], own.q_len, batch);
    if (defined & EXTRA_POSITIONS)
        own.rules.positions = (const i32 *)extras[SLOT_K_POSITIONS] + e->k_positions_offset +
                              (size_t)batch * e->k_positions_stride + own.k_first;
    return own;
}

// Rows that a KV head's group of heads packs.
static inline u32 n_rows_of(const struct gyre_attention_args *args, const struct sequence *own)
{
    return own->q_len * args->group;
}

// Elements of the first part of a head.
static inline u32 first_dim(const struct gyre_attention_args *args)
{
    return args->head_dim - args->dim2;
}

// Products of a query with the relative embeddings, by number.
static inline const float *relative_of(const struct gyre_attention_args *args, void *const extras[],
                                       const struct sequence *own, struct query_row at)
{
    return (const float *)extras[SLOT_RELATIVE] +
           row_index(0, args->extras.relative_stride, own->batch, at.head, own->q_first + at.query);
}

#endif
