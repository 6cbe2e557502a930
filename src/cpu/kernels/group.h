// SPDX-License-Identifier: MIT
// What a work-group of `attention` holds: the rows it serves, as blocks, and a tile of keys.
#ifndef GYRE_CPU_KERNELS_GROUP_H
#define GYRE_CPU_KERNELS_GROUP_H

#include "bf16_pairs.h"
#include "common.h"
#include "heads.h"

enum { BUF_Q, BUF_K, BUF_V, BUF_MASK, BUF_OUT, BUF_LSE, BUF_EXTRAS };
enum { BUF_SINKS = BUF_EXTRAS + ATTENTION_N_EXTRAS };
enum { DEF_Q, DEF_K, DEF_V, DEF_OUT, DEF_MASK, DEF_STAGED, DEF_EXTRAS };
enum { CONST_WG, CONST_TILE_Q, CONST_TILE_K };

struct group {
    const struct gyre_cpu_task *task;
    const struct gyre_attention_args *args;
    u32 extras; // EXTRAS
    struct sequence own;
    u32 kv_head, split;
    struct block *blocks;
    size_t n_blocks;
    struct key_set keys; // that any of its rows sees
    i32 first_position, last_position;
    struct tile tile;
    struct ahead ahead;
    struct heads q, k; // where they are not simply rows of memory
    float *q_rows;     // (VEC, q_stride) room for their queries
    size_t q_stride;
};

// Floats of a tile's row: an odd number of cache lines, so that a column meets every cache set.
static size_t tile_stride(size_t n)
{
    return (round_up(n, 16) / 16 | 1) * 16;
}

static void take_block(struct block *block, const struct gyre_attention_args *args, uintptr_t *next)
{
    size_t lanes = LANES * sizeof(float);
    block->q = take(next, round_up(args->head_dim, VEC) * lanes);
    block->out = take(next, round_up(round_up(args->v_dim, MICRO_PAD), VEC) * lanes);
    block->max = take(next, lanes);
    block->sum = take(next, lanes);
    block->rounded_sum = take(next, lanes);
    block->keep = take(next, lanes);
    block->lo = take(next, lanes);
    block->hi = take(next, lanes);
    block->position = take(next, lanes);
    block->slope = take(next, lanes);
    block->relative = take(next, LANES * sizeof(*block->relative));
}

static void take_tile(struct tile *tile, const struct gyre_cpu_task *task, uintptr_t *next)
{
    const struct gyre_attention_args *args = task->args;
    size_t rows = round_up(task->consts[CONST_TILE_K], MICRO_PAD);
    tile->head_dim = args->head_dim;
    tile->v_dim = args->v_dim;
    tile->pairs = bf16_pairs_of(task->defs[DEF_EXTRAS]);
    const size_t n_in_word = tile->pairs != NULL ? 2 : 1;
    tile->k_stride = tile_stride(round_up(args->head_dim, n_in_word) / n_in_word);
    tile->v_stride = tile_stride(round_up(args->v_dim, MICRO_PAD)) / n_in_word;
    tile->k = take(next, rows * tile->k_stride * sizeof(float));
    tile->v = take(next, rows * tile->v_stride * sizeof(float));
    tile->scores = take(next, rows * LANES * sizeof(float));
}

// Room for queries that are rotated or come in two parts.
static void take_heads(struct group *group, struct heads_room *room, uintptr_t *next)
{
    *room = (struct heads_room){0};
    if ((group->extras & EXTRA_OWN_HEADS) == 0)
        return;
    take_room(group->args, room, next);
    group->q_stride = round_up(group->args->head_dim, VEC);
    group->q_rows = take(next, VEC * group->q_stride * sizeof(float));
}

static void set_heads(struct group *group, const struct heads_room *room)
{
    const struct gyre_cpu_task *task = group->task;
    void *const *extras = &task->bufs[BUF_EXTRAS];
    group->q =
        heads_of_q(group->args, group->extras, task->defs[DEF_Q], task->bufs[BUF_Q], extras, room);
    group->k =
        heads_of_k(group->args, group->extras, task->defs[DEF_K], task->bufs[BUF_K], extras, room);
}

// Lays a group out from `next` on; returns where it ends. Touches local memory only if asked to.
static uintptr_t lay_out(struct group *group, uintptr_t next, bool is_real)
{
    struct block spare;
    struct heads_room room;
    group->n_blocks = round_up(group->task->consts[CONST_TILE_Q], LANES) / LANES;
    group->blocks = take(&next, group->n_blocks * sizeof(struct block));
    take_tile(&group->tile, group->task, &next);
    take_heads(group, &room, &next);
    set_heads(group, &room);
    for (size_t i = 0; i < group->n_blocks; i++)
        take_block(is_real ? &group->blocks[i] : &spare, group->args, &next);
    return next;
}

// --- rows

// Row of a tensor with strides that count (batch, token, head).
static size_t token_index(const struct group *group, u32 offset, const u32 stride[3], u32 row)
{
    struct query_row at = unpack_row(group->args, group->kv_head, row);
    return row_index(offset, stride, group->own.batch, group->own.q_first + at.query, at.head);
}

static u32 head_of_row(const struct group *group, u32 row)
{
    return unpack_row(group->args, group->kv_head, row).head;
}

static i32 position_of_row(const struct group *group, u32 row)
{
    return group->own.rules.q_start + (i32)(row / group->args->group);
}

static u32 row_of_lane(const struct block *block, u32 lane)
{
    return block->first_row + (lane < block->n_rows ? lane : block->n_rows - 1);
}

static int n_vecs_of(const struct block *block)
{
    return (int)((block->n_rows + VEC - 1) / VEC);
}

#endif
