// SPDX-License-Identifier: MIT
// Kernel `attention` (arguments and buffers in args/attention.h) on the CPU, for many query rows.
//
//   s = scale q.k, capped and masked    p = exp(s - max)    o = sum p v / sum p
//
// groups: (row tiles of TILE_Q * splits, kv heads, batch), splits innermost. A group cuts its rows
// into blocks (block.h). Keys pass in tiles of TILE_K, converted to f32 in local memory once for
// all blocks. What is needed next is prefetched meanwhile (ahead.h).
#include "args/attention.h"

#include "block_f32.h"
#include "block_masks.h"
#include "group_keys.h"
#include "group_rows.h"

static size_t local_size(const struct gyre_cpu_task *task)
{
    struct group group = {.task = task, .args = task->args, .extras = task->defs[DEF_EXTRAS]};
    return lay_out(&group, 0, false);
}

// Masks by the mask tensor and by position, as far as this tile needs it.
static void apply_masks(const struct group *group, const struct block *block,
                        const struct tile *tile)
{
    const struct gyre_attention_args *args = group->args;
    const struct key_rules *rules = &group->own.rules;
    u32 dtype = group->task->defs[DEF_MASK];
    if (dtype != DTYPE_NONE) {
        struct mask_rows mask = {.dtype = dtype};
        for (u32 lane = 0; lane < LANES; lane++) {
            struct query_row at = unpack_row(args, group->kv_head, row_of_lane(block, lane));
            size_t index = row_index(args->mask_offset, args->mask_stride, group->own.batch,
                                     at.head, at.query);
            mask.rows[lane] = element(dtype, group->task->bufs[BUF_MASK], index);
        }
        mask_scores(&mask, tile, n_vecs_of(block));
    }
    if (group->extras & EXTRA_ALIBI)
        slope_scores(n_vecs_of(block), rules, block, tile);
    if (!keys_include(&block->all, tile->begin, tile->end))
        hide_scores(n_vecs_of(block), rules, block, tile);
}

INLINE void attend_as(int n_vecs, const struct group *group, struct block *block,
                      const struct tile *tile)
{
    if (!block->is_loaded)
        load_queries(group, block);
    if (tile->pairs != NULL)
        tile->pairs->compute_scores(n_vecs, group->args->scale, block, tile);
    else
        compute_scores(n_vecs, block, tile);
    if (group->extras & EXTRA_RELATIVE)
        relative_scores(n_vecs * VEC, group->args->extras.n_relative, &group->own.rules, block,
                        tile);
    if (group->args->softcap != 0.0f)
        cap_scores(n_vecs, group->args->softcap, tile);
    apply_masks(group, block, tile);
    update_max(n_vecs, block, tile);
    if (tile->pairs != NULL)
        tile->pairs->weigh_values(n_vecs, block, tile);
    else
        weigh_values(n_vecs, block, tile);
}

// Cuts from both ends of the tile what the block does not see, whole micro-kernels at its begin;
// false when that is everything.
static bool clip_tile(const struct block *block, struct tile *tile)
{
    u32 begin = tile->begin, end, last = block->any.hi;
    if (!keys_next(&block->any, UINT32_MAX, tile->end, &begin, &end))
        return false;
    u32 n_skipped = (begin - tile->begin) / MICRO_PAD * MICRO_PAD;
    last = last > block->any.keep ? last : block->any.keep;
    tile->end = tile->end < last ? tile->end : last;
    tile->begin += n_skipped;
    tile->k += n_skipped * tile->k_stride;
    tile->v += n_skipped * tile->v_stride;
    return true;
}

static void attend(const struct group *group, struct block *block)
{
    struct tile tile = group->tile;
    if (!clip_tile(block, &tile))
        return;
    switch (n_vecs_of(block)) {
    case 1:
        attend_as(1, group, block, &tile);
        break;
    case 2:
        attend_as(2, group, block, &tile);
        break;
    case 3:
        attend_as(3, group, block, &tile);
        break;
    default:
        attend_as(MICRO_VECS, group, block, &tile);
    }
}

// All tiles that some row of the group sees in its split, for all blocks.
static void attend_all(struct group *group)
{
    const struct gyre_attention_args *args = group->args;
    u32 tile_k = group->task->consts[CONST_TILE_K];
    u32 end =
        group->extras & EXTRA_PARTIAL ? (group->split + 1) * args->keys_per_split : UINT32_MAX;
    struct tile *tile = &group->tile;
    for (size_t i = 0; i < group->n_blocks; i++)
        block_reset(&group->blocks[i]);
    for (tile->begin = group->split * args->keys_per_split;
         keys_next(&group->keys, tile_k, end, &tile->begin, &tile->end); tile->begin = tile->end) {
        if (!may_see(&group->own.rules, group->first_position, group->last_position, tile->begin,
                     tile->end))
            continue;
        load_tile(group);
        look_ahead(group);
        for (size_t i = 0; i < group->n_blocks; i++)
            attend(group, &group->blocks[i]);
    }
}

static void store_block(const struct group *group, struct block *block)
{
    if (group->extras & EXTRA_PARTIAL) {
        store_partial(group, block);
        return;
    }
    if (group->args->has_lse)
        store_lse(group, block);
    if (group->args->has_out)
        store_out(group, block);
}

static void run(const struct gyre_cpu_task *task, const uint32_t index[3], void *local)
{
    const struct gyre_attention_args *args = task->args;
    struct group group = {
        .task = task,
        .args = args,
        .extras = task->defs[DEF_EXTRAS],
        .own = sequence_of(args, task->defs[DEF_EXTRAS], &task->bufs[BUF_EXTRAS], index[2]),
        .kv_head = index[1],
        .split = index[0] % args->n_splits,
    };
    // The last rows see most keys under causality: taken first, they leave no long tail.
    u32 n_row_tiles = task->groups[0] / args->n_splits, tile_q = task->consts[CONST_TILE_Q];
    u32 first_row = (n_row_tiles - 1 - index[0] / args->n_splits) * tile_q;
    u32 n_all = n_rows_of(args, &group.own), n_rows = n_all - first_row;
    if (first_row >= n_all)
        return;
    n_rows = n_rows < tile_q ? n_rows : tile_q;
    lay_out(&group, (uintptr_t)local, true);
    group.tile.ahead = &group.ahead;
    set_rows(&group, first_row, n_rows);
    attend_all(&group);
    for (size_t i = 0; i < group.n_blocks; i++)
        store_block(&group, &group.blocks[i]);
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(attention) = {
    .name = "attention",
    .local_size = local_size,
    .run = run,
};
