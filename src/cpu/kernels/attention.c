// SPDX-License-Identifier: MIT
// Kernel `attention` (arguments and buffers in args/attention.h) on the CPU, for many query rows.
//
//   s = scale q.k, capped and masked    p = exp(s - max)    o = sum p v / sum p
//
// groups: (row tiles of TILE_Q, kv heads, batch). A group cuts its rows into blocks (block.h). Keys
// pass in tiles of TILE_K, converted to f32 in local memory once for all blocks.
#include "args/attention.h"

#include "block.h"
#include "common.h"
#include "convert.h"
#include "layout.h"

enum { BUF_Q, BUF_K, BUF_V, BUF_MASK, BUF_OUT, BUF_LSE };
enum { DEF_Q, DEF_K, DEF_V, DEF_OUT, DEF_MASK };
enum { CONST_WG, CONST_TILE_Q, CONST_TILE_K };

struct group {
    const struct gyre_cpu_task *task;
    const struct gyre_attention_args *args;
    struct key_rules rules;
    u32 batch, kv_head;
    struct block *blocks;
    size_t n_blocks;
    struct tile tile;
    bool has_hidden; // some row did not see some key that was computed
    bool is_careful; // values of hidden keys may be NaN or infinite
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
    block->keep = take(next, lanes);
    block->lo = take(next, lanes);
    block->hi = take(next, lanes);
}

static void take_tile(struct tile *tile, const struct gyre_cpu_task *task, uintptr_t *next)
{
    const struct gyre_attention_args *args = task->args;
    size_t rows = round_up(task->consts[CONST_TILE_K], MICRO_PAD);
    rows = rows > VEC ? rows : VEC; // k and v are scratch for transpositions, too
    tile->head_dim = args->head_dim;
    tile->v_dim = args->v_dim;
    tile->k_stride = tile_stride(args->head_dim);
    tile->v_stride = tile_stride(round_up(args->v_dim, MICRO_PAD));
    tile->k = take(next, rows * tile->k_stride * sizeof(float));
    tile->v = take(next, rows * tile->v_stride * sizeof(float));
    tile->scores = take(next, rows * LANES * sizeof(float));
}

// Lays a group out from `next` on; returns where it ends. Touches local memory only if asked to.
static uintptr_t lay_out(struct group *group, uintptr_t next, bool is_real)
{
    struct block spare;
    group->n_blocks = round_up(group->task->consts[CONST_TILE_Q], LANES) / LANES;
    group->blocks = take(&next, group->n_blocks * sizeof(struct block));
    take_tile(&group->tile, group->task, &next);
    for (size_t i = 0; i < group->n_blocks; i++)
        take_block(is_real ? &group->blocks[i] : &spare, group->args, &next);
    return next;
}

static size_t local_size(const struct gyre_cpu_task *task)
{
    struct group group = {.task = task, .args = task->args};
    return lay_out(&group, 0, false);
}

// Row of a tensor with strides that count (batch, token, head).
static size_t token_index(const struct group *group, u32 offset, const u32 stride[3], u32 row)
{
    struct query_row at = unpack_row(group->args, group->kv_head, row);
    return row_index(offset, stride, group->batch, at.query, at.head);
}

// The same for strides that count (batch, head, query).
static size_t query_index(const struct group *group, u32 offset, const u32 stride[3], u32 row)
{
    struct query_row at = unpack_row(group->args, group->kv_head, row);
    return row_index(offset, stride, group->batch, at.head, at.query);
}

static u32 row_of_lane(const struct block *block, u32 lane)
{
    return block->first_row + (lane < block->n_rows ? lane : block->n_rows - 1);
}

static int n_vecs_of(const struct block *block)
{
    return (int)((block->n_rows + VEC - 1) / VEC);
}

// Query rows, times scale, to (head_dim, LANES); `scratch` holds VEC rows.
static void load_queries(const struct group *group, struct block *block, float *scratch)
{
    const struct gyre_attention_args *args = group->args;
    u32 dtype = group->task->defs[DEF_Q];
    size_t stride = tile_stride(args->head_dim);
    for (u32 lane = 0; lane < block->n_rows; lane += VEC) {
        for (u32 i = 0; i < VEC; i++) {
            u32 row = row_of_lane(block, lane + i);
            size_t at = token_index(group, args->q_offset, args->q_stride, row);
            row_load(dtype, element(dtype, group->task->bufs[BUF_Q], at), scratch + i * stride,
                     args->head_dim);
        }
        for (u32 d = 0; d < args->head_dim; d += VEC) {
            vec piece[VEC];
            for (int i = 0; i < VEC; i++)
                piece[i] = args->scale * vec_load(scratch + i * stride + d);
            vec_transpose(piece);
            for (int i = 0; i < VEC; i++)
                vec_store(block->q + (size_t)(d + i) * LANES + lane, piece[i]);
        }
    }
}

static void set_bounds(const struct group *group, struct block *block)
{
    for (u32 lane = 0; lane < LANES; lane++) {
        i32 position = position_of_row(group->args, row_of_lane(block, lane));
        struct key_set keys = keys_of(&group->rules, position);
        block->keep[lane] = (int32_t)keys.keep;
        block->lo[lane] = (int32_t)keys.lo;
        block->hi[lane] = (int32_t)keys.hi;
    }
    i32 first = position_of_row(group->args, block->first_row);
    i32 last = position_of_row(group->args, block->first_row + block->n_rows - 1);
    block->any = keys_of_any(&group->rules, first, last);
    block->all = keys_of_all(&group->rules, first, last);
}

// Converts rows of k or v to the tile, and clears what pads them.
static void load_rows(u32 dtype, const void *src, size_t src_stride, size_t n_rows,
                      size_t n_columns, float *dst, size_t dst_stride)
{
    size_t padding = (round_up(n_columns, MICRO_PAD) - n_columns) * sizeof(float);
    for (size_t r = 0; r < n_rows; r++) {
        row_load(dtype, element(dtype, src, r * src_stride), dst + r * dst_stride, n_columns);
        memset(dst + r * dst_stride + n_columns, 0, padding);
    }
    memset(dst + n_rows * dst_stride, 0,
           (round_up(n_rows, MICRO_PAD) - n_rows) * dst_stride * sizeof(float));
}

static void load_tile(const struct group *group)
{
    const struct gyre_attention_args *args = group->args;
    const struct tile *tile = &group->tile;
    u32 k_dtype = group->task->defs[DEF_K], v_dtype = group->task->defs[DEF_V];
    size_t n_keys = tile->end - tile->begin;
    size_t k = row_index(args->k_offset, args->k_stride, group->batch, tile->begin, group->kv_head);
    size_t v = row_index(args->v_offset, args->v_stride, group->batch, tile->begin, group->kv_head);
    load_rows(k_dtype, element(k_dtype, group->task->bufs[BUF_K], k), args->k_stride[1], n_keys,
              args->head_dim, tile->k, tile->k_stride);
    load_rows(v_dtype, element(v_dtype, group->task->bufs[BUF_V], v), args->v_stride[1], n_keys,
              args->v_dim, tile->v, tile->v_stride);
}

// Masks by the mask tensor and by position, as far as this tile needs it.
static void apply_masks(struct group *group, const struct block *block, const struct tile *tile)
{
    const struct gyre_attention_args *args = group->args;
    u32 dtype = group->task->defs[DEF_MASK];
    if (dtype != DTYPE_NONE) {
        struct mask_rows mask = {.dtype = dtype};
        for (u32 lane = 0; lane < LANES; lane++) {
            size_t at =
                query_index(group, args->mask_offset, args->mask_stride, row_of_lane(block, lane));
            mask.rows[lane] = element(dtype, group->task->bufs[BUF_MASK], at);
        }
        mask_scores(&mask, tile, n_vecs_of(block));
        group->has_hidden = true;
    }
    if (!keys_include(&block->all, tile->begin, tile->end)) {
        hide_scores(n_vecs_of(block), block, tile);
        group->has_hidden = true;
    }
}

INLINE void attend_as(int n_vecs, struct group *group, struct block *block, const struct tile *tile)
{
    compute_scores(n_vecs, block, tile);
    if (group->args->softcap != 0.0f)
        cap_scores(n_vecs, group->args->softcap, tile);
    apply_masks(group, block, tile);
    update_max(n_vecs, block, tile);
    exponentiate(n_vecs, block, tile);
    if (group->is_careful)
        add_values_carefully(n_vecs, block, tile);
    else
        add_values(n_vecs, block, tile);
}

// Cuts from the tile's end what the block does not see; false when that is everything.
static bool clip_tile(const struct block *block, struct tile *tile)
{
    u32 begin = tile->begin, end, last = block->any.hi;
    if (!keys_next(&block->any, UINT32_MAX, tile->end, &begin, &end))
        return false;
    last = last > block->any.keep ? last : block->any.keep;
    tile->end = tile->end < last ? tile->end : last;
    return true;
}

static void attend(struct group *group, struct block *block)
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
#if MICRO_VECS > 2
    case 3:
        attend_as(3, group, block, &tile);
        break;
    default:
        attend_as(4, group, block, &tile);
#endif
    }
}

// All tiles that some row of the group sees, for all blocks.
static void attend_all(struct group *group)
{
    u32 tile_k = group->task->consts[CONST_TILE_K], v_dim = group->args->v_dim;
    struct tile *tile = &group->tile;
    struct key_set keys = keys_of_any(
        &group->rules, position_of_row(group->args, group->blocks[0].first_row),
        position_of_row(group->args, row_of_lane(&group->blocks[group->n_blocks - 1], LANES)));
    for (size_t i = 0; i < group->n_blocks; i++)
        block_reset(&group->blocks[i], v_dim);
    for (tile->begin = 0; keys_next(&keys, tile_k, UINT32_MAX, &tile->begin, &tile->end);
         tile->begin = tile->end) {
        load_tile(group);
        for (size_t i = 0; i < group->n_blocks; i++)
            attend(group, &group->blocks[i]);
    }
}

// Rows [lane, lane + VEC) of the result, transposed back through `scratch`.
static void store_rows(const struct group *group, const struct block *block, u32 lane,
                       float *scratch)
{
    const struct gyre_attention_args *args = group->args;
    u32 dtype = group->task->defs[DEF_OUT];
    size_t stride = group->tile.v_stride;
    for (u32 d = 0; d < args->v_dim; d += VEC) {
        vec piece[VEC];
        for (int i = 0; i < VEC; i++)
            piece[i] = vec_load(block->out + (size_t)(d + i) * LANES + lane);
        vec_transpose(piece);
        for (int i = 0; i < VEC; i++)
            vec_store(scratch + i * stride + d, piece[i]);
    }
    for (u32 i = 0; i < VEC && lane + i < block->n_rows; i++) {
        u32 row = block->first_row + lane + i;
        size_t at = token_index(group, args->out_offset, args->out_stride, row);
        row_store(dtype, scratch + i * stride, element_mut(dtype, group->task->bufs[BUF_OUT], at),
                  args->v_dim);
    }
}

static void store_lse(const struct group *group, const struct block *block)
{
    const struct gyre_attention_args *args = group->args;
    float *lse = group->task->bufs[BUF_LSE];
    for (u32 lane = 0; lane < block->n_rows; lane++) {
        u32 row = block->first_row + lane;
        lse[query_index(group, args->lse_offset, args->lse_stride, row)] =
            block->max[lane] + logf(block->sum[lane]);
    }
}

static void store_block(const struct group *group, struct block *block)
{
    const struct gyre_attention_args *args = group->args;
    if (args->has_lse)
        store_lse(group, block);
    if (!args->has_out)
        return;
    block_normalise(block, args->v_dim);
    for (u32 lane = 0; lane < block->n_rows; lane += VEC)
        store_rows(group, block, lane, group->tile.v);
}

static bool is_finite(const struct group *group)
{
    bool finite = true;
    for (size_t i = 0; i < group->n_blocks; i++)
        finite &= block_is_finite(&group->blocks[i], group->args->v_dim);
    return finite;
}

static void load_blocks(struct group *group, u32 first_row, u32 n_rows)
{
    group->n_blocks = round_up(n_rows, LANES) / LANES;
    for (size_t i = 0; i < group->n_blocks; i++) {
        struct block *block = &group->blocks[i];
        u32 skipped = (u32)i * LANES;
        block->first_row = first_row + skipped;
        block->n_rows = n_rows - skipped < LANES ? n_rows - skipped : LANES;
        set_bounds(group, block);
        load_queries(group, block, group->tile.k);
    }
}

static void run(const struct gyre_cpu_task *task, const uint32_t index[3], void *local)
{
    const struct gyre_attention_args *args = task->args;
    struct group group = {
        .task = task,
        .args = args,
        .rules = KEY_RULES(args),
        .kv_head = index[1],
        .batch = index[2],
    };
    // The last rows see most keys under causality: taken first, they leave no long tail.
    u32 row_tile = task->groups[0] - 1 - index[0], tile_q = task->consts[CONST_TILE_Q];
    u32 first_row = row_tile * tile_q, n_rows = args->q_len * args->group - first_row;
    lay_out(&group, (uintptr_t)local, true);
    load_blocks(&group, first_row, n_rows < tile_q ? n_rows : tile_q);
    attend_all(&group);
    // Most values are finite, so nothing is spent on hidden ones before the result says otherwise.
    if (group.has_hidden && !is_finite(&group)) {
        group.is_careful = true;
        attend_all(&group);
    }
    for (size_t i = 0; i < group.n_blocks; i++)
        store_block(&group, &group.blocks[i]);
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(attention) = {
    .name = "attention",
    .local_size = local_size,
    .run = run,
};
