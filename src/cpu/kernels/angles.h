// SPDX-License-Identifier: MIT
// Cosines and sines of a token's angles (args/rope.h), from the table or from the caller's cache.
#ifndef GYRE_CPU_KERNELS_ANGLES_H
#define GYRE_CPU_KERNELS_ANGLES_H

#include "args/rope.h"

#include "common.h"
#include "convert.h"
#include "turns.h"

// What a table or a cache is read from.
struct angle_source {
    const struct gyre_rope_args *args;
    const uint32_t *table;
    u32 cache_dtype; // DTYPE_NONE: none
    const void *cos, *sin;
    const int32_t *positions;
};

static size_t padded_pairs(const struct gyre_rope_args *args)
{
    return (args->n_pairs + VEC - 1) / VEC * VEC;
}

// Wraps at 32 bits, as on every device.
static u32 position_of(const struct angle_source *source, u32 axis, u32 batch, u32 token)
{
    const struct gyre_rope_args *args = source->args;
    u32 position = (u32)args->start + token * (u32)args->step;
    if (args->use_positions == 0)
        return position;
    size_t at = args->pos_offset + (size_t)axis * args->pos_stride[0] +
                (size_t)batch * args->pos_stride[1] + (size_t)token * args->pos_stride[2];
    return position + (u32)source->positions[at];
}

static void compute_turns(const struct angle_source *source, u32 batch, u32 token, uint32_t *turns)
{
    const struct gyre_rope_args *args = source->args;
    const uint32_t *axes = source->table + 2 * (size_t)args->n_pairs;
    const u32 position = position_of(source, 0, batch, token);
    const bool is_one = args->use_positions == 0 || args->pos_stride[0] == 0; // for all axes
    for (size_t j = 0; j < args->n_pairs && is_one; j++)
        turns[j] = turn_at(source->table, j, position);
    for (size_t j = 0; j < args->n_pairs && !is_one; j++)
        turns[j] = turn_at(source->table, j, position_of(source, axes[j], batch, token));
}

static void angles_from_table(const struct angle_source *source, u32 batch, u32 token,
                              const struct angles *angles)
{
    compute_turns(source, batch, token, angles->turns);
    angles_from_turns(source->args->n_pairs, angles);
}

// NaN where the position is no row.
static void angles_from_cache(const struct angle_source *source, u32 batch, u32 token,
                              const struct angles *angles)
{
    const struct gyre_rope_args *args = source->args;
    const u32 dtype = source->cache_dtype, position = position_of(source, 0, batch, token);
    if (position >= args->n_cached) {
        for (size_t j = 0; j < args->n_pairs; j++)
            angles->cos[j] = angles->sin[j] = NAN;
        return;
    }
    size_t row = (size_t)batch * args->cache_stride[0] + (size_t)position * args->cache_stride[1];
    row_load(dtype, element(dtype, source->cos, args->cos_offset + row), angles->cos,
             args->n_pairs);
    row_load(dtype, element(dtype, source->sin, args->sin_offset + row), angles->sin,
             args->n_pairs);
}

// Without the amplitudes.
static void angles_of(const struct angle_source *source, u32 batch, u32 token,
                      const struct angles *angles)
{
    if (source->cache_dtype == DTYPE_NONE)
        angles_from_table(source, batch, token, angles);
    else
        angles_from_cache(source, batch, token, angles);
}

#endif
