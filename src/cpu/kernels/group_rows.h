// SPDX-License-Identifier: MIT
// A group's rows: queries in, results out.
#ifndef GYRE_CPU_KERNELS_GROUP_ROWS_H
#define GYRE_CPU_KERNELS_GROUP_ROWS_H

#include "group.h"
#include "partial.h"
#include "transpose.h"

// Rows [first_row, first_row + n) of q or of the result.
static struct ahead_rows ahead_of_rows(const struct group *group, u32 buf, u32 dtype, u32 n_columns,
                                       u32 offset, const u32 stride[3], u32 first_row, u32 n)
{
    const u32 first_query = first_row - first_row % group->args->group;
    size_t first = token_index(group, offset, stride, first_query), size = dtype_size(dtype);
    return (struct ahead_rows){
        .first = element(dtype, group->task->bufs[buf], first),
        .row_size = n_columns * size,
        .outer_stride = stride[1] * size,
        .inner_stride = stride[2] * size,
        .n_inner = group->args->group,
        .next = first_row - first_query,
        .n = first_row - first_query + n,
        .per_step = 2,
    };
}

// VEC rows as they are loaded: in memory, or brought to q_rows.
static u32 find_queries(const struct group *group, const struct block *block, u32 lane,
                        const void *rows[VEC])
{
    const struct gyre_attention_args *args = group->args;
    const u32 dtype = group->task->defs[DEF_Q];
    const bool is_plain = (group->extras & EXTRA_OWN_HEADS) == 0;
    for (u32 i = 0; i < VEC; i++) {
        const u32 row = row_of_lane(block, lane + i);
        const struct query_row at = unpack_row(args, group->kv_head, row);
        float *own = group->q_rows + i * group->q_stride;
        size_t index = token_index(group, args->q_offset, args->q_stride, row);
        rows[i] = is_plain ? element(dtype, group->task->bufs[BUF_Q], index) : own;
        if (!is_plain)
            head_load(&group->q, group->own.batch, group->own.q_first + at.query, at.head, at.head,
                      position_of_row(group, row), own);
    }
    return is_plain ? dtype : DTYPE_F32;
}

// Query rows, times scale, to (head_dim, LANES).
static void load_queries(const struct group *group, struct block *block)
{
    for (u32 lane = 0; lane < block->n_rows; lane += VEC) {
        const void *rows[VEC];
        u32 dtype = find_queries(group, block, lane, rows);
        if (group->tile.pairs != NULL)
            group->tile.pairs->load_queries(rows, group->args->head_dim, block->q + lane);
        else
            load_columns(dtype, rows, group->args->head_dim, group->args->scale, block->q + lane,
                         LANES);
    }
    block->is_loaded = true;
}

static void set_bounds(const struct group *group, struct block *block)
{
    const struct gyre_attention_args *args = group->args;
    const struct key_rules *rules = &group->own.rules;
    void *const *extras = &group->task->bufs[BUF_EXTRAS];
    for (u32 lane = 0; lane < LANES; lane++) {
        u32 row = row_of_lane(block, lane);
        i32 position = position_of_row(group, row);
        struct key_set keys = keys_of(rules, position);
        block->keep[lane] = (int32_t)keys.keep;
        block->lo[lane] = (int32_t)keys.lo;
        block->hi[lane] = (int32_t)keys.hi;
        block->position[lane] = position;
        const struct query_row at = unpack_row(args, group->kv_head, row);
        if (args->extras.slopes != 0)
            block->slope[lane] = list_f32(extras[SLOT_SLOPES], args->extras.slopes, at.head);
        if (group->extras & EXTRA_RELATIVE)
            block->relative[lane] = relative_of(args, extras, &group->own, at);
    }
    i32 first = position_of_row(group, block->first_row);
    i32 last = position_of_row(group, block->first_row + block->n_rows - 1);
    block->any = keys_of_any(rules, first, last);
    block->all = keys_of_all(rules, first, last);
}

// What the sinks of VEC lanes add to their sums; nothing to those of rows that see nothing.
static vec sinks_of(const struct group *group, const struct block *block, u32 lane)
{
    vec sinks = {0};
    const u32 at = group->args->extras.sinks;
    const void *list = group->task->bufs[BUF_SINKS];
    for (u32 i = 0; i < VEC && at != 0; i++) {
        u32 head = head_of_row(group, row_of_lane(block, lane + i));
        float max = block->max[lane + i];
        sinks[i] = max == -INFINITY ? 0.0f : expf(list_f32(list, at, head) - max);
    }
    return sinks;
}

// What the sums of p v of VEC lanes are multiplied by. Where p has been rounded, that makes of them
// a mean of the values again, times the sum of the p that were not: what their errors have in
// common cancels, and neither LSE nor a sink sees any.
static vec correction_of(const struct group *group, const struct block *block, u32 lane)
{
    const vec rounded = vec_load(block->rounded_sum + lane), one = vec_set1(1.0f);
    if (group->tile.pairs == NULL)
        return one;
    return vec_load(block->sum + lane) / vec_select(rounded == 0.0f, one, rounded);
}

// The result, divided by the sums; rows that see nothing become 0.
static void store_out(const struct group *group, struct block *block)
{
    const struct gyre_attention_args *args = group->args;
    block_clear(block, args->v_dim);
    u32 dtype = group->task->defs[DEF_OUT];
    for (u32 lane = 0; lane < block->n_rows; lane += VEC) {
        u32 n_rows = block->n_rows - lane < VEC ? block->n_rows - lane : VEC;
        vec sum = vec_load(block->sum + lane) + sinks_of(group, block, lane);
        vec inverse =
            correction_of(group, block, lane) / vec_select(sum == 0.0f, vec_set1(1.0f), sum);
        void *rows[VEC];
        for (u32 i = 0; i < n_rows; i++) {
            u32 row = block->first_row + lane + i;
            size_t at = token_index(group, args->out_offset, args->out_stride, row);
            rows[i] = element_mut(dtype, group->task->bufs[BUF_OUT], at);
        }
        store_columns(dtype, block->out + lane, LANES, inverse, rows, n_rows, args->v_dim);
    }
}

static void store_lse(const struct group *group, const struct block *block)
{
    const struct gyre_attention_args *args = group->args;
    float *lse = group->task->bufs[BUF_LSE];
    for (u32 lane = 0; lane < block->n_rows; lane++) {
        struct query_row at = unpack_row(args, group->kv_head, block->first_row + lane);
        lse[row_index(args->lse_offset, args->lse_stride, group->own.batch, at.head,
                      group->own.q_first + at.query)] = block->max[lane] + logf(block->sum[lane]);
    }
}

static void store_partial(const struct group *group, struct block *block)
{
    const struct gyre_attention_args *args = group->args;
    const struct partial partial = partial_of(args, group->task->bufs[BUF_OUT], group->own.batch,
                                              group->kv_head, group->split, block->first_row);
    block_clear(block, args->v_dim);
    for (u32 lane = 0; lane < block->n_rows; lane += VEC) {
        u32 n_rows = block->n_rows - lane < VEC ? block->n_rows - lane : VEC;
        void *rows[VEC];
        for (u32 i = 0; i < n_rows; i++)
            rows[i] = partial.acc + (size_t)(lane + i) * args->v_dim;
        store_columns(DTYPE_F32, block->out + lane, LANES, correction_of(group, block, lane), rows,
                      n_rows, args->v_dim);
    }
    for (u32 lane = 0; lane < block->n_rows; lane++) {
        partial.ml[2 * lane] = block->max[lane];
        partial.ml[2 * lane + 1] = block->sum[lane];
    }
}

// Cuts rows into blocks. Their queries are loaded when they are needed, and prefetched before.
static void set_rows(struct group *group, u32 first_row, u32 n_rows)
{
    const struct gyre_attention_args *args = group->args;
    const uint32_t *defs = group->task->defs;
    group->n_blocks = round_up(n_rows, LANES) / LANES;
    for (size_t i = 0; i < group->n_blocks; i++) {
        struct block *block = &group->blocks[i];
        u32 skipped = (u32)i * LANES;
        block->first_row = first_row + skipped;
        block->n_rows = n_rows - skipped < LANES ? n_rows - skipped : LANES;
        block->is_loaded = false;
        set_bounds(group, block);
    }
    group->first_position = position_of_row(group, first_row);
    group->last_position = position_of_row(group, first_row + n_rows - 1);
    group->keys = keys_of_any(&group->own.rules, group->first_position, group->last_position);
    group->ahead.q = ahead_of_rows(group, BUF_Q, defs[DEF_Q], first_dim(args), args->q_offset,
                                   args->q_stride, first_row, n_rows);
    if (args->has_out && (group->extras & EXTRA_PARTIAL) == 0)
        group->ahead.out = ahead_of_rows(group, BUF_OUT, defs[DEF_OUT], args->v_dim,
                                         args->out_offset, args->out_stride, first_row, n_rows);
}

#endif
