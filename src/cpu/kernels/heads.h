// SPDX-License-Identifier: MIT
// Loading heads that come in two parts or are rotated on the way: both parts side by side, as
// floats. The order of args/attention.h is for devices that take elements one by one.
#ifndef GYRE_CPU_KERNELS_HEADS_H
#define GYRE_CPU_KERNELS_HEADS_H

#include "convert.h"
#include "sequence.h"
#include "turns.h"

// Extras that ask for this.
#define EXTRA_ANY_ROTATED (EXTRA_ROTATED_Q | EXTRA_ROTATED_K)
#define EXTRA_OWN_HEADS   (EXTRA_SECOND | EXTRA_ANY_ROTATED)

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
    struct angles angles; // room
};

static inline size_t angles_size(const struct gyre_attention_args *args)
{
    return round_up(args->heads.n_pairs, VEC) * sizeof(float);
}

static inline void take_angles(const struct gyre_attention_args *args, struct angles *angles,
                               uintptr_t *next)
{
    angles->cos = take(next, angles_size(args));
    angles->sin = take(next, angles_size(args));
    angles->turns = take(next, angles_size(args));
}

static inline struct heads heads_of_q(const struct gyre_attention_args *args, u32 defined,
                                      u32 dtype, const void *q, void *const extras[],
                                      const struct angles *angles)
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
        .dim2 = h->dim2,
        .rotation = defined & EXTRA_ROTATED_Q ? h : NULL,
        .turns = extras[SLOT_TURNS],
        .coords = h->has_q_coords != 0 ? coords + h->q_coords_offset : NULL,
        .coords_stride = h->q_coords_stride,
        .angles = *angles,
    };
}

static inline struct heads heads_of_k(const struct gyre_attention_args *args, u32 defined,
                                      u32 dtype, const void *k, void *const extras[],
                                      const struct angles *angles)
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
        .dim2 = h->dim2,
        .rotation = defined & EXTRA_ROTATED_K ? h : NULL,
        .turns = extras[SLOT_TURNS],
        .coords = h->has_k_coords != 0 ? coords + h->k_coords_offset : NULL,
        .coords_stride = h->k_coords_stride,
        .angles = *angles,
    };
}

// Cosines and sines of a token, times the amplitude.
static void heads_turn(const struct heads *heads, u32 batch, u32 token, i32 position)
{
    const struct gyre_attention_heads *rotation = heads->rotation;
    const struct angles *angles = &heads->angles;
    const u32 *stride = heads->coords_stride, n = rotation->n_pairs;
    for (u32 j = 0; j < n; j++) {
        u32 at = (u32)position;
        if (heads->coords != NULL)
            at = (u32)heads->coords[row_index(0, stride, heads->turns[2 * n + j], batch, token)];
        angles->turns[j] = turn_at(heads->turns, j, at);
    }
    angles_from_turns(n, angles);
    for (u32 j = 0; j < n; j += VEC) {
        vec_store(angles->cos + j, vec_load(angles->cos + j) * rotation->amplitude);
        vec_store(angles->sin + j, vec_load(angles->sin + j) * rotation->amplitude);
    }
}

INLINE void rotate_pairs(float *a, float *b, size_t step, const struct angles *angles, u32 n)
{
    for (u32 j = 0; j < n; j++, a += step, b += step) {
        const float first = *a, second = *b;
        *a = first * angles->cos[j] - second * angles->sin[j];
        *b = first * angles->sin[j] + second * angles->cos[j];
    }
}

// x[j], x[j + n]
static void rotate_half(float *x, const struct angles *angles, u32 n)
{
    u32 j = 0;
    for (; j + VEC <= n; j += VEC) {
        vec c = vec_load(angles->cos + j), s = vec_load(angles->sin + j);
        vec a = vec_load(x + j), b = vec_load(x + n + j);
        vec_store(x + j, a * c - b * s);
        vec_store(x + n + j, a * s + b * c);
    }
    const struct angles rest = {angles->cos + j, angles->sin + j, NULL};
    rotate_pairs(x + j, x + n + j, 1, &rest, n - j);
}

static void heads_rotate(const struct heads *heads, float *x)
{
    const struct gyre_attention_heads *rotation = heads->rotation;
    x += rotation->rotary_offset;
    if (rotation->pairing == 0)
        rotate_half(x, &heads->angles, rotation->n_pairs);
    else
        rotate_pairs(x, x + 1, 2, &heads->angles, rotation->n_pairs);
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
