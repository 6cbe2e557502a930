// SPDX-License-Identifier: MIT
// Kernel `attention` (arguments and buffers in args/attention.h) on the CPU, for many query rows.
//
//   s = scale q.k, capped and masked    p = exp(s - max)    o = sum p v / sum p
//
// groups: (row tiles of TILE_Q, kv heads, batch). A group cuts its rows into blocks (block.h). Keys
// pass in tiles of TILE_K, converted to f32 in local memory once for all blocks. What is needed
// next is prefetched meanwhile (ahead.h).
#include "args/attention.h"

#include "block.h"
#include "common.h"
#include "convert.h"
#include "layout.h"
#include "transpose.h"

enum { BUF_Q, BUF_K, BUF_V, BUF_MASK, BUF_OUT, BUF_LSE, BUF_LISTS };
enum { DEF_Q, DEF_K, DEF_V, DEF_OUT, DEF_MASK, DEF_STAGED, DEF_EXTRAS };
enum { CONST_WG, CONST_TILE_Q, CONST_TILE_K };

struct group {
    const struct gyre_cpu_task *task;
    const struct gyre_attention_args *args;
    struct key_rules rules;
    u32 batch, kv_head;
    struct block *blocks;
    size_t n_blocks;
    struct key_set keys; // that any of its rows sees
    struct tile tile;
    struct ahead ahead;
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
    block->position = take(next, lanes);
    block->slope = take(next, lanes);
}

static void take_tile(struct tile *tile, const struct gyre_cpu_task *task, uintptr_t *next)
{
    const struct gyre_attention_args *args = task->args;
    size_t rows = round_up(task->consts[CONST_TILE_K], MICRO_PAD);
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

static u32 head_of_row(const struct group *group, u32 row)
{
    return unpack_row(group->args, group->kv_head, row).head;
}

static i32 position_of_row(const struct group *group, u32 row)
{
    return group->rules.q_start + (i32)(row / group->args->group);
}

static u32 row_of_lane(const struct block *block, u32 lane)
{
    return block->first_row + (lane < block->n_rows ? lane : block->n_rows - 1);
}

static int n_vecs_of(const struct block *block)
{
    return (int)((block->n_rows + VEC - 1) / VEC);
}

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

// The tile of k or v behind this one.
static struct ahead_rows ahead_of_keys(const struct group *group, u32 buf, u32 dtype, u32 n_columns,
                                       u32 offset, const u32 stride[3])
{
    u32 begin = group->tile.end, n = group->keys.hi - begin,
        tile_k = group->task->consts[CONST_TILE_K];
    size_t first = row_index(offset, stride, group->batch, begin, group->kv_head);
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

// Query rows, times scale, to (head_dim, LANES).
static void load_queries(const struct group *group, struct block *block)
{
    const struct gyre_attention_args *args = group->args;
    u32 dtype = group->task->defs[DEF_Q];
    for (u32 lane = 0; lane < block->n_rows; lane += VEC) {
        const void *rows[VEC];
        for (u32 i = 0; i < VEC; i++) {
            u32 row = row_of_lane(block, lane + i);
            size_t at = token_index(group, args->q_offset, args->q_stride, row);
            rows[i] = element(dtype, group->task->bufs[BUF_Q], at);
        }
        load_columns(dtype, rows, args->head_dim, args->scale, block->q + lane, LANES);
    }
    block->is_loaded = true;
}

static void set_bounds(const struct group *group, struct block *block)
{
    const struct gyre_attention_args *args = group->args;
    const void *slopes = group->task->bufs[BUF_LISTS + LIST_SLOPES];
    for (u32 lane = 0; lane < LANES; lane++) {
        u32 row = row_of_lane(block, lane);
        i32 position = position_of_row(group, row);
        struct key_set keys = keys_of(&group->rules, position);
        block->keep[lane] = (int32_t)keys.keep;
        block->lo[lane] = (int32_t)keys.lo;
        block->hi[lane] = (int32_t)keys.hi;
        block->position[lane] = position;
        if (args->extras.slopes != 0)
            block->slope[lane] = list_f32(slopes, args->extras.slopes, head_of_row(group, row));
    }
    i32 first = position_of_row(group, block->first_row);
    i32 last = position_of_row(group, block->first_row + block->n_rows - 1);
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

static void load_tile(struct group *group)
{
    const struct gyre_attention_args *args = group->args;
    struct tile *tile = &group->tile;
    u32 k_dtype = group->task->defs[DEF_K], v_dtype = group->task->defs[DEF_V];
    size_t n_keys = tile->end - tile->begin;
    size_t k = row_index(args->k_offset, args->k_stride, group->batch, tile->begin, group->kv_head);
    size_t v = row_index(args->v_offset, args->v_stride, group->batch, tile->begin, group->kv_head);
    load_rows(k_dtype, element(k_dtype, group->task->bufs[BUF_K], k), args->k_stride[1], n_keys,
              args->head_dim, tile->k, tile->k_stride);
    load_rows(v_dtype, element(v_dtype, group->task->bufs[BUF_V], v), args->v_stride[1], n_keys,
              args->v_dim, tile->v, tile->v_stride);
    tile->is_finite = are_finite(tile->v, tile->v_stride, n_keys, args->v_dim);
}

// Masks by the mask tensor and by position, as far as this tile needs it.
static void apply_masks(const struct group *group, const struct block *block,
                        const struct tile *tile)
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
    }
    if (group->task->defs[DEF_EXTRAS] & EXTRA_ALIBI)
        slope_scores(n_vecs_of(block), block, tile);
    if (!keys_include(&block->all, tile->begin, tile->end))
        hide_scores(n_vecs_of(block), block, tile);
}

INLINE void attend_as(int n_vecs, const struct group *group, struct block *block,
                      const struct tile *tile)
{
    if (!block->is_loaded)
        load_queries(group, block);
    compute_scores(n_vecs, block, tile);
    if (group->args->softcap != 0.0f)
        cap_scores(n_vecs, group->args->softcap, tile);
    apply_masks(group, block, tile);
    update_max(n_vecs, block, tile);
    exponentiate(n_vecs, block, tile);
    if (tile->is_finite)
        add_values(n_vecs, block, tile);
    else
        add_values_carefully(n_vecs, block, tile);
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

static void look_ahead(struct group *group)
{
    const struct gyre_attention_args *args = group->args;
    const uint32_t *defs = group->task->defs;
    group->ahead.k =
        ahead_of_keys(group, BUF_K, defs[DEF_K], args->head_dim, args->k_offset, args->k_stride);
    group->ahead.v =
        ahead_of_keys(group, BUF_V, defs[DEF_V], args->v_dim, args->v_offset, args->v_stride);
}

// All tiles that some row of the group sees, for all blocks.
static void attend_all(struct group *group)
{
    u32 tile_k = group->task->consts[CONST_TILE_K];
    struct tile *tile = &group->tile;
    for (size_t i = 0; i < group->n_blocks; i++)
        block_reset(&group->blocks[i]);
    for (tile->begin = 0; keys_next(&group->keys, tile_k, UINT32_MAX, &tile->begin, &tile->end);
         tile->begin = tile->end) {
        load_tile(group);
        look_ahead(group);
        for (size_t i = 0; i < group->n_blocks; i++)
            attend(group, &group->blocks[i]);
    }
}

// What the sinks of VEC lanes add to their sums; nothing to those of rows that see nothing.
static vec sinks_of(const struct group *group, const struct block *block, u32 lane)
{
    vec sinks = {0};
    const u32 at = group->args->extras.sinks;
    const void *list = group->task->bufs[BUF_LISTS + LIST_SINKS];
    for (u32 i = 0; i < VEC && at != 0; i++) {
        u32 head = head_of_row(group, row_of_lane(block, lane + i));
        float max = block->max[lane + i];
        sinks[i] = max == -INFINITY ? 0.0f : expf(list_f32(list, at, head) - max);
    }
    return sinks;
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
        vec inverse = 1.0f / vec_select(sum == 0.0f, vec_set1(1.0f), sum);
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
        u32 row = block->first_row + lane;
        lse[query_index(group, args->lse_offset, args->lse_stride, row)] =
            block->max[lane] + logf(block->sum[lane]);
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
    group->keys = keys_of_any(&group->rules, position_of_row(group, first_row),
                              position_of_row(group, first_row + n_rows - 1));
    group->ahead.q = ahead_of_rows(group, BUF_Q, defs[DEF_Q], args->head_dim, args->q_offset,
                                   args->q_stride, first_row, n_rows);
    if (args->has_out)
        group->ahead.out = ahead_of_rows(group, BUF_OUT, defs[DEF_OUT], args->v_dim,
                                         args->out_offset, args->out_stride, first_row, n_rows);
}

static void run(const struct gyre_cpu_task *task, const uint32_t index[3], void *local)
{
    const struct gyre_attention_args *args = task->args;
    struct group group = {
        .task = task,
        .args = args,
        .rules = rules_of_batch(KEY_RULES(args), &args->extras, &task->bufs[BUF_LISTS], args->q_len,
                                index[2]),
        .kv_head = index[1],
        .batch = index[2],
    };
    // The last rows see most keys under causality: taken first, they leave no long tail.
    u32 row_tile = task->groups[0] - 1 - index[0], tile_q = task->consts[CONST_TILE_Q];
    u32 first_row = row_tile * tile_q, n_rows = args->q_len * args->group - first_row;
    n_rows = n_rows < tile_q ? n_rows : tile_q;
    lay_out(&group, (uintptr_t)local, true);
    group.tile.ahead = &group.ahead;
    set_rows(&group, first_row, n_rows);
    attend_all(&group);
    for (size_t i = 0; i < group.n_blocks; i++) {
        if (args->has_lse)
            store_lse(&group, &group.blocks[i]);
        if (args->has_out)
            store_out(&group, &group.blocks[i]);
    }
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(attention) = {
    .name = "attention",
    .local_size = local_size,
    .run = run,
};
