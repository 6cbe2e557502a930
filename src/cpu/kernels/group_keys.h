// SPDX-License-Identifier: MIT
// A group's keys and values: the next tile, brought to local memory for all its rows.
#ifndef GYRE_CPU_KERNELS_GROUP_KEYS_H
#define GYRE_CPU_KERNELS_GROUP_KEYS_H

#include "group.h"

// The tile of k or v behind this one.
static struct ahead_rows ahead_of_keys(const struct group *group, u32 buf, u32 dtype, u32 n_columns,
                                       u32 offset, const u32 stride[3])
{
    u32 begin = group->tile.end, n = group->keys.hi - begin,
        tile_k = group->task->consts[CONST_TILE_K];
    size_t first =
        row_index(offset, stride, group->own.batch, group->own.k_first + begin, group->kv_head);
    size_t size = dtype_size(dtype);
    if (begin >= group->keys.hi)
        return (struct ahead_rows){0};
    return (struct ahead_rows){
        .first = element(dtype, group->task->bufs[buf], first),
        .row_size = n_columns * size,
        .outer_stride = stride[1] * size,
        .n_inner = 1,
        .n = n < tile_k ? n : tile_k,
        .per_step = tile_k / (group->n_blocks * 32) + 1,
    };
}

// Clears what pads rows to whole micro-kernels.
static void pad_rows(size_t n_rows, size_t n_columns, float *dst, size_t dst_stride)
{
    size_t padding = (round_up(n_columns, MICRO_PAD) - n_columns) * sizeof(float);
    for (size_t r = 0; r < n_rows; r++)
        memset(dst + r * dst_stride + n_columns, 0, padding);
    memset(dst + n_rows * dst_stride, 0,
           (round_up(n_rows, MICRO_PAD) - n_rows) * dst_stride * sizeof(float));
}

static void load_rows(u32 dtype, const void *src, size_t src_stride, size_t n_rows,
                      size_t n_columns, float *dst, size_t dst_stride)
{
    for (size_t r = 0; r < n_rows; r++)
        row_load(dtype, element(dtype, src, r * src_stride), dst + r * dst_stride, n_columns);
    pad_rows(n_rows, n_columns, dst, dst_stride);
}

// Keys that are rotated or come in two parts.
static void load_heads(const struct group *group, const struct tile *tile)
{
    const struct sequence *own = &group->own;
    const u32 head2 = group->kv_head / group->args->heads.group2;
    for (u32 key = tile->begin; key < tile->end; key++)
        head_load(&group->k, own->batch, own->k_first + key, group->kv_head, head2,
                  position_of_key(&own->rules, key),
                  tile->k + (key - tile->begin) * tile->k_stride);
    pad_rows(tile->end - tile->begin, group->args->head_dim, tile->k, tile->k_stride);
}

static bool are_finite(const float *rows, size_t stride, size_t n_rows, size_t n_columns)
{
    vec zeros = {0};
    float zero = 0.0f;
    for (size_t r = 0; r < n_rows; r++, rows += stride) {
        size_t i = 0;
        for (; i + VEC <= n_columns; i += VEC)
            zeros += 0.0f * vec_load(rows + i);
        for (; i < n_columns; i++)
            zero += 0.0f * rows[i];
    }
    return vec_sum(zeros) + zero == 0.0f;
}

// Where the tile's first row of k or v lies.
static const void *first_row(const struct group *group, u32 buf, u32 dtype, u32 offset,
                             const u32 stride[3])
{
    const struct sequence *own = &group->own;
    return element(
        dtype, group->task->bufs[buf],
        row_index(offset, stride, own->batch, own->k_first + group->tile.begin, group->kv_head));
}

static void load_keys(const struct group *group, const struct tile *tile, size_t n_keys)
{
    const struct gyre_attention_args *args = group->args;
    const u32 dtype = group->task->defs[DEF_K], n = args->head_dim;
    const void *k = first_row(group, BUF_K, dtype, args->k_offset, args->k_stride);
    if (tile->pairs != NULL)
        tile->pairs->load_keys(k, args->k_stride[1], n_keys, n, tile->k, tile->k_stride);
    else if (group->extras & EXTRA_OWN_HEADS)
        load_heads(group, tile);
    else
        load_rows(dtype, k, args->k_stride[1], n_keys, n, tile->k, tile->k_stride);
}

static void load_values(const struct group *group, struct tile *tile, size_t n_keys)
{
    const struct gyre_attention_args *args = group->args;
    const u32 dtype = group->task->defs[DEF_V], n = args->v_dim;
    const void *v = first_row(group, BUF_V, dtype, args->v_offset, args->v_stride);
    if (tile->pairs != NULL) {
        tile->is_finite =
            tile->pairs->load_values(v, args->v_stride[1], n_keys, n, tile->v, tile->v_stride);
        return;
    }
    load_rows(dtype, v, args->v_stride[1], n_keys, n, tile->v, tile->v_stride);
    tile->is_finite = are_finite(tile->v, tile->v_stride, n_keys, n);
}

static void load_tile(struct group *group)
{
    const size_t n_keys = group->tile.end - group->tile.begin;
    load_keys(group, &group->tile, n_keys);
    load_values(group, &group->tile, n_keys);
}

static void look_ahead(struct group *group)
{
    const struct gyre_attention_args *args = group->args;
    const uint32_t *defs = group->task->defs;
    group->ahead.k =
        ahead_of_keys(group, BUF_K, defs[DEF_K], first_dim(args), args->k_offset, args->k_stride);
    group->ahead.v =
        ahead_of_keys(group, BUF_V, defs[DEF_V], args->v_dim, args->v_offset, args->v_stride);
}

#endif
