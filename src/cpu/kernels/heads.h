// SPDX-License-Identifier: MIT
// Loading heads that come in two parts or are rotated on the way: both parts side by side, as
// floats. The order of args/attention.h is for devices that take elements one by one.
#ifndef GYRE_CPU_KERNELS_HEADS_H
#define GYRE_CPU_KERNELS_HEADS_H

#include "convert.h"
#include "rotate.h"
#include "sequence.h"

// Extras that ask for this.
#define EXTRA_ANY_ROTATED (EXTRA_ROTATED_Q | EXTRA_ROTATED_K)
#define EXTRA_OWN_HEADS   (EXTRA_SECOND | EXTRA_ANY_ROTATED)

// Room for what rotates a token.
struct heads_room {
    struct angles angles;
    struct factors factors;
};

// The heads of q, or of k.
struct heads {
    u32 dtype;
    const void *first, *second;
    u32 first_offset, second_offset;
    const u32 *first_stride, *second_stride;     // (batch, token, head)
    u32 dim, dim2;                               // elements of the first part, of the second
    const struct gyre_attention_heads *rotation; // NULL: not rotated
    const uint32_t *turns;
    const int32_t *coords; // NULL: a token's position is on all axes
    const u32 *coords_stride;
    struct heads_room room;
};

static inline void take_room(const struct gyre_attention_args *args, struct heads_room *room,
                             uintptr_t *next)
{
    const size_t n = round_up(args->heads.n_pairs, VEC) * sizeof(float);
    room->angles.cos = take(next, n);
    room->angles.sin = take(next, n);
    room->angles.turns = take(next, n);
    room->factors.cos = take(next, 2 * n);
    room->factors.sin = take(next, 2 * n);
}

static inline struct heads heads_of_q(const struct gyre_attention_args *args, u32 defined,
                                      u32 dtype, const void *q, void *const extras[],
                                      const struct heads_room *room)
{
    const struct gyre_attention_heads *h = &args->heads;
    const int32_t *coords = extras[SLOT_Q_COORDS];
    return (struct heads){
        .dtype = dtype,
        .first = q,
        .second = extras[SLOT_Q2],
        .first_offset = args->q_offset,
        .second_offset = h->q2_offset,
        .first_stride = args->q_stride,
        .second_stride = h->q2_stride,
        .dim = first_dim(args),
        .dim2 = args->dim2,
        .rotation = defined & EXTRA_ROTATED_Q ? h : NULL,
        .turns = extras[SLOT_TURNS],
        .coords = h->has_q_coords != 0 ? coords + h->q_coords_offset : NULL,
        .coords_stride = h->q_coords_stride,
        .room = *room,
    };
}

static inline struct heads heads_of_k(const struct gyre_attention_args *args, u32 defined,
                                      u32 dtype, const void *k, void *const extras[],
                                      const struct heads_room *room)
{
    const struct gyre_attention_heads *h = &args->heads;
    const int32_t *coords = extras[SLOT_K_COORDS];
    return (struct heads){
        .dtype = dtype,
        .first = k,
        .second = extras[SLOT_K2],
        .first_offset = args->k_offset,
        .second_offset = h->k2_offset,
        .first_stride = args->k_stride,
        .second_stride = h->k2_stride,
        .dim = first_dim(args),
        .dim2 = args->dim2,
        .rotation = defined & EXTRA_ROTATED_K ? h : NULL,
        .turns = extras[SLOT_TURNS],
        .coords = h->has_k_coords != 0 ? coords + h->k_coords_offset : NULL,
        .coords_stride = h->k_coords_stride,
        .room = *room,
    };
}

// What rotates the heads of a token.
static void heads_turn(const struct heads *heads, u32 batch, u32 token, i32 position)
{
    const struct gyre_attention_heads *rotation = heads->rotation;
    const struct angles *angles = &heads->room.angles;
    const u32 *stride = heads->coords_stride, n = rotation->n_pairs;
    for (u32 j = 0; j < n; j++) {
        u32 at = (u32)position;
        if (heads->coords != NULL)
            at = (u32)heads->coords[row_index(0, stride, heads->turns[2 * n + j], batch, token)];
        angles->turns[j] = turn_at(heads->turns, j, at);
    }
    angles_from_turns(n, angles);
    make_factors(rotation->pairing == 0, angles, n, rotation->amplitude, rotation->amplitude,
                 &heads->room.factors);
}

static void heads_rotate(const struct heads *heads, float *x)
{
    const struct gyre_attention_heads *rotation = heads->rotation;
    const struct factors *factors = &heads->room.factors;
    char *first = (char *)(x + rotation->rotary_offset);
    if (rotation->pairing == 0)
        rotate_half(DTYPE_F32, false, first, first, factors, rotation->n_pairs);
    else
        rotate_interleaved(DTYPE_F32, false, first, first, factors, rotation->n_pairs);
}

// The head of a token that stands at `position`, to (dim + dim2) floats; head2 is the second
// part's.
static void head_load(const struct heads *heads, u32 batch, u32 token, u32 head, u32 head2,
                      i32 position, float *dst)
{
    size_t first = row_index(heads->first_offset, heads->first_stride, batch, token, head);
    row_load(heads->dtype, element(heads->dtype, heads->first, first), dst, heads->dim);
    if (heads->dim2 != 0) {
        size_t second = row_index(heads->second_offset, heads->second_stride, batch, token, head2);
        row_load(heads->dtype, element(heads->dtype, heads->second, second), dst + heads->dim,
                 heads->dim2);
    }
    if (heads->rotation != NULL) {
        heads_turn(heads, batch, token, position);
        heads_rotate(heads, heads->dim2 != 0 ? dst + heads->dim : dst);
    }
}

#endif
