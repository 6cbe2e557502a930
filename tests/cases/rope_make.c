// SPDX-License-Identifier: MIT
// The table and the tensors of a case of RoPE.
#include <stdlib.h>
#include <string.h>

#include "cases/rope_run.h"
#include "harness/fill.h"

struct oracle_rope rope_oracle_of(const struct rope_run *run)
{
    return (struct oracle_rope){
        .head_dim = run->row.head_dim,
        .rotary_dim = run->row.rotary_dim,
        .rotary_offset = run->row.rotary_offset,
        .is_interleaved = run->row.pairing == GYRE_ROPE_INTERLEAVED,
        .inv_freq = run->inv_freq,
        .pair_axes = run->pair_axes,
    };
}

// --- table

static uint32_t n_sections(const struct rope_case *row)
{
    uint32_t n = 0;
    for (uint32_t axis = 0; axis < GYRE_ROPE_MAX_AXES; axis++)
        n = row->sections[axis] != 0 ? axis + 1 : n;
    return n;
}

static void mix_axes(struct rope_run *run, uint64_t seed)
{
    run->n_axes = run->row.n_mixed_axes;
    for (size_t j = 0; j < run->row.rotary_dim / 2; j++)
        run->pair_axes[j] = (uint32_t)(fill_bits(fill_seed(seed, "axes"), j) % run->n_axes);
    run->pair_axes[0] = run->n_axes - 1; // so that there are as many
}

// Two halves, each with the frequencies of a head half as long.
static void set_vision(struct rope_run *run)
{
    size_t n_half = run->row.rotary_dim / 4;
    run->n_axes = 2;
    oracle_rope_inv_freq(run->row.theta, run->row.rotary_dim / 2, run->inv_freq);
    memcpy(run->inv_freq + n_half, run->inv_freq, n_half * sizeof(*run->inv_freq));
    oracle_rope_axes_in_rows((size_t[]){n_half, n_half}, 2 * n_half, run->pair_axes);
}

static void set_pairs(struct rope_run *run, uint64_t seed)
{
    const struct rope_case *row = &run->row;
    size_t n_pairs = row->rotary_dim / 2, sizes[GYRE_ROPE_MAX_AXES];
    for (size_t axis = 0; axis < GYRE_ROPE_MAX_AXES; axis++)
        sizes[axis] = row->sections[axis];
    oracle_rope_inv_freq(row->theta, row->rotary_dim, run->inv_freq);
    run->n_axes = row->axes == GYRE_ROPE_ONE_AXIS ? 1 : n_sections(row);
    if (row->n_mixed_axes != 0)
        mix_axes(run, seed);
    else if (row->axes == GYRE_ROPE_SECTIONS)
        oracle_rope_axes_in_rows(sizes, n_pairs, run->pair_axes);
    else if (row->axes == GYRE_ROPE_SECTIONS_INTERLEAVED)
        oracle_rope_axes_in_turn(sizes, run->n_axes, n_pairs, run->pair_axes);
    else if (row->axes == GYRE_ROPE_VISION)
        set_vision(run);
}

static enum gyre_status make_table(struct rope_run *run, uint64_t seed)
{
    const struct rope_case *row = &run->row;
    run->inv_freq = calloc(row->rotary_dim / 2 + 1, sizeof(*run->inv_freq));
    run->pair_axes = calloc(row->rotary_dim / 2 + 1, sizeof(*run->pair_axes));
    if (run->inv_freq == NULL || run->pair_axes == NULL)
        return GYRE_NO_MEMORY;
    set_pairs(run, seed);
    struct gyre_rope_config config = {
        .head_dim = row->head_dim,
        .rotary_dim = row->rotary_dim,
        .rotary_offset = row->rotary_offset,
        .pairing = row->pairing,
        .theta = row->theta,
        .inv_freq = row->has_inv_freq ? run->inv_freq : NULL,
        .attention_factor = row->amplitude,
        .axes = row->axes,
        .pair_axes = row->n_mixed_axes != 0 ? run->pair_axes : NULL,
    };
    memcpy(config.sections, row->sections, sizeof(config.sections));
    return gyre_rope_table_create(run->session->device, &config, &run->table);
}

// --- q and k

// Makes every pair (1, 0).
static void set_unit_pairs(const struct rope_run *run, double *values, size_t n)
{
    struct oracle_rope rope = rope_oracle_of(run);
    for (size_t head = 0; head < n; head += rope.head_dim)
        for (size_t j = 0; j < rope.rotary_dim / 2; j++) {
            size_t a, b;
            oracle_rope_pair(&rope, j, &a, &b);
            values[head + a] = 1;
            values[head + b] = 0;
        }
}

static enum gyre_status make_heads(struct rope_run *run, const char *name, uint32_t n_heads,
                                   enum gyre_dtype dtype, uint64_t seed, struct rope_tensor *tensor)
{
    const struct rope_case *row = &run->row;
    struct guarded_layout layout = {
        .dtype = dtype,
        .use = row->is_in_place ? GUARDED_INOUT : GUARDED_INPUT,
        .shape = {row->n_batch, row->n_tokens, n_heads, row->head_dim},
        .is_head_major = row->is_head_major,
        .row_gap = row->row_gap,
        .is_unaligned = row->is_unaligned,
    };
    size_t n = (size_t)row->n_batch * row->n_tokens * n_heads * row->head_dim;
    tensor->before = malloc((n + 1) * sizeof(*tensor->before));
    if (tensor->before == NULL)
        return GYRE_NO_MEMORY;
    fill_normals(fill_seed(seed, name), tensor->before, n);
    for (size_t i = 0; i < n; i++)
        tensor->before[i] *= row->magnitude;
    if (row->is_unit)
        set_unit_pairs(run, tensor->before, n);
    enum gyre_status status =
        guarded_create(run->session, name, &layout, tensor->before, &tensor->in);
    if (status == GYRE_OK)
        memcpy(tensor->before, tensor->in.values, n * sizeof(*tensor->before));
    if (status != GYRE_OK || row->is_in_place)
        return status;
    layout.use = GUARDED_OUTPUT;
    return guarded_create(run->session, name, &layout, NULL, &tensor->out);
}

// --- where the angles come from

static double some_position(const struct rope_case *row, uint64_t seed, uint64_t i)
{
    if (row->is_anywhere)
        return (double)(int32_t)(uint32_t)fill_bits(seed, i);
    return (double)(fill_bits(seed, i) % 64) - 8;
}

static enum gyre_status make_positions(struct rope_run *run, uint64_t seed)
{
    const struct rope_case *row = &run->row;
    enum rope_positions kind = row->positions;
    if (kind == ROPE_POSITIONS_NONE)
        return GYRE_OK;
    bool has_batches = kind == ROPE_POSITIONS_STARTS || kind == ROPE_POSITIONS_PER_BATCH;
    bool has_tokens = kind == ROPE_POSITIONS_SHARED || kind == ROPE_POSITIONS_PER_BATCH;
    struct guarded_layout layout = {
        .dtype = row->are_positions_i64 ? GYRE_I64 : GYRE_I32,
        .shape = {1, row->has_one_axis ? 1 : run->n_axes, has_batches ? row->n_batch : 1,
                  has_tokens ? row->n_tokens : 1},
        .is_head_major = row->is_head_major,
        .row_gap = row->row_gap,
        .is_unaligned = row->is_unaligned,
    };
    size_t n = (size_t)(layout.shape[1] * layout.shape[2] * layout.shape[3]);
    double *values = malloc((n + 1) * sizeof(*values));
    if (values == NULL)
        return GYRE_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        values[i] = some_position(row, fill_seed(seed, "positions"), i);
    enum gyre_status status =
        guarded_create(run->session, "positions", &layout, values, &run->positions);
    free(values);
    return status;
}

// Any numbers do as cosines and sines: they turn a pair and stretch it. The tensor goes on behind
// the rows that the call may see.
static enum gyre_status make_cached(struct rope_run *run, const char *name, bool is_unaligned,
                                    uint64_t seed, struct guarded *guarded)
{
    enum { N_MORE = 2 };
    const struct rope_case *row = &run->row;
    struct guarded_layout layout = {
        .dtype = row->cache_dtype,
        .shape = {1, row->is_cache_per_batch ? row->n_batch : 1, row->n_cached + N_MORE,
                  row->rotary_dim / 2},
        .is_head_major = row->is_head_major,
        .row_gap = row->row_gap,
        .is_unaligned = is_unaligned,
    };
    size_t n = (size_t)(layout.shape[1] * layout.shape[2] * layout.shape[3]);
    double *values = malloc((n + 1) * sizeof(*values));
    if (values == NULL)
        return GYRE_NO_MEMORY;
    fill_normals(fill_seed(seed, name), values, n);
    enum gyre_status status = guarded_create(run->session, name, &layout, values, guarded);
    guarded->tensor.shape[2] = row->n_cached;
    free(values);
    return status;
}

// The two never lie at the same offset from an aligned address.
static enum gyre_status make_cache(struct rope_run *run, uint64_t seed)
{
    const struct rope_case *row = &run->row;
    if (row->n_cached == 0)
        return GYRE_OK;
    enum gyre_status status = make_cached(run, "cos", row->is_unaligned, seed, &run->cos);
    if (status == GYRE_OK)
        status = make_cached(run, "sin", !row->is_unaligned, seed, &run->sin);
    return status;
}

enum gyre_status rope_run_make(struct rope_run *run, enum gyre_dtype dtype, uint64_t seed)
{
    const struct rope_case *row = &run->row;
    enum gyre_status status = make_table(run, seed);
    if (status == GYRE_OK)
        status = make_heads(run, "q", row->n_heads, dtype, seed, &run->q);
    if (status == GYRE_OK && row->n_k_heads != 0)
        status = make_heads(run, "k", row->n_k_heads, dtype, seed, &run->k);
    if (status == GYRE_OK)
        status = make_positions(run, seed);
    if (status == GYRE_OK)
        status = make_cache(run, seed);
    run->params = (struct gyre_rope_params){
        .table = run->table,
        .q = run->q.in.tensor,
        .k = run->k.in.tensor,
        .q_out = run->q.out.tensor,
        .k_out = run->k.out.tensor,
        .positions = run->positions.tensor,
        .start = row->start,
        .direction = row->direction,
        .cos = run->cos.tensor,
        .sin = run->sin.tensor,
    };
    return status;
}
