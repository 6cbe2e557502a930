// SPDX-License-Identifier: MIT
#include "cases/rope.h"

#include <stdlib.h>
#include <string.h>

#include "cases/operator.h"
#include "cases/rope_run.h"
#include "harness/fill.h"

// Fills in what the row leaves to defaults.
static struct rope_case with_defaults(const struct rope_case *row)
{
    struct rope_case full = *row;
    full.n_batch = row->n_batch != 0 ? row->n_batch : 1;
    full.rotary_dim = row->rotary_dim != 0 ? row->rotary_dim : row->head_dim;
    full.theta = row->theta != 0 ? row->theta : 10000;
    full.amplitude = row->amplitude != 0 ? row->amplitude : 1;
    full.magnitude = row->magnitude != 0 ? row->magnitude : 1;
    return full;
}

// Makes every pair (1, 0).
static void set_unit_pairs(const struct rope_case *row, double *values, size_t n)
{
    struct oracle_rope rope = rope_oracle_of(row, NULL);
    for (size_t head = 0; head < n; head += row->head_dim)
        for (size_t j = 0; j < row->rotary_dim / 2; j++) {
            size_t a, b;
            oracle_rope_pair(&rope, j, &a, &b);
            values[head + a] = 1;
            values[head + b] = 0;
        }
}

static enum gyre_status make_tensor(struct rope_run *run, const char *name, uint32_t n_heads,
                                    enum gyre_dtype dtype, uint64_t seed,
                                    struct rope_tensor *tensor)
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
        set_unit_pairs(row, tensor->before, n);
    enum gyre_status status =
        guarded_create(run->session, name, &layout, tensor->before, &tensor->in);
    if (status == GYRE_OK)
        memcpy(tensor->before, tensor->in.values, n * sizeof(*tensor->before));
    if (status != GYRE_OK || row->is_in_place)
        return status;
    layout.use = GUARDED_OUTPUT;
    return guarded_create(run->session, name, &layout, NULL, &tensor->out);
}

static double some_position(enum rope_positions kind, uint64_t seed, uint64_t i)
{
    if (kind == ROPE_POSITIONS_ANYWHERE)
        return (double)(int32_t)(uint32_t)fill_bits(seed, i);
    return (double)(fill_bits(seed, i) % 64) - 8;
}

static enum gyre_status make_positions(struct rope_run *run, uint64_t seed)
{
    const struct rope_case *row = &run->row;
    if (row->positions == ROPE_POSITIONS_NONE)
        return GYRE_OK;
    uint64_t n_rows = row->positions == ROPE_POSITIONS_SHARED ? 1 : row->n_batch;
    struct guarded_layout layout = {.dtype = GYRE_I32,
                                    .shape = {1, 1, n_rows, row->n_tokens},
                                    .is_unaligned = row->is_unaligned};
    double *values = malloc(((size_t)n_rows * row->n_tokens + 1) * sizeof(*values));
    if (values == NULL)
        return GYRE_NO_MEMORY;
    for (uint64_t i = 0; i < n_rows * row->n_tokens; i++)
        values[i] = some_position(row->positions, fill_seed(seed, "positions"), i);
    enum gyre_status status =
        guarded_create(run->session, "positions", &layout, values, &run->positions);
    free(values);
    return status;
}

static enum gyre_status make_table(struct rope_run *run)
{
    const struct rope_case *row = &run->row;
    run->inv_freq = malloc((row->rotary_dim / 2 + 1) * sizeof(*run->inv_freq));
    if (run->inv_freq == NULL)
        return GYRE_NO_MEMORY;
    oracle_rope_inv_freq(row->theta, row->rotary_dim, run->inv_freq);
    struct gyre_rope_config config = {
        .head_dim = row->head_dim,
        .rotary_dim = row->rotary_dim,
        .rotary_offset = row->rotary_offset,
        .pairing = row->pairing,
        .theta = row->theta,
        .inv_freq = row->has_inv_freq ? run->inv_freq : NULL,
        .attention_factor = row->amplitude,
    };
    return gyre_rope_table_create(run->session->device, &config, &run->table);
}

static enum gyre_status make_all(struct rope_run *run, enum gyre_dtype dtype, uint64_t seed)
{
    const struct rope_case *row = &run->row;
    enum gyre_status status = make_table(run);
    if (status == GYRE_OK)
        status = make_tensor(run, "q", row->n_heads, dtype, seed, &run->q);
    if (status == GYRE_OK && row->n_k_heads != 0)
        status = make_tensor(run, "k", row->n_k_heads, dtype, seed, &run->k);
    if (status == GYRE_OK)
        status = make_positions(run, seed);
    run->params = (struct gyre_rope_params){
        .table = run->table,
        .q = run->q.in.tensor,
        .k = run->k.in.tensor,
        .q_out = run->q.out.tensor,
        .k_out = run->k.out.tensor,
        .positions = run->positions.tensor,
        .start = row->start,
        .direction = row->direction,
    };
    return status;
}

struct rope_run *rope_prepare(struct session *session, const struct rope_case *row,
                              enum gyre_dtype dtype, uint64_t seed, struct result *result)
{
    struct rope_run *run = calloc(1, sizeof(*run));
    enum gyre_status status = GYRE_NO_MEMORY;
    if (run != NULL) {
        *run = (struct rope_run){.session = session, .row = with_defaults(row)};
        status = make_all(run, dtype, seed);
        if (status == GYRE_OK)
            status = gyre_rope_supported(session->device, &run->params);
    }
    if (status == GYRE_OK)
        return run;
    struct case_dtypes dtypes = {"", dtype, dtype, dtype, dtype};
    case_not_prepared(session, &dtypes, status, result);
    rope_run_destroy(run);
    return NULL;
}

const struct gyre_rope_params *rope_run_params(const struct rope_run *run)
{
    return &run->params;
}

enum gyre_status rope_run_enqueue(struct rope_run *run)
{
    return gyre_rope(run->session->stream, &run->params);
}

static void destroy_tensor(struct rope_tensor *tensor)
{
    guarded_destroy(&tensor->in);
    guarded_destroy(&tensor->out);
    free(tensor->before);
}

void rope_run_destroy(struct rope_run *run)
{
    if (run == NULL)
        return;
    destroy_tensor(&run->q);
    destroy_tensor(&run->k);
    guarded_destroy(&run->positions);
    gyre_rope_table_destroy(&run->table);
    free(run->inv_freq);
    free(run);
}

static void *prepare(struct session *session, size_t row, const struct case_dtypes *dtypes,
                     uint64_t seed, struct result *result)
{
    return rope_prepare(session, &rope_cases[row], dtypes->q, seed, result);
}

CASE_OPERATOR(rope);
